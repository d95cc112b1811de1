CREATE VIEW sandboxes AS
SELECT s.host,
       s.sid,
       s.state,
       s.persist_version,
       s.layout,
       s.cgroup_path,
       (s.document IS NOT NULL) AS has_document,
       (SELECT count(*) FROM container AS c WHERE c.sandbox_id = s.id) AS containers,
       (SELECT count(*) FROM container AS c WHERE c.sandbox_id = s.id AND c.state = 'running') AS running,
       CAST((SELECT coalesce(sum((SELECT count(*) FROM mount AS x WHERE x.container_id = c.id)), 0) FROM container AS c WHERE c.sandbox_id = s.id) AS integer) AS mounts,
       CAST((SELECT coalesce(sum((SELECT count(*) FROM device_map AS x WHERE x.container_id = c.id)), 0) FROM container AS c WHERE c.sandbox_id = s.id) AS integer) AS devices,
       CAST((SELECT coalesce(sum((SELECT count(*) FROM process AS x WHERE x.container_id = c.id)), 0) FROM container AS c WHERE c.sandbox_id = s.id) AS integer) AS processes,
       (s.revision + CAST((SELECT coalesce(sum(c.revision), 0) FROM container AS c WHERE c.sandbox_id = s.id) AS integer)) AS revision,
       s.created_at,
       s.updated_at,
       (SELECT x.seen_at FROM sandbox_seen AS x WHERE x.sandbox_id = s.id) AS seen_at,
       (SELECT x.source FROM sandbox_seen AS x WHERE x.sandbox_id = s.id) AS source
FROM sandbox AS s
;
CREATE VIEW containers AS
SELECT s.host,
       s.sid,
       c.cid,
       c.state,
       s.state AS sandbox_state,
       (c.cid = s.sid) AS is_sandbox,
       CASE WHEN c.bundle_path <> '' THEN c.bundle_path ELSE coalesce((SELECT coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Annotations"."io.katacontainers.pkg.oci.bundle_path"') WHEN 'text' THEN json_extract(item.value, '$."Annotations"."io.katacontainers.pkg.oci.bundle_path"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Annotations"."com.github.containers.virtcontainers.pkg.oci.bundle_path"') WHEN 'text' THEN json_extract(item.value, '$."Annotations"."com.github.containers.virtcontainers.pkg.oci.bundle_path"') END END) FROM json_each(CASE WHEN json_valid(s.document) THEN s.document END, CASE WHEN NOT json_valid(s.document) THEN NULL WHEN json_type(s.document, '$."Config"."ContainerConfigs"') = 'array' THEN '$."Config"."ContainerConfigs"' WHEN json_type(s.document, '$."config.json"."Containers"') = 'array' THEN '$."config.json"."Containers"' END) AS item WHERE CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."ID"') WHEN 'text' THEN json_extract(item.value, '$."ID"') END END = c.cid ORDER BY (item.key + 1) LIMIT 1), '') END AS bundle_path,
       c.cgroup_path,
       (SELECT x.type FROM mount AS x WHERE x.container_id = c.id AND x.position = 0) AS rootfs_type,
       (SELECT x.source FROM mount AS x WHERE x.container_id = c.id AND x.position = 0) AS rootfs_source,
       (SELECT x.host_path FROM mount AS x WHERE x.container_id = c.id AND x.position = 0) AS rootfs_host_path,
       (SELECT x.block_device_id FROM mount AS x WHERE x.container_id = c.id AND x.position = 0) AS rootfs_device,
       (SELECT x.mounted FROM mount AS x WHERE x.container_id = c.id AND x.position = 0) AS rootfs_mounted,
       (SELECT x.token FROM process AS x WHERE x.container_id = c.id AND x.position = 0) AS token,
       (SELECT x.pid FROM process AS x WHERE x.container_id = c.id AND x.position = 0) AS pid,
       (SELECT x.start_time FROM process AS x WHERE x.container_id = c.id AND x.position = 0) AS started_at,
       (SELECT count(*) FROM mount AS x WHERE x.container_id = c.id) AS mounts,
       (SELECT count(*) FROM device_map AS x WHERE x.container_id = c.id) AS devices,
       (SELECT count(*) FROM process AS x WHERE x.container_id = c.id) AS processes,
       c.layout,
       c.revision,
       c.created_at,
       c.updated_at,
       (SELECT x.seen_at FROM sandbox_seen AS x WHERE x.sandbox_id = c.sandbox_id) AS seen_at
