-- title: Who holds a host device that VFIO hands to virtual machines
-- advice: Delete the pod before the device is bound to another driver, or given to another pod.
-- parameter: bdf text: its PCI address, as lspci -D shows it: 0000:3b:00.0
SELECT v.host, v.sid, v.state, s.pod_namespace, s.pod_name, v.device_id, v.bdf, s.hypervisor_pid, v.sysfs_dev
FROM vfio_devices AS v
JOIN sandboxes AS s ON s.host = v.host AND s.sid = v.sid
WHERE v.bdf = :bdf AND v.bdf <> ''
ORDER BY 1, 2, 6
