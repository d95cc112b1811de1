-- title: Devices whose reference count in Kata's files is not their number of users
-- advice: A count that is too high keeps the device attached for ever, one that is too low detaches it while in use: restart the pod soon.
-- finding: yes
-- by host: yes
SELECT host, sid, device_id, type, ref_count, maps + block_mounts AS users, attach_count, maps, block_mounts
FROM sandbox_devices AS d
WHERE (ref_count <> maps + block_mounts OR attach_count > ref_count)
AND (
  attach_count > ref_count
  -- the sandbox itself uses the VFIO devices of its network
  OR (ref_count > maps + block_mounts AND NOT (type = 'vfio' AND maps = 0 AND attach_count > 0))
  -- a container that stopped has given back what it used
  OR ref_count < maps + block_mounts
  - (SELECT count(*) FROM devices AS x
     WHERE x.host = d.host AND x.sid = d.sid AND x.device_id = d.device_id AND x.state = 'stopped')
  - (SELECT count(*) FROM mounts AS x
     WHERE x.host = d.host AND x.sid = d.sid AND x.block_device_id = d.device_id AND x.state = 'stopped')
)
ORDER BY host, sid, device_id
