-- title: Devices known only to the sandbox, or only to one of its containers
-- advice: A device that the sandbox does not have was lost: the container that names it will fail when it stops. A device that nothing uses stays attached until the VM ends.
-- finding: yes
-- by host: yes
-- Windows, not joins, nor the counts of a view: engines do not know how many devices a document has, nor how many
-- sandboxes have a device of one ID, and would compare each device with each.
WITH named AS (
  SELECT 'sandbox' AS what, host, sid, NULL AS cid, NULL AS device_id, NULL AS path,
         CASE WHEN has_document THEN 1 ELSE 0 END AS documented
  FROM sandboxes
  UNION ALL
  SELECT 'map', host, sid, cid, device_id, container_path, 0
  FROM devices
  UNION ALL
  SELECT 'mount', host, sid, cid, block_device_id, destination, 0
  FROM mounts
  WHERE block_device_id <> ''
  UNION ALL
  SELECT 'listed', host, sid, NULL, device_id, host_path, 0
  FROM sandbox_devices
), known AS (
  SELECT what, host, sid, cid, device_id, path, max(documented) OVER (PARTITION BY host, sid) AS has_document,
         max(CASE WHEN what = 'listed' THEN 1 ELSE 0 END) OVER (PARTITION BY host, sid, device_id) AS is_known,
         max(CASE WHEN what IN ('map', 'mount') AND device_id <> '' THEN 1 ELSE 0 END)
         OVER (PARTITION BY host, sid, device_id) AS is_used
  FROM named
)
SELECT CASE what WHEN 'map' THEN 'map of a device that the sandbox has not'
                 WHEN 'mount' THEN 'mount of a device that the sandbox has not'
                 ELSE 'device that nothing uses' END AS problem,
       host, sid, cid, device_id, path
FROM known
WHERE (what = 'listed' AND is_used = 0) OR (what IN ('map', 'mount') AND has_document = 1 AND is_known = 0)
ORDER BY 2, 3, 1, 4, 5, 6
