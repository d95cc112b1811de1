-- title: Devices of more than one container
-- advice: Find out whether the containers are meant to share the device; Kata detaches it only when its last holder releases it.
-- finding: yes
-- by host: yes
SELECT host, device_id, count(DISTINCT sid) AS sandboxes, count(DISTINCT cid) AS containers, count(*) AS maps,
       max(CASE WHEN shared THEN 1 ELSE 0 END) AS shared, min(container_path) AS first_path, max(container_path) AS last_path
FROM devices
GROUP BY host, device_id
HAVING count(*) > 1
ORDER BY host, device_id
