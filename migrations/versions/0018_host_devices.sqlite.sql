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
       (SELECT x.source FROM sandbox_seen AS x WHERE x.sandbox_id = s.id) AS source,
       coalesce((SELECT max(c.runtime) FROM container AS c WHERE c.sandbox_id = s.id), CASE WHEN s.layout IN ('runc', 'crun', 'youki') THEN s.layout ELSE 'kata' END) AS runtime,
       coalesce((SELECT max(c.namespace) FROM container AS c WHERE c.sandbox_id = s.id), '') AS namespace,
       coalesce((SELECT CASE WHEN c.pod <> '' THEN substr(c.pod, 1, instr(c.pod, '/') - 1) ELSE '' END FROM container AS c WHERE c.sandbox_id = s.id AND c.pod <> '' ORDER BY c.cid <> s.sid, c.cid LIMIT 1), '') AS pod_namespace,
       coalesce((SELECT CASE WHEN c.pod <> '' THEN substr(c.pod, instr(c.pod, '/') + 1) ELSE '' END FROM container AS c WHERE c.sandbox_id = s.id AND c.pod <> '' ORDER BY c.cid <> s.sid, c.cid LIMIT 1), '') AS pod_name,
       coalesce((SELECT c.pod_uid FROM container AS c WHERE c.sandbox_id = s.id AND c.pod <> '' ORDER BY c.cid <> s.sid, c.cid LIMIT 1), '') AS pod_uid,
       s.hypervisor_pid,
       s.hypervisor_path,
       s.virtiofsd_pid,
       s.netns_path
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
       (SELECT x.seen_at FROM sandbox_seen AS x WHERE x.sandbox_id = c.sandbox_id) AS seen_at,
       c.runtime,
       c.namespace,
       CASE WHEN c.pod <> '' THEN substr(c.pod, 1, instr(c.pod, '/') - 1) ELSE '' END AS pod_namespace,
       CASE WHEN c.pod <> '' THEN substr(c.pod, instr(c.pod, '/') + 1) ELSE '' END AS pod_name,
       c.pod_uid,
       c.container_name,
       c.image
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
       d.file_mode,
       CASE WHEN substr(d.device_id, 2, 1) = ' ' THEN CASE WHEN substr(d.device_id, 3, 1) NOT IN ('0', '-') THEN CASE substr(d.device_id, 1, 1) WHEN 'b' THEN d.device_id WHEN 'c' THEN d.device_id WHEN 'u' THEN 'c' || substr(d.device_id, 2) END END WHEN d.device_id <> '' THEN (SELECT min(CASE WHEN x.major > 0 THEN CASE x.kind WHEN 'block' THEN 'b' WHEN 'char' THEN 'c' END END || ' ' || x.major || ':' || x.minor) FROM sandbox_device AS x WHERE x.sandbox_id = c.sandbox_id AND x.device_id = d.device_id) END AS host_device
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
       (d.position + 1) AS position,
       d.device_id,
       d.type,
       d.kind,
       d.major,
       d.minor,
       d.host_path,
       d.ref_count,
       d.attach_count,
       (SELECT count(*) FROM device_map AS x WHERE x.device_id = d.device_id AND x.device_id <> '' AND EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = d.sandbox_id)) AS maps,
       (SELECT count(*) FROM mount AS x WHERE x.block_device_id = d.device_id AND x.block_device_id <> '' AND EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = d.sandbox_id)) AS block_mounts,
       CASE WHEN d.major > 0 THEN CASE d.kind WHEN 'block' THEN 'b' WHEN 'char' THEN 'c' END END || ' ' || d.major || ':' || d.minor AS host_device
FROM sandbox_device AS d JOIN sandbox AS s ON s.id = d.sandbox_id
;
CREATE VIEW vfio_devices AS
SELECT s.host,
       s.sid,
       s.state,
       (d.position + 1) AS position,
       d.device_id,
       (v.position + 1) AS number,
       v.bdf,
       v.sysfs_dev
FROM vfio_device AS v JOIN sandbox_device AS d ON d.sandbox_id = v.sandbox_id AND d.position = v.device_position JOIN sandbox AS s ON s.id = v.sandbox_id
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
CREATE VIEW annotations AS
SELECT s.host,
       s.sid,
       c.cid,
       a.name,
       a.value
