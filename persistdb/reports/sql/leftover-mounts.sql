-- title: What is still mounted on the host for containers that do not run
-- advice: Unmount the path on that host with umount, after mount or findmnt has shown that it is there; never remove it with rm -r, which would delete what is mounted.
-- finding: yes
SELECT host, sid, cid, state, destination, host_path, source, is_rootfs
FROM mounts
WHERE state NOT IN ('running', 'paused') AND (host_path <> '' OR (is_rootfs AND mounted))
ORDER BY host, sid, cid, position
