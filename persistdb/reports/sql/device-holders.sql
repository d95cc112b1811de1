-- title: Who holds a device
-- advice: Stop these containers before the device is detached or replaced.
-- parameter: device device: Kata's ID of it, its numbers on the host as in c 10:229, or its path there
WITH known AS (
    -- what the host calls it, where the list of a Kata sandbox tells it: its numbers, or the path of what has none
    SELECT host, coalesce(host_device, host_path) AS name
    FROM sandbox_devices
    WHERE host_path = :device AND host_path <> ''
    UNION
    SELECT k.host, coalesce(k.host_device, nullif(k.host_path, ''))
    FROM devices AS d
    JOIN sandbox_devices AS k ON k.host = d.host AND k.sid = d.sid AND k.device_id = d.device_id
    WHERE d.device_id = :device
    UNION
    SELECT k.host, coalesce(k.host_device, nullif(k.host_path, ''))
    FROM mounts AS m
    JOIN sandbox_devices AS k ON k.host = m.host AND k.sid = m.sid AND k.device_id = m.block_device_id
    WHERE m.block_device_id = :device AND m.block_device_id <> ''
),
held AS (
    -- the IDs under which sandboxes have it
    SELECT host, sid, device_id
    FROM devices
    WHERE device_id IN (:device, :device_c, :device_u, :device_b) AND device_id <> ''
    UNION
    SELECT host, sid, block_device_id
    FROM mounts
    WHERE block_device_id = :device AND block_device_id <> ''
    UNION
    SELECT host, sid, device_id
    FROM sandbox_devices
    WHERE major = :device_major AND major > 0 AND minor = :device_minor AND kind IN (:device_kind, :device_or_kind)
    UNION
    SELECT k.host, k.sid, k.device_id
    FROM known
    CROSS JOIN sandbox_devices AS k
    WHERE k.host = known.host AND known.name IN (k.host_device, k.host_path)
    UNION
    -- of other runtimes: what Kata names is in the sandbox's list, through which each map's numbers would be looked for
    SELECT d.host, d.sid, d.device_id
    FROM known
    CROSS JOIN devices AS d
    WHERE d.host = known.host AND CASE WHEN substr(d.device_id, 2, 1) = ' ' THEN d.host_device END = known.name
)
-- From the sandboxes on: SQLite takes tables of a cross join in their order, and would begin with all devices. The index
-- of an ID that many have leads to all of these: coalesce keeps engines from it.
SELECT d.host, d.sid, d.cid, d.state, 'device' AS held_as, d.container_path AS path
FROM held
CROSS JOIN devices AS d
WHERE d.host = held.host AND d.sid = held.sid AND coalesce(d.device_id, '') = held.device_id
UNION ALL
SELECT host, sid, cid, state, CASE WHEN is_rootfs THEN 'rootfs' ELSE 'mount' END AS held_as, destination AS path
FROM (
    SELECT m.host, m.sid, m.cid, m.state, m.position, m.is_rootfs, m.destination
    FROM held
    CROSS JOIN mounts AS m
    WHERE m.host = held.host AND m.sid = held.sid AND coalesce(m.block_device_id, '') = held.device_id
    UNION
    SELECT host, sid, cid, state, position, is_rootfs, destination
    FROM mounts
    WHERE source = :device AND source >= '/' AND source < '0'
) AS m
ORDER BY 1, 2, 3, 5, 6
