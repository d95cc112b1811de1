-- title: Devices whose counts in Kata's files are not the number of those that use them
-- advice: With too high a count the device is never detached, with too low a one it is detached while in use; restart the pod at the next occasion.
-- finding: yes
SELECT host, sid, device_id, type, ref_count, maps + block_mounts AS users, attach_count, maps, block_mounts
FROM sandbox_devices
WHERE ref_count <> maps + block_mounts OR attach_count > ref_count
ORDER BY host, sid, device_id