FROM annotation AS a JOIN container AS c ON c.id = a.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
UNION ALL
SELECT s.host,
       s.sid,
       NULL AS cid,
       a.name,
       a.value
FROM sandbox_annotation AS a JOIN sandbox AS s ON s.id = a.sandbox_id
;
CREATE VIEW events AS
SELECT e.id,
       s.host,
       s.sid,
       c.cid,
       e.kind,
       e.revision,
       e.at,
       e.old_state,
       e.new_state,
       e.cause,
       e.actor,
       e.reason,
       e.began_at
FROM event AS e JOIN sandbox_lifetime AS s ON s.id = e.sandbox_id LEFT JOIN container_lifetime AS c ON c.id = e.container_id
UNION ALL
SELECT e.id,
       e.host,
       NULL AS sid,
       NULL AS cid,
       e.kind,
       e.revision,
       e.at,
       e.old_state,
       e.new_state,
       e.cause,
       e.actor,
       e.reason,
       e.began_at
FROM event AS e
WHERE e.sandbox_id IS NULL
;
CREATE VIEW sandboxes_over_time AS
SELECT r.host,
       r.sid,
       r.state,
       r.persist_version,
       r.layout,
       r.cgroup_path,
       r.created_at,
       r.updated_at AS valid_from,
       NULL AS valid_to
FROM sandbox AS r
UNION ALL
SELECT s.host,
       s.sid,
       r.state,
       CASE WHEN r.whole = 1 THEN r.persist_version ELSE CASE WHEN (SELECT 1 FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.persist_version FROM sandbox AS x WHERE x.id = r.sandbox_id) ELSE (SELECT n.persist_version FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS persist_version,
       CASE WHEN r.whole = 1 THEN r.layout ELSE CASE WHEN (SELECT 1 FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.layout FROM sandbox AS x WHERE x.id = r.sandbox_id) ELSE (SELECT n.layout FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS layout,
       CASE WHEN r.whole = 1 THEN r.cgroup_path ELSE CASE WHEN (SELECT 1 FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.cgroup_path FROM sandbox AS x WHERE x.id = r.sandbox_id) ELSE (SELECT n.cgroup_path FROM sandbox_history AS n WHERE n.sandbox_id = r.sandbox_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS cgroup_path,
       s.created_at,
       r.valid_from,
       r.valid_to
FROM sandbox_history AS r JOIN sandbox_lifetime AS s ON s.id = r.sandbox_id
;
CREATE VIEW containers_over_time AS
SELECT s.host,
       s.sid,
       r.cid,
       r.state,
       r.bundle_path,
       r.cgroup_path,
       r.layout,
       r.revision,
       r.created_at,
       r.updated_at AS valid_from,
       NULL AS valid_to
FROM container AS r JOIN sandbox AS s ON s.id = r.sandbox_id
UNION ALL
SELECT s.host,
       s.sid,
       c.cid,
       r.state,
       CASE WHEN r.whole = 1 THEN r.bundle_path ELSE CASE WHEN (SELECT 1 FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.bundle_path FROM container AS x WHERE x.id = r.container_id) ELSE (SELECT n.bundle_path FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS bundle_path,
       CASE WHEN r.whole = 1 THEN r.cgroup_path ELSE CASE WHEN (SELECT 1 FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.cgroup_path FROM container AS x WHERE x.id = r.container_id) ELSE (SELECT n.cgroup_path FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS cgroup_path,
       CASE WHEN r.whole = 1 THEN r.layout ELSE CASE WHEN (SELECT 1 FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) IS NULL THEN (SELECT x.layout FROM container AS x WHERE x.id = r.container_id) ELSE (SELECT n.layout FROM container_history AS n WHERE n.container_id = r.container_id AND n.whole = 1 AND n.revision > r.revision ORDER BY n.revision LIMIT 1) END END AS layout,
       r.revision,
       c.created_at,
       r.valid_from,
       r.valid_to
FROM container_history AS r JOIN container_lifetime AS c ON c.id = r.container_id JOIN sandbox_lifetime AS s ON s.id = c.sandbox_id
;
CREATE VIEW mounts_over_time AS
SELECT s.host,
       s.sid,
       c.cid,
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
       m.mounted,
       c.created_at,
       CASE WHEN m.since = 0 THEN c.created_at ELSE coalesce((SELECT x.valid_to FROM container_history AS x WHERE x.container_id = m.container_id AND x.whole = 1 AND x.revision = m.since - 1), c.created_at) END AS valid_from,
       NULL AS valid_to
FROM mount AS m JOIN container AS c ON c.id = m.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
UNION ALL
SELECT s.host,
       s.sid,
       c.cid,
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
       m.mounted,
       c.created_at,
       m.valid_from,
       m.valid_to
FROM mount_history AS m JOIN container_lifetime AS c ON c.id = m.container_id JOIN sandbox_lifetime AS s ON s.id = c.sandbox_id
;
CREATE VIEW devices_over_time AS
SELECT s.host,
       s.sid,
       c.cid,
       d.position,
       d.device_id,
       d.container_path,
       CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END AS kind,
       CASE CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END WHEN 'char' THEN 'c' WHEN 'block' THEN 'b' WHEN 'fifo' THEN 'p' WHEN 'directory' THEN 'd' WHEN 'symlink' THEN 'l' WHEN 'socket' THEN 's' WHEN 'regular' THEN '-' ELSE '?' END || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 6) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 3) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--T--t-wT-wtr-Tr-trwTrwt', CAST(3 * (((d.file_mode >> 0) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 3) AS mode,
       substr('01234567', CAST((4 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END) + 2 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END) + (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 6) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 3) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 0) & 7) + 1 AS integer), 1) AS permissions,
       d.uid,
       d.gid,
       d.shared,
       d.file_mode,
       c.created_at,
       CASE WHEN d.since = 0 THEN c.created_at ELSE coalesce((SELECT x.valid_to FROM container_history AS x WHERE x.container_id = d.container_id AND x.whole = 1 AND x.revision = d.since - 1), c.created_at) END AS valid_from,
       NULL AS valid_to,
       CASE WHEN substr(d.device_id, 2, 1) = ' ' THEN CASE WHEN substr(d.device_id, 3, 1) NOT IN ('0', '-') THEN CASE substr(d.device_id, 1, 1) WHEN 'b' THEN d.device_id WHEN 'c' THEN d.device_id WHEN 'u' THEN 'c' || substr(d.device_id, 2) END END WHEN d.device_id <> '' THEN (SELECT min(CASE WHEN x.major > 0 THEN CASE x.kind WHEN 'block' THEN 'b' WHEN 'char' THEN 'c' END END || ' ' || x.major || ':' || x.minor) FROM sandbox_device AS x WHERE x.sandbox_id = c.sandbox_id AND x.device_id = d.device_id) END AS host_device
