-- title: Paths of the host that containers can write to, below a path
-- advice: Make the bind read-only in the pod's specification where the container needs to read only.
-- parameter: prefix folder = /: only what lies at or below this path of the host
-- finding: yes
SELECT host, sid, cid, state, source, destination, host_path
FROM mounts
WHERE is_bind AND NOT read_only
      AND source >= :prefix AND source < :prefix_to AND (source = :prefix OR source >= :prefix_from) AND source >= '/' AND source < '0'
ORDER BY source, host, sid, cid
