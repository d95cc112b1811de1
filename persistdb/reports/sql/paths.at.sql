-- title: Mounts of a host path and all below it at a time
-- advice: Look at what these containers did then: persistdb history shows it.
-- parameter: prefix folder: the host path
-- The range of the index's condition stands first: in a view that is a union, SQLite seeks by the last range of a column.
SELECT host, sid, cid, source, destination, host_path, read_only, valid_from, valid_to
FROM mounts_over_time
WHERE source >= '/' AND source < '0' AND source >= :prefix AND source < :prefix_to
      AND (source = :prefix OR source >= :prefix_from) AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
UNION
SELECT host, sid, cid, source, destination, host_path, read_only, valid_from, valid_to
FROM mounts_over_time
WHERE host_path >= :prefix AND host_path < :prefix_to AND (host_path = :prefix OR host_path >= :prefix_from)
      AND host_path <> '' AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
ORDER BY 1, 2, 3, 5
