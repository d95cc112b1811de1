-- title: Device nodes that the group or all others may open
-- advice: Narrow the node's mode in the pod's or the device plugin's specification, unless the device is harmless, like /dev/null or /dev/fuse.
-- finding: yes
SELECT host, sid, cid, state, container_path, permissions, uid, gid, device_id
FROM devices
WHERE (file_mode & 63) <> 0
ORDER BY container_path, host, sid, cid
