-- title: Mounts on the host of containers that were removed before they had stopped
-- advice: Unmount the path on that host with umount, once findmnt has shown that it is mounted; never remove it with rm -r, which would delete the mounted files.
-- parameter: since time = 7d: removed since when
-- finding: yes
-- by host: yes
-- Kata unmounts when a container stops: whose record went before may have left them, unless the host was booted. A path that another container has now is in use.
SELECT e.host, e.sid, e.cid, e.at AS removed, e.old_state, m.destination, m.host_path, m.source
FROM events AS e
JOIN mounts_over_time AS m ON m.host = e.host AND m.sid = e.sid AND m.cid = e.cid AND m.valid_to = e.at
WHERE e.kind = 'removed' AND e.cause <> 'boot' AND e.at >= :since AND e.old_state <> 'stopped' AND m.host_path <> '' AND m.valid_to >= :since
      AND NOT EXISTS (SELECT 1 FROM mounts AS x WHERE x.host_path = m.host_path AND x.host_path <> '' AND x.host = m.host)
ORDER BY 1, 2, 3, m.position
