-- title: Who held a device between two times
-- advice: Look at what these containers did in that time: persistdb history shows it.
-- parameter: device device: Kata's ID of it, its numbers on the host as in c 10:229, or its path there
-- parameter: since time = 30d: from when on
-- parameter: until time = 0s: until when
SELECT host, sid, cid, 'device' AS held_as, container_path AS path, valid_from, valid_to
FROM devices_over_time
WHERE device_id IN (:device, :device_c, :device_u, :device_b, :device_ids)
      AND valid_from <= :until AND (valid_to IS NULL OR valid_to > :since)
UNION ALL
SELECT host, sid, cid, CASE WHEN is_rootfs THEN 'rootfs' ELSE 'mount' END AS held_as, destination AS path, valid_from, valid_to
FROM mounts_over_time
WHERE block_device_id IN (:device, :device_ids) AND block_device_id <> '' AND valid_from <= :until
      AND (valid_to IS NULL OR valid_to > :since)
ORDER BY 6, 1, 2, 3, 4, 5
