-- title: Devices known only to the sandbox, or only to one of its containers
-- advice: A device that the sandbox does not have was lost: the container that names it will fail when it stops. A device that nothing uses stays attached until the VM ends.
-- finding: yes
WITH known AS (SELECT host, sid, device_id FROM sandbox_devices)
SELECT 'map of a device that the sandbox has not' AS problem, d.host, d.sid, d.cid, d.device_id, d.container_path AS path
FROM devices AS d
JOIN sandboxes AS s ON s.host = d.host AND s.sid = d.sid
LEFT JOIN known AS k ON k.host = d.host AND k.sid = d.sid AND k.device_id = d.device_id
WHERE s.has_document AND k.device_id IS NULL
UNION ALL
SELECT 'mount of a device that the sandbox has not' AS problem, m.host, m.sid, m.cid, m.block_device_id, m.destination
FROM mounts AS m
JOIN sandboxes AS s ON s.host = m.host AND s.sid = m.sid
LEFT JOIN known AS k ON k.host = m.host AND k.sid = m.sid AND k.device_id = m.block_device_id
WHERE m.block_device_id <> '' AND s.has_document AND k.device_id IS NULL
UNION ALL
SELECT 'device that nothing uses' AS problem, host, sid, NULL, device_id, host_path
FROM sandbox_devices
WHERE maps = 0 AND block_mounts = 0
ORDER BY 2, 3, 1, 4, 5, 6