FROM device_map AS d JOIN container AS c ON c.id = d.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
UNION ALL
SELECT s.host,
       s.sid,
       c.cid,
       d.position,
       d.device_id,
       d.container_path,
       CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END AS kind,
       CASE CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN CASE ((d.file_mode >> 12) & 15) WHEN 1 THEN 'fifo' WHEN 2 THEN 'char' WHEN 4 THEN 'directory' WHEN 6 THEN 'block' WHEN 8 THEN 'regular' WHEN 10 THEN 'symlink' WHEN 12 THEN 'socket' END ELSE CASE WHEN ((d.file_mode >> 31) & 1) = 1 THEN 'directory' WHEN ((d.file_mode >> 27) & 1) = 1 THEN 'symlink' WHEN ((d.file_mode >> 25) & 1) = 1 THEN 'fifo' WHEN ((d.file_mode >> 24) & 1) = 1 THEN 'socket' WHEN ((d.file_mode >> 21) & 1) = 1 THEN 'char' WHEN ((d.file_mode >> 26) & 1) = 1 THEN 'block' WHEN ((d.file_mode >> 19) & 1) = 1 THEN 'irregular' END END WHEN 'char' THEN 'c' WHEN 'block' THEN 'b' WHEN 'fifo' THEN 'p' WHEN 'directory' THEN 'd' WHEN 'symlink' THEN 'l' WHEN 'socket' THEN 's' WHEN 'regular' THEN '-' ELSE '?' END || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 6) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--S--s-wS-wsr-Sr-srwSrws', CAST(3 * (((d.file_mode >> 3) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END)) + 1 AS integer), 3) || substr('-----x-w--wxr--r-xrw-rwx--T--t-wT-wtr-Tr-trwTrwt', CAST(3 * (((d.file_mode >> 0) & 7) + 8 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 3) AS mode,
       substr('01234567', CAST((4 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 11) & 1) ELSE ((d.file_mode >> 23) & 1) END) + 2 * (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 10) & 1) ELSE ((d.file_mode >> 22) & 1) END) + (CASE WHEN ((d.file_mode & 65024) <> 0 AND (d.file_mode >> 19) = 0) THEN ((d.file_mode >> 9) & 1) ELSE ((d.file_mode >> 20) & 1) END)) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 6) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 3) & 7) + 1 AS integer), 1) || substr('01234567', CAST(((d.file_mode >> 0) & 7) + 1 AS integer), 1) AS permissions,
       d.uid,
       d.gid,
       d.shared,
       d.file_mode,
       c.created_at,
       d.valid_from,
       d.valid_to,
       CASE WHEN substr(d.device_id, 2, 1) = ' ' THEN CASE WHEN substr(d.device_id, 3, 1) NOT IN ('0', '-') THEN CASE substr(d.device_id, 1, 1) WHEN 'b' THEN d.device_id WHEN 'c' THEN d.device_id WHEN 'u' THEN 'c' || substr(d.device_id, 2) END END WHEN d.device_id <> '' THEN (SELECT min(CASE WHEN x.major > 0 THEN CASE x.kind WHEN 'block' THEN 'b' WHEN 'char' THEN 'c' END END || ' ' || x.major || ':' || x.minor) FROM sandbox_device AS x WHERE x.sandbox_id = c.sandbox_id AND x.device_id = d.device_id) END AS host_device
