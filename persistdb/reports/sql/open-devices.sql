-- title: Device nodes that the group or others may open
-- advice: Restrict the node's mode in the specification of the pod or the device plugin, unless the device is harmless, like /dev/null or /dev/fuse.
-- finding: yes
-- by host: yes
SELECT host, sid, cid, state, container_path, permissions, uid, gid, device_id
FROM devices
WHERE (file_mode & 63) <> 0
ORDER BY host, container_path, sid, cid
