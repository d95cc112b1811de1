-- title: Mounts left on the host by containers that have stopped or never got ready
-- advice: Unmount the path on that host with umount, once findmnt has shown that it is mounted; never remove it with rm -r, which would delete the mounted files.
-- finding: yes
-- by host: yes
-- Kata binds a container's mounts before it is ready, and keeps them until it has stopped.
SELECT host, sid, cid, state, destination, host_path, source, is_rootfs
FROM mounts
WHERE state NOT IN ('ready', 'running', 'paused') AND (host_path <> '' OR (is_rootfs AND mounted))
ORDER BY host, sid, cid, position
