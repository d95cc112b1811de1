-- title: Host paths with more than one mount
-- advice: The second mount hides the first: repeat umount until findmnt shows no mount at the path.
-- finding: yes
-- by host: yes
SELECT host, host_path, count(*) AS mounts, count(DISTINCT sid) AS sandboxes, count(DISTINCT cid) AS containers,
       min(destination) AS first_destination, max(destination) AS last_destination
FROM mounts
WHERE host_path <> ''
GROUP BY host, host_path
HAVING count(*) > 1
ORDER BY host, host_path