FROM device_map_history AS d JOIN container_lifetime AS c ON c.id = d.container_id JOIN sandbox_lifetime AS s ON s.id = c.sandbox_id
;
CREATE VIEW processes_over_time AS
SELECT s.host,
       s.sid,
       c.cid,
       p.position,
       p.token,
       (p.token IS NOT NULL AND p.token = c.cid) AS is_init,
       p.pid,
       CASE WHEN p.pid > 0 THEN p.pid END AS host_pid,
       p.start_time AS started_at,
       p.start_time_offset AS utc_offset,
       c.created_at,
       CASE WHEN p.since = 0 THEN c.created_at ELSE coalesce((SELECT x.valid_to FROM container_history AS x WHERE x.container_id = p.container_id AND x.whole = 1 AND x.revision = p.since - 1), c.created_at) END AS valid_from,
       NULL AS valid_to
FROM process AS p JOIN container AS c ON c.id = p.container_id JOIN sandbox AS s ON s.id = c.sandbox_id
UNION ALL
SELECT s.host,
       s.sid,
       c.cid,
       p.position,
       p.token,
       (p.token IS NOT NULL AND p.token = c.cid) AS is_init,
       p.pid,
       CASE WHEN p.pid > 0 THEN p.pid END AS host_pid,
       p.start_time AS started_at,
       p.start_time_offset AS utc_offset,
       c.created_at,
       p.valid_from,
       p.valid_to
FROM process_history AS p JOIN container_lifetime AS c ON c.id = p.container_id JOIN sandbox_lifetime AS s ON s.id = c.sandbox_id
;
CREATE VIEW findings AS
SELECT f.host,
       f.check_name,
       f.sid,
       f.cid,
       f.subject,
       f.recorded,
       f.observed,
       f.advice,
       f.began_at,
       f.first_seen,
       f.last_seen,
       f.gone_at,
       f.times_seen,
       (f.gone_at IS NULL) AS is_open
FROM audit_finding AS f
;
CREATE VIEW audit_runs AS
SELECT r.id,
       r.host,
       r.started_at,
       r.finished_at,
       r.checks,
       r.roots,
       r.findings,
       r.boot_id
FROM audit_run AS r
;
CREATE VIEW history_bounds AS
SELECT r.seconds AS retention_seconds,
       r.horizon,
       CASE WHEN coalesce((SELECT max(e.id) FROM event AS e), 0) > r.pruned_id THEN coalesce((SELECT max(e.id) FROM event AS e), 0) ELSE r.pruned_id END AS last_event_id
FROM retention AS r
;
