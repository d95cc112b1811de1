-- title: Host paths that containers can write to
-- advice: Make the bind read-only in the pod's specification where the container only reads.
-- parameter: prefix folder = /: only host paths at or below this one
-- finding: yes
-- by host: yes
SELECT host, sid, cid, state, source, destination, host_path
FROM mounts
WHERE is_bind AND NOT read_only
      AND source >= :prefix AND source < :prefix_to AND (source = :prefix OR source >= :prefix_from) AND source >= '/' AND source < '0'
ORDER BY host, source, sid, cid