FROM container AS c JOIN sandbox AS s ON s.id = c.sandbox_id
;
CREATE VIEW mounts AS
SELECT s.host,
       s.sid,
       c.cid,
       c.state,
       m.position,
       m.is_rootfs,
       m.source,
       m.destination,
       m.type,
       m.options,
       (m.read_only OR (m.options IS NOT NULL AND (instr(m.options, '["ro"') > 0 OR instr(m.options, ',"ro"') > 0 OR instr(m.options, ' "ro"') > 0))) AS read_only,
       (m.options IS NOT NULL AND (instr(m.options, '["nosuid"') > 0 OR instr(m.options, ',"nosuid"') > 0 OR instr(m.options, ' "nosuid"') > 0)) AS nosuid,
       (m.options IS NOT NULL AND (instr(m.options, '["nodev"') > 0 OR instr(m.options, ',"nodev"') > 0 OR instr(m.options, ' "nodev"') > 0)) AS nodev,
       (m.options IS NOT NULL AND (instr(m.options, '["noexec"') > 0 OR instr(m.options, ',"noexec"') > 0 OR instr(m.options, ' "noexec"') > 0)) AS noexec,
       (m.type = 'bind' OR m.host_path <> '' OR (m.options IS NOT NULL AND (instr(m.options, '["bind"') > 0 OR instr(m.options, ',"bind"') > 0 OR instr(m.options, ' "bind"') > 0)) OR (m.options IS NOT NULL AND (instr(m.options, '["rbind"') > 0 OR instr(m.options, ',"rbind"') > 0 OR instr(m.options, ' "rbind"') > 0))) AS is_bind,
       m.host_path,
       m.block_device_id,
       m.mounted
FROM mount AS m JOIN container AS c ON c.id = m.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
;
CREATE VIEW devices AS
SELECT s.host,
       s.sid,
       c.cid,
       c.state,
       d.position,
       d.device_id,
       d.container_path,
       CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END AS kind,
       CASE CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END WHEN 'char' THEN 'c' WHEN 'block' THEN 'b' WHEN 'fifo' THEN 'p' WHEN 'directory' THEN 'd' WHEN 'symlink' THEN 'l' WHEN 'socket' THEN 's' WHEN 'regular' THEN '-' ELSE '?' END || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 6) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 3) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--T--t-wT-wtr-Tr-trwTrwt', CAST(3 * (((d.file_mode >> 0) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 3) AS mode,
       substr('01234567', CAST((4 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END) + 2 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END) + (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 6) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 3) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 0) & 7) + 1 AS integer), 1) AS permissions,
       d.uid,
       d.gid,
       d.shared,
       d.file_mode
FROM device_map AS d JOIN container AS c ON c.id = d.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
;
CREATE VIEW processes AS
SELECT s.host,
       s.sid,
       c.cid,
       c.state,
       p.position,
       p.token,
       (p.token IS NOT NULL AND p.token = c.cid) AS is_init,
       p.pid,
       CASE WHEN p.pid > 0 THEN p.pid END AS host_pid,
       p.start_time AS started_at,
       p.start_time_offset AS utc_offset
