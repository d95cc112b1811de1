-- title: Containers whose root file system is on a block device
-- advice: The device must stay attached as long as the container exists; the report device-holders shows who else has it.
-- by host: yes
SELECT host, sid, cid, state, rootfs_device, rootfs_type, rootfs_mounted
FROM containers
WHERE rootfs_device <> ''
ORDER BY host, sid, cid
