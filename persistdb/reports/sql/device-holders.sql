-- title: Who holds a device
-- advice: Stop these containers before the device is detached or replaced.
-- parameter: device text: the ID that Kata gave to the device
SELECT host, sid, cid, state, 'device' AS held_as, container_path AS path
FROM devices
WHERE device_id = :device
UNION ALL
SELECT host, sid, cid, state, CASE WHEN is_rootfs THEN 'rootfs' ELSE 'mount' END AS held_as, destination AS path
FROM mounts
WHERE block_device_id = :device AND block_device_id <> ''
ORDER BY 1, 2, 3, 5, 6
