-- title: Devices whose reference count in Kata's files is not their number of users
-- advice: A count that is too high keeps the device attached for ever, one that is too low detaches it while in use: restart the pod soon.
-- finding: yes
-- by host: yes
-- Windows, not the counts of the view: by an index these go through all that have an ID, which may be very many.
WITH named AS (
  SELECT host, sid, device_id, type, ref_count, attach_count, 1 AS is_listed, 0 AS map, 0 AS block_mount, 0 AS returned
  FROM sandbox_devices
  UNION ALL
  SELECT host, sid, device_id, NULL, NULL, NULL, 0, 1, 0, CASE WHEN state = 'stopped' THEN 1 ELSE 0 END
  FROM devices
  WHERE device_id <> ''
  UNION ALL
  SELECT host, sid, block_device_id, NULL, NULL, NULL, 0, 0, 1, CASE WHEN state = 'stopped' THEN 1 ELSE 0 END
  FROM mounts
  WHERE block_device_id <> ''
), counted AS (
  SELECT host, sid, device_id, type, ref_count, attach_count, is_listed,
         sum(map) OVER (PARTITION BY host, sid, device_id) AS maps,
         sum(block_mount) OVER (PARTITION BY host, sid, device_id) AS block_mounts,
         sum(returned) OVER (PARTITION BY host, sid, device_id) AS returned
  FROM named
)
SELECT host, sid, device_id, type, ref_count, maps + block_mounts AS users, attach_count, maps, block_mounts
FROM counted
WHERE is_listed = 1 AND (
  attach_count > ref_count
  -- the sandbox itself uses the VFIO devices of its network
  OR (ref_count > maps + block_mounts AND NOT (type = 'vfio' AND maps = 0 AND attach_count > 0))
  -- a container that stopped has given back what it used
  OR ref_count < maps + block_mounts - returned
)
ORDER BY host, sid, device_id
