-- title: Devices whose reference count in Kata's files is not their number of users
-- advice: A count that is too high keeps the device attached for ever, one that is too low detaches it while in use: restart the pod soon.
-- finding: yes
SELECT host, sid, device_id, type, ref_count, maps + block_mounts AS users, attach_count, maps, block_mounts
FROM sandbox_devices
WHERE ref_count <> maps + block_mounts OR attach_count > ref_count
ORDER BY host, sid, device_id
