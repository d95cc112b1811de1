-- title: Mounts of a host path and all below it
-- advice: Stop these containers before the file system at the path is unmounted, moved or replaced.
-- parameter: prefix folder: the host path
-- by host: yes
SELECT host, sid, cid, state, source, destination, host_path, read_only
FROM mounts
WHERE source >= :prefix AND source < :prefix_to AND (source = :prefix OR source >= :prefix_from)
      AND source >= '/' AND source < '0'
UNION
SELECT host, sid, cid, state, source, destination, host_path, read_only
FROM mounts
WHERE host_path >= :prefix AND host_path < :prefix_to AND (host_path = :prefix OR host_path >= :prefix_from)
      AND host_path <> ''
ORDER BY 1, 2, 3, 6