FROM process AS p JOIN container AS c ON c.id = p.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
;
CREATE VIEW sandbox_devices AS
SELECT s.host,
       s.sid,
       s.state,
       (item.key + 1) AS position,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."ID"') WHEN 'text' THEN json_extract(item.value, '$."ID"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."ID"') WHEN 'text' THEN json_extract(item.value, '$."Data"."ID"') END END) AS device_id,
       CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Type"') WHEN 'text' THEN json_extract(item.value, '$."Type"') END END AS type,
       CASE coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."DevType"') WHEN 'text' THEN json_extract(item.value, '$."DevType"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."DeviceInfo"."DevType"') WHEN 'text' THEN json_extract(item.value, '$."Data"."DeviceInfo"."DevType"') END END) WHEN 'b' THEN 'block' WHEN 'c' THEN 'char' WHEN 'u' THEN 'char' WHEN 'p' THEN 'fifo' END AS kind,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Major"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Major"') AS INTEGER) END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."DeviceInfo"."Major"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Data"."DeviceInfo"."Major"') AS INTEGER) END END) AS major,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Minor"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Minor"') AS INTEGER) END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."DeviceInfo"."Minor"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Data"."DeviceInfo"."Minor"') AS INTEGER) END END) AS minor,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."BlockDrive"."File"') WHEN 'text' THEN json_extract(item.value, '$."BlockDrive"."File"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."BlockDrive"."File"') WHEN 'text' THEN json_extract(item.value, '$."Data"."BlockDrive"."File"') END END) AS host_path,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."RefCount"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."RefCount"') AS INTEGER) END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."RefCount"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Data"."RefCount"') AS INTEGER) END END) AS ref_count,
       coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."AttachCount"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."AttachCount"') AS INTEGER) END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."AttachCount"') WHEN 'integer' THEN CAST(json_extract(item.value, '$."Data"."AttachCount"') AS INTEGER) END END) AS attach_count,
       (SELECT count(*) FROM device_map AS x WHERE x.device_id = coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."ID"') WHEN 'text' THEN json_extract(item.value, '$."ID"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."ID"') WHEN 'text' THEN json_extract(item.value, '$."Data"."ID"') END END) AND x.device_id <> '' AND EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = s.id)) AS maps,
       (SELECT count(*) FROM mount AS x WHERE x.block_device_id = coalesce(CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."ID"') WHEN 'text' THEN json_extract(item.value, '$."ID"') END END, CASE item.type WHEN 'object' THEN CASE json_type(item.value, '$."Data"."ID"') WHEN 'text' THEN json_extract(item.value, '$."Data"."ID"') END END) AND x.block_device_id <> '' AND EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = s.id)) AS block_mounts
FROM sandbox AS s CROSS JOIN json_each(CASE WHEN json_valid(s.document) THEN s.document END, CASE WHEN NOT json_valid(s.document) THEN NULL WHEN json_type(s.document, '$."Devices"') = 'array' THEN '$."Devices"' WHEN json_type(s.document, '$."devices.json"') = 'array' THEN '$."devices.json"' END) AS item
;
CREATE VIEW hosts AS
SELECT h.name AS host,
       h.first_seen,
       h.last_seen,
       h.boot_id,
       h.kernel,
       h.programs,
       (SELECT count(*) FROM sandbox AS x WHERE x.host = h.name) AS sandboxes,
       (SELECT count(*) FROM sandbox AS y JOIN container AS c ON c.sandbox_id = y.id WHERE y.host = h.name) AS containers
FROM host AS h
UNION ALL
SELECT s.host,
       NULL AS first_seen,
       NULL AS last_seen,
       NULL AS boot_id,
       NULL AS kernel,
       NULL AS programs,
       count(*) AS sandboxes,
       (SELECT count(*) FROM sandbox AS y JOIN container AS c ON c.sandbox_id = y.id WHERE y.host = s.host) AS containers
FROM sandbox AS s
WHERE NOT EXISTS (SELECT 1 FROM host AS h WHERE h.name = s.host)
GROUP BY s.host
;
