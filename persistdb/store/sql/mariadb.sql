-- The fixed statements of the repository on MariaDB.
--
-- Written by `make sql`, from persistdb/store/building.py and what it builds; a test compares. Parameters are :names.
-- A statement ends with an empty line. Lines are joined by a space when the file is loaded.

-- name: statements.get
-- One container: host, sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid AND container.cid = :cid

-- name: statements.load
-- One sandbox with all its containers: host, sid.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.sandbox_id = sandbox.id)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.load_after
-- A page of a host's sandboxes, as load returns them, after one: host, sid, limit.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.sandbox_id = sandbox.id)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid
LIMIT 0, :limit

-- name: statements.sandbox_ids
-- The IDs of a host's sandboxes: host.
SELECT sandbox.sid
FROM sandbox
WHERE sandbox.host = :host
ORDER BY sandbox.sid

-- name: statements.load_many
-- Sandboxes with all their containers: rows of host and sid, so that both parts of the key are joined.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.sandbox_id = sandbox.id)) AS payload
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid

-- name: statements.look_up_sandbox
-- Up to four sandboxes whose sid begins with sid, an exact match first: host, sid, sid_end.
SELECT sandbox.sid
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid >= :sid AND sandbox.sid < :sid_end
ORDER BY sandbox.sid
LIMIT 0, 4

-- name: statements.look_up
-- Up to two containers on all hosts whose cid begins with cid: cid, cid_end. For an engine on which the
-- precautions for a prefix of many cost more than to look once: one that only one container of all has is usual.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM container
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
WHERE container.cid >= :cid AND container.cid < :cid_end
LIMIT 0, 2

-- name: statements.revision
-- A container's revision, if it is there: host, sid, cid.
SELECT container.revision
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid AND container.cid = :cid

-- name: statements.token_holders
-- The containers of a sandbox that have a process with one of these tokens: host, sid, rows.
SELECT container.cid, process.token
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id INNER
JOIN process ON process.container_id = container.id INNER
JOIN
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (token LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r ON
  process.token = r.token
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.snapshot
-- A sandbox's ID, its own row's number, the sum of its containers' revisions, and one of its containers. If that
-- container is not there, the ID for its row, where the engine can tell, the sandbox's document, if the
-- container's ID may be in it, and when the sandbox was changed last: host, sid, cid.
SELECT sandbox.id, sandbox.revision,
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1, CASE WHEN (container.id IS NULL) THEN NULL END
  AS anon_2, CASE WHEN (container.id IS NOT NULL) THEN json_object('id', container.id, 'sandbox_id',
    container.sandbox_id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid', container.cid, 'record',
    json_object('State', container.state, 'CgroupPath', container.cgroup_path, 'BundlePath',
      container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  END AS payload, CASE WHEN (container.id IS NULL AND instr(sandbox.document, :cid) > 0) THEN
  sandbox.document END AS document, CAST(sandbox.updated_at AS CHAR) AS updated_at, CASE WHEN
  (container.id IS NULL) THEN concat(sandbox.updated_at, 'Z') END AS anon_3
FROM sandbox
LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
  AND container.cid = :cid
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.lock_sandbox
-- Wait for transactions that change a sandbox's row: host, sid.
SELECT sandbox.id
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid
FOR UPDATE

-- name: statements.lock_containers
-- Wait for transactions that change a container of a sandbox: host, sid.
SELECT container.id
FROM container
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)
FOR UPDATE

-- name: statements.insert_sandboxes
-- Insert sandboxes and return their new IDs: rows of rows.SandboxRow.
INSERT INTO sandbox (host, sid, state, persist_version, cgroup_path, layout, document,
    hypervisor_pid, hypervisor_path, virtiofsd_pid, netns_path, revision, created_at, updated_at)
SELECT r.host, r.sid, r.state, r.persist_version, r.cgroup_path, r.layout, r.document,
  r.hypervisor_pid, r.hypervisor_path, r.virtiofsd_pid, r.netns_path, r.revision, r.created_at,
  r.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, persist_version BIGINT PATH
        '$[3]' ERROR ON ERROR, cgroup_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, layout LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, document LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, hypervisor_pid BIGINT PATH
        '$[7]' ERROR ON ERROR, hypervisor_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, virtiofsd_pid BIGINT PATH
        '$[9]' ERROR ON ERROR, netns_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[10]' ERROR ON ERROR, revision BIGINT PATH '$[11]'
        ERROR ON ERROR, created_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[12]' ERROR ON ERROR, updated_at LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[13]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)
RETURNING sandbox.id, sandbox.sid

-- name: statements.update_sandboxes
-- Change sandboxes that are at the revision that was read: rows of rows.SandboxChange.
UPDATE sandbox,
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, persist_version BIGINT PATH
        '$[3]' ERROR ON ERROR, cgroup_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, layout LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, document LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, updated_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, new_revision BIGINT PATH
        '$[8]' ERROR ON ERROR, read_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[9]' ERROR ON ERROR)) AS item) AS r
SET sandbox.state=r.state, sandbox.persist_version=r.persist_version,
  sandbox.cgroup_path=r.cgroup_path, sandbox.layout=r.layout, sandbox.document=r.document,
  sandbox.revision=r.new_revision, sandbox.updated_at=CASE WHEN (sandbox.updated_at > r.updated_at
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE r.updated_at
  END
WHERE sandbox.id = r.id AND sandbox.revision = r.revision
  AND sandbox.updated_at = r.read_at AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.update_sandbox
-- Change one of them: the fields of a rows.SandboxChange.
UPDATE sandbox
SET state=:state, persist_version=:persist_version, cgroup_path=:cgroup_path, layout=:layout,
  document=:document, revision=:new_revision, updated_at=CASE WHEN (sandbox.updated_at > :updated_at
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :updated_at
  END
WHERE sandbox.id = :id AND sandbox.revision = :revision
  AND sandbox.updated_at = :read_at AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.renumber_sandbox
-- Renumber a sandbox that is as it was read: id, revision, read_at, new_revision, now.
UPDATE sandbox
SET revision=:new_revision, updated_at=CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END
WHERE sandbox.id = :id AND sandbox.revision = :revision
  AND CAST(sandbox.updated_at AS CHAR) = :read_at AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.delete_sandbox
-- Delete a sandbox with its containers: host, sid.
DELETE
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.delete_containers
-- Delete containers that are at the revision that was read: rows of rows.ContainerKey.
DELETE
FROM container
USING container,
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR)) AS item) AS r
WHERE container.id = r.id AND container.revision = r.revision
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.delete_container
-- Delete one of them: the fields of a rows.ContainerKey.
DELETE
FROM container
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.insert_containers
-- Insert containers, with the given ID or else a new one, and return their IDs. rows of rows.ContainerRow.
INSERT INTO container (id, sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document,
    namespace, runtime, pod, pod_uid, container_name, image, revision, created_at, updated_at)
SELECT r.id, r.sandbox_id, r.cid, r.state, r.cgroup_path, r.bundle_path, r.layout, r.extra,
  r.document, r.namespace, r.runtime, r.pod, r.pod_uid, r.container_name, r.image, r.revision,
  r.created_at, r.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, sandbox_id BIGINT PATH
        '$[1]' ERROR ON ERROR, cid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, cgroup_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, bundle_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, layout LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, extra LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, document LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, namespace LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[9]' ERROR ON ERROR, runtime LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[10]' ERROR ON ERROR, pod LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[11]' ERROR ON ERROR, pod_uid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[12]' ERROR ON ERROR, container_name LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[13]' ERROR ON ERROR, image LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[14]' ERROR ON ERROR, revision BIGINT PATH '$[15]'
        ERROR ON ERROR, created_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[16]' ERROR ON ERROR, updated_at LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[17]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)
RETURNING container.id, container.sandbox_id, container.cid

-- name: statements.insert_container
-- Insert one of them, whose ID is known: the fields of a rows.ContainerRow.
INSERT INTO container (id, sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document,
    namespace, runtime, pod, pod_uid, container_name, image, revision, created_at, updated_at)
SELECT :id, :sandbox_id, :cid, :state, :cgroup_path, :bundle_path, :layout, :extra, :document,
  :namespace, :runtime, :pod, :pod_uid, :container_name, :image, :revision, :created_at, :updated_at
FROM DUAL
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.update_containers
-- Change containers that are at the revision that was read: rows of rows.ContainerChange.
UPDATE container,
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, cgroup_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, bundle_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, layout LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, extra LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, document LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, namespace LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, runtime LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[9]' ERROR ON ERROR, updated_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[10]' ERROR ON ERROR)) AS item) AS r
SET container.state=r.state, container.cgroup_path=r.cgroup_path,
  container.bundle_path=r.bundle_path, container.layout=r.layout, container.extra=r.extra,
  container.document=r.document, container.namespace=r.namespace, container.runtime=r.runtime,
  container.revision=(container.revision + 1), container.updated_at=CASE WHEN (container.updated_at >
    r.updated_at AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at
  ELSE r.updated_at END
WHERE container.id = r.id AND container.revision = r.revision
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.update_container
-- Change one of them: the fields of a rows.ContainerChange.
UPDATE container
SET state=:state, cgroup_path=:cgroup_path, bundle_path=:bundle_path, layout=:layout, extra=:extra,
  document=:document, namespace=:namespace, runtime=:runtime, revision=(container.revision + 1),
  updated_at=CASE WHEN (container.updated_at > :updated_at
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE
  :updated_at END
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: statements.insert_children[0]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO mount (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, since)
SELECT r.container_id, r.`position`, r.is_rootfs, r.source, r.destination, r.type, r.options,
  r.host_path, r.block_device_id, r.read_only, r.mounted, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, is_rootfs BIGINT PATH '$[2]' ERROR ON ERROR, source
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, destination LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, type LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, options LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, host_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, block_device_id LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, read_only BIGINT PATH '$[9]'
        ERROR ON ERROR, mounted BIGINT PATH '$[10]' ERROR ON ERROR, since BIGINT PATH '$[11]' ERROR
        ON ERROR)) AS item) AS r

-- name: statements.insert_children[1]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO device_map (container_id, `position`, device_id, container_path, file_mode, uid, gid,
    shared, since)
SELECT r.container_id, r.`position`, r.device_id, r.container_path, r.file_mode, r.uid, r.gid,
  r.shared, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, device_id LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, container_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, file_mode BIGINT PATH '$[4]'
        ERROR ON ERROR, uid BIGINT PATH '$[5]' ERROR ON ERROR, gid BIGINT PATH '$[6]' ERROR ON ERROR,
        shared BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH '$[8]' ERROR ON ERROR)) AS item)
  AS r

-- name: statements.insert_children[2]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO process (container_id, `position`, sandbox_id, token, pid, start_time, start_time_ns,
    start_time_offset, since)
SELECT r.container_id, r.`position`, r.sandbox_id, r.token, r.pid, r.start_time, r.start_time_ns,
  r.start_time_offset, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, sandbox_id BIGINT PATH '$[2]' ERROR ON ERROR, token
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, pid BIGINT PATH '$[4]' ERROR
        ON ERROR, start_time LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, start_time_ns BIGINT PATH
        '$[6]' ERROR ON ERROR, start_time_offset BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH
        '$[8]' ERROR ON ERROR)) AS item) AS r

-- name: statements.put_children[0]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO mount (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, since)
SELECT r.container_id, r.`position`, r.is_rootfs, r.source, r.destination, r.type, r.options,
  r.host_path, r.block_device_id, r.read_only, r.mounted, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, is_rootfs BIGINT PATH '$[2]' ERROR ON ERROR, source
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, destination LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, type LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, options LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, host_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, block_device_id LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, read_only BIGINT PATH '$[9]'
        ERROR ON ERROR, mounted BIGINT PATH '$[10]' ERROR ON ERROR, since BIGINT PATH '$[11]' ERROR
        ON ERROR)) AS item) AS r ON DUPLICATE KEY UPDATE container_id = if(mount.container_id =
    VALUES(container_id) AND mount.position = VALUES(position), mount.container_id, NULL), is_rootfs
  = VALUES(is_rootfs), source = VALUES(source), destination = VALUES(destination), type =
  VALUES(type), options = VALUES(options), host_path = VALUES(host_path), block_device_id =
  VALUES(block_device_id), read_only = VALUES(read_only), mounted = VALUES(mounted), since =
  VALUES(since)

-- name: statements.put_children[1]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO device_map (container_id, `position`, device_id, container_path, file_mode, uid, gid,
    shared, since)
SELECT r.container_id, r.`position`, r.device_id, r.container_path, r.file_mode, r.uid, r.gid,
  r.shared, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, device_id LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, container_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, file_mode BIGINT PATH '$[4]'
        ERROR ON ERROR, uid BIGINT PATH '$[5]' ERROR ON ERROR, gid BIGINT PATH '$[6]' ERROR ON ERROR,
        shared BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH '$[8]' ERROR ON ERROR)) AS item)
  AS r ON DUPLICATE KEY UPDATE container_id = if(device_map.container_id = VALUES(container_id)
    AND device_map.position = VALUES(position), device_map.container_id, NULL), device_id =
  VALUES(device_id), container_path = VALUES(container_path), file_mode = VALUES(file_mode), uid =
  VALUES(uid), gid = VALUES(gid), shared = VALUES(shared), since = VALUES(since)

-- name: statements.put_children[2]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO process (container_id, `position`, sandbox_id, token, pid, start_time, start_time_ns,
    start_time_offset, since)
SELECT r.container_id, r.`position`, r.sandbox_id, r.token, r.pid, r.start_time, r.start_time_ns,
  r.start_time_offset, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, sandbox_id BIGINT PATH '$[2]' ERROR ON ERROR, token
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, pid BIGINT PATH '$[4]' ERROR
        ON ERROR, start_time LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, start_time_ns BIGINT PATH
        '$[6]' ERROR ON ERROR, start_time_offset BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH
        '$[8]' ERROR ON ERROR)) AS item) AS r ON DUPLICATE KEY UPDATE container_id =
  if(process.container_id = VALUES(container_id) AND process.position = VALUES(position),
    process.container_id, NULL), sandbox_id = VALUES(sandbox_id), token = VALUES(token), pid =
  VALUES(pid), start_time = VALUES(start_time), start_time_ns = VALUES(start_time_ns),
  start_time_offset = VALUES(start_time_offset), since = VALUES(since)

-- name: statements.name_container
-- Set what people call a container: the fields of a rows.ContainerNames.
UPDATE container
SET pod=:pod, pod_uid=:pod_uid, container_name=:container_name, image=:image
WHERE container.id = :id

-- name: statements.set_machine
-- Set what is known of a sandbox's virtual machine: the fields of a rows.SandboxMachine.
UPDATE sandbox
SET hypervisor_pid=:hypervisor_pid, hypervisor_path=:hypervisor_path, virtiofsd_pid=:virtiofsd_pid,
  netns_path=:netns_path
WHERE sandbox.id = :id

-- name: statements.delete_derived[0]
-- Delete all annotations of containers, and of sandboxes, and all devices of sandboxes. rows of rows.RowKey.

-- name: statements.delete_derived[1]
-- Delete all annotations of containers, and of sandboxes, and all devices of sandboxes. rows of rows.RowKey.

-- name: statements.delete_derived[2]
-- Delete all annotations of containers, and of sandboxes, and all devices of sandboxes. rows of rows.RowKey.

-- name: statements.delete_derived_of[0]
-- Delete those of one owner: the field of a rows.RowKey.
DELETE
FROM annotation
WHERE annotation.container_id = :id

-- name: statements.delete_derived_of[1]
-- Delete those of one owner: the field of a rows.RowKey.
DELETE
FROM sandbox_annotation
WHERE sandbox_annotation.sandbox_id = :id

-- name: statements.delete_derived_of[2]
-- Delete those of one owner: the field of a rows.RowKey.
DELETE
FROM sandbox_device
WHERE sandbox_device.sandbox_id = :id

-- name: statements.insert_derived[0]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO annotation (container_id, `position`, name, value)
SELECT r.container_id, r.`position`, r.name, r.value
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, name LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, value LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r

-- name: statements.insert_derived[1]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO sandbox_annotation (sandbox_id, `position`, name, value)
SELECT r.sandbox_id, r.`position`, r.name, r.value
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (sandbox_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, name LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, value LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r

-- name: statements.insert_derived[2]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO sandbox_device (sandbox_id, `position`, device_id, type, kind, major, minor, host_path,
    ref_count, attach_count)
SELECT r.sandbox_id, r.`position`, r.device_id, r.type, r.kind, r.major, r.minor, r.host_path,
  r.ref_count, r.attach_count
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (sandbox_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, device_id LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, type LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, kind LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, major BIGINT PATH '$[5]'
        ERROR ON ERROR, minor BIGINT PATH '$[6]' ERROR ON ERROR, host_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, ref_count BIGINT PATH '$[8]'
        ERROR ON ERROR, attach_count BIGINT PATH '$[9]' ERROR ON ERROR)) AS item) AS r

-- name: statements.insert_derived[3]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO vfio_device (sandbox_id, device_position, `position`, bdf, sysfs_dev)
SELECT r.sandbox_id, r.device_position, r.`position`, r.bdf, r.sysfs_dev
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (sandbox_id BIGINT PATH '$[0]' ERROR ON ERROR,
        device_position BIGINT PATH '$[1]' ERROR ON ERROR, position BIGINT PATH '$[2]' ERROR ON
        ERROR, bdf LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, sysfs_dev LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r

-- name: rows.container
-- The payload of one container: id.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.id = :id

-- name: rows.summary
-- The payload of one container's summary: id.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.id = :id

-- name: rows.names
-- A container's host, sid and cid: id.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.id = :id

-- name: rows.containers
-- The ID and revision of each container of a sandbox: host, sid.
SELECT container.id, container.revision
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid
ORDER BY container.id

-- name: rows.own
-- The payload of a sandbox's own row: host, sid.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.id IS NULL)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: rows.own_after
-- A page of sandboxes' own rows on all hosts, by their IDs: after, limit.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.id IS NULL)) AS payload
FROM sandbox
WHERE sandbox.id > :after
ORDER BY sandbox.id
LIMIT 0, :limit

-- name: rows.own_ids_after
-- The same page, with only the IDs of the rows.
SELECT sandbox.id
FROM sandbox
WHERE sandbox.id > :after
ORDER BY sandbox.id
LIMIT 0, :limit

-- name: rows.own_by_id
-- The payload of a sandbox's own row: id.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                  m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                    utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                  'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m
            WHERE m.container_id = c.id), 'DeviceMaps',
            (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid',
                  p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
                    p.start_time_offset)))
            FROM process AS p
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin), 'document', c.document,
            'namespace', c.namespace), 'created_at', concat(c.created_at, 'Z'), 'updated_at',
          concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.id IS NULL)) AS payload
FROM sandbox
WHERE sandbox.id = :id

-- name: rows.own_names
-- A sandbox's host and sid: id.
SELECT sandbox.host, sandbox.sid
FROM sandbox
WHERE sandbox.id = :id

-- name: rows.sids_after
-- The next sandboxes of a host, by ID: host, sid, limit.
SELECT sandbox.sid
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid
LIMIT 0, :limit

-- name: rows.rows_after
-- The rows of all further sandboxes of a host, by ID: host, sid.
SELECT sandbox.id
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid

-- name: rows.delete_container
-- Delete a container whatever its revision: id.
DELETE
FROM container
WHERE container.id = :id AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: seen.mark
-- Set when and where sandboxes were seen, all at once, of those that are stored: rows.
INSERT INTO sandbox_seen (sandbox_id, seen_at, source)
SELECT sandbox.id, r.seen_at, r.source
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, seen_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, source LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support) ON DUPLICATE KEY UPDATE sandbox_id = if(sandbox_seen.sandbox_id =
    VALUES(sandbox_id), sandbox_seen.sandbox_id, NULL), seen_at = VALUES(seen_at), source =
  VALUES(source)

-- name: seen.mark_host
-- Set when a host was seen: rows.
INSERT INTO host (name, first_seen, last_seen, boot_id, kernel, programs)
SELECT r.name, coalesce(old.first_seen, r.last_seen) AS first_seen, r.last_seen, coalesce(r.boot_id,
    old.boot_id) AS boot_id, coalesce(r.kernel, old.kernel) AS kernel, coalesce(r.programs,
    old.programs) AS programs
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (name LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, last_seen LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, boot_id LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, kernel LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, programs LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r
LEFT OUTER JOIN host AS old ON old.name = r.name
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support) ON DUPLICATE KEY UPDATE name = if(host.name = VALUES(name), host.name, NULL),
  first_seen = VALUES(first_seen), last_seen = VALUES(last_seen), boot_id = VALUES(boot_id), kernel =
  VALUES(kernel), programs = VALUES(programs)

-- name: seen.unseen
-- Sandboxes of a folder that were not seen or changed since, with their layout: host, source, before.
SELECT sandbox.sid, sandbox.layout,
  (SELECT max(container.layout) AS max_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1
FROM sandbox INNER
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host AND sandbox_seen.source = :source
  AND sandbox_seen.seen_at < :before AND sandbox.updated_at < :before
ORDER BY sandbox.sid

-- name: seen.lock_unseen
-- The same, locked: who saves one of them, or sees it, waits, and finds it gone.
SELECT sandbox.sid, sandbox.layout,
  (SELECT max(container.layout) AS max_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1
FROM sandbox INNER
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host AND sandbox_seen.source = :source
  AND sandbox_seen.seen_at < :before AND sandbox.updated_at < :before
ORDER BY sandbox.sid
FOR UPDATE

-- name: seen.lock_unseen_among
-- The same, locked, of the sandboxes in rows only.
SELECT sandbox.sid, sandbox.layout,
  (SELECT max(container.layout) AS max_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1
FROM sandbox INNER
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host AND sandbox_seen.source = :source
  AND sandbox_seen.seen_at < :before AND sandbox.updated_at < :before
  AND sandbox.sid IN
  (SELECT r.sid
  FROM
    (SELECT *
    FROM JSON_TABLE(:rows, '$[*]' COLUMNS (sid LONGTEXT CHARACTER
        SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r)
ORDER BY sandbox.sid
FOR UPDATE

-- name: seen.boot_id
-- The boot of a host that imports last saw: host.
SELECT host.boot_id
FROM host
WHERE host.name = :host

-- name: seen.namespaces
-- A host's sandboxes with containers in namespaces of containerd's, with each: host.
SELECT DISTINCT sandbox.sid, container.namespace
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND container.namespace != ''

-- name: seen.sources
-- The folders in which a host's sandboxes were found, with how many of them: host.
SELECT sandbox_seen.source, count(*) AS count_1
FROM sandbox INNER
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host
GROUP BY sandbox_seen.source
ORDER BY sandbox_seen.source

-- name: audits.begin
-- Write a run: host, started_at, finished_at, checks, roots, findings, boot_id.
INSERT INTO audit_run (host, started_at, finished_at, checks, roots, findings, boot_id)
SELECT :host, :started_at, :finished_at, :checks, :roots, :findings, :boot_id
FROM DUAL
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: audits.keep
-- Write findings, or that they are still there: rows, host, now.
INSERT INTO audit_finding (id, host, check_name, subject, subject_hash, sid, cid, recorded, observed,
    advice, began_at, first_seen, last_seen, first_run_id, last_run_id, times_seen, gone_at)
SELECT old.id AS id, :host AS host, r.check_name AS check_name, r.subject AS subject, r.subject_hash
  AS subject_hash, r.sid AS sid, r.cid AS cid, r.recorded AS recorded, r.observed AS observed,
  r.advice AS advice, coalesce(old.began_at, r.began_at) AS began_at, coalesce(old.first_seen, :now)
  AS first_seen, :now AS last_seen, coalesce(old.first_run_id,
    (SELECT max(audit_run.id) AS max_1
    FROM audit_run
    WHERE audit_run.host = :host)) AS first_run_id,
  (SELECT max(audit_run.id) AS max_1
  FROM audit_run
  WHERE audit_run.host = :host) AS last_run_id, CASE WHEN (old.id IS NULL) THEN 1 WHEN (old.gone_at
    IS NULL) THEN old.times_seen ELSE old.times_seen + 1 END AS times_seen, NULL AS gone_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (check_name LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, subject_hash LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, subject LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, cid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, recorded LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, observed LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, advice LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, began_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR)) AS item) AS r
LEFT OUTER JOIN audit_finding AS old ON old.host = :host
  AND old.check_name = r.check_name AND old.subject_hash = r.subject_hash
WHERE
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support) ON DUPLICATE KEY UPDATE id = if(audit_finding.id = VALUES(id),
    audit_finding.id, NULL), host = VALUES(host), check_name = VALUES(check_name), subject =
  VALUES(subject), subject_hash = VALUES(subject_hash), sid = VALUES(sid), cid = VALUES(cid),
  recorded = VALUES(recorded), observed = VALUES(observed), advice = VALUES(advice), began_at =
  VALUES(began_at), first_seen = VALUES(first_seen), last_seen = VALUES(last_seen), first_run_id =
  VALUES(first_run_id), last_run_id = VALUES(last_run_id), times_seen = VALUES(times_seen), gone_at =
  VALUES(gone_at)

-- name: audits.end
-- Say of the other findings of these checks that they are gone: names, unread, host, now. Not of those of
-- sandboxes that were not looked at.
UPDATE audit_finding
SET gone_at=:now
WHERE audit_finding.host = :host AND audit_finding.gone_at IS NULL
  AND audit_finding.check_name IN
  (SELECT r.value
  FROM
    (SELECT *
    FROM JSON_TABLE(:names, '$[*]' COLUMNS (value LONGTEXT CHARACTER
        SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r)
  AND audit_finding.last_run_id <
  (SELECT max(audit_run.id) AS max_1
  FROM audit_run
  WHERE audit_run.host = :host) AND (audit_finding.sid IS NULL
    OR (audit_finding.sid NOT IN
      (SELECT r.value
      FROM
        (SELECT *
        FROM JSON_TABLE(:unread, '$[*]' COLUMNS (value LONGTEXT CHARACTER
            SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r)))
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: audits.findings
-- Ask for the host's findings: host.
SELECT check_name, subject, recorded, observed, advice, sid, cid, times_seen,
  concat(audit_finding.began_at, 'Z'), concat(audit_finding.first_seen, 'Z'),
  concat(audit_finding.last_seen, 'Z'), concat(audit_finding.gone_at, 'Z')
FROM audit_finding
WHERE host = :host
ORDER BY check_name, subject, id

-- name: audits.open_findings
-- Ask for the host's findings that are not gone: host.
SELECT check_name, subject, recorded, observed, advice, sid, cid, times_seen,
  concat(audit_finding.began_at, 'Z'), concat(audit_finding.first_seen, 'Z'),
  concat(audit_finding.last_seen, 'Z'), concat(audit_finding.gone_at, 'Z')
FROM audit_finding
WHERE host = :host AND gone_at IS NULL
ORDER BY check_name, subject, id

-- name: audits.known
-- Ask for the host's findings with these checks and subjects: rows, host.
SELECT audit_finding.check_name, audit_finding.subject, audit_finding.recorded,
  audit_finding.observed, audit_finding.advice, audit_finding.sid, audit_finding.cid,
  audit_finding.times_seen, concat(audit_finding.began_at, 'Z'), concat(audit_finding.first_seen,
    'Z'), concat(audit_finding.last_seen, 'Z'), concat(audit_finding.gone_at, 'Z')
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (check_name LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, subject_hash LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN audit_finding ON audit_finding.check_name = r.check_name
  AND audit_finding.subject_hash = r.subject_hash AND audit_finding.host = :host
ORDER BY audit_finding.check_name, audit_finding.subject, audit_finding.id

-- name: audits.seen
-- Ask where and when imports last found the host's sandboxes: host.
SELECT s.sid, x.source, concat(x.seen_at, 'Z')
FROM sandbox AS s
JOIN sandbox_seen AS x ON x.sandbox_id = s.id
WHERE s.host = :host
ORDER BY s.sid

-- name: audits.boot
-- Ask for the boot in which the host's files were last read: host.
SELECT boot_id, concat(last_seen, 'Z')
FROM host
WHERE name = :host

-- name: audits.holders
-- Ask which containers had these paths on a host, and until when: names.
SELECT r.value, mount_history.container_id, concat(mount_history.valid_to, 'Z')
FROM
  (SELECT *
  FROM JSON_TABLE(:names, '$[*]' COLUMNS (value LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN mount_history ON mount_history.host_path = r.value
WHERE mount_history.host_path <> ''
UNION ALL SELECT r.value, mount_history.container_id, concat(mount_history.valid_to, 'Z')
FROM
  (SELECT *
  FROM JSON_TABLE(:names, '$[*]' COLUMNS (value LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN mount_history ON mount_history.source = r.value
WHERE mount_history.source >= '/' AND mount_history.source < '0'
  AND mount_history.position = 0 AND (mount_history.source < '/run0'
    AND mount_history.source >= '/run/' OR mount_history.source < '/var0'
    AND mount_history.source >= '/var/')

-- name: audits.ended
-- Ask for the host and IDs of these containers if they were removed, and when that was: ids.
SELECT container_lifetime.id, sandbox_lifetime.host, sandbox_lifetime.sid, container_lifetime.cid,
  concat(container_lifetime.removed_at, 'Z')
FROM
  (SELECT *
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (value BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container_lifetime ON container_lifetime.id = r.value INNER
JOIN sandbox_lifetime ON sandbox_lifetime.id = container_lifetime.sandbox_id
WHERE container_lifetime.removed_at IS NOT NULL

-- name: audits.removed
-- Ask when these sandboxes were removed: names, host.
SELECT r.value, concat(sandbox_lifetime.removed_at, 'Z')
FROM
  (SELECT *
  FROM JSON_TABLE(:names, '$[*]' COLUMNS (value LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox_lifetime ON sandbox_lifetime.sid = r.value
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.removed_at IS NOT NULL

-- name: recording.events
-- Write events, in the order of the rows of EventRow: cause, actor, reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT r.sandbox_id, r.container_id, r.kind, r.revision, r.at, r.old_state, r.new_state, :cause,
  :actor, :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (sandbox_id BIGINT PATH '$[0]' ERROR ON ERROR, container_id
        BIGINT PATH '$[1]' ERROR ON ERROR, kind LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, revision BIGINT PATH '$[3]'
        ERROR ON ERROR, at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, old_state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, new_state LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.event
-- Write one of them: the fields of an EventRow, cause, actor, reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT :sandbox_id, :container_id, :kind, :revision, :at, :old_state, :new_state, :cause, :actor,
  :reason
FROM DUAL
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.gap
-- Write an event of a host: rows of GapRow, cause, actor, reason.
INSERT INTO event (host, kind, revision, at, began_at, cause, actor, reason)
SELECT r.host, r.kind, r.revision, r.at, r.began_at, :cause, :actor, :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, kind LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, revision BIGINT PATH '$[2]'
        ERROR ON ERROR, at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, began_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.find_gap
-- Find a gap that was written: host, at.
SELECT event.id
FROM event
WHERE event.host = :host AND event.at = :at AND event.kind = 'gap'

-- name: recording.find_event
-- Whether an event was written, and whether it would be there. sandbox_id, container_id, which is 0 for none,
-- kind, revision, at.
SELECT CASE WHEN (EXISTS
    (SELECT event.id
    FROM event
    WHERE event.sandbox_id = :sandbox_id AND event.kind = :kind
      AND event.revision = :revision AND event.at = :at
      AND coalesce(event.container_id, 0) = :container_id)) THEN 1 ELSE 0 END AS anon_1, CASE WHEN
  (seconds IS NULL OR seconds > 0) AND horizon < :at THEN 1 ELSE 0 END AS anon_2
FROM retention

-- name: recording.find_creation
-- The revision with which a container was created at a time: host, sid, cid, at. It and its sandbox may have
-- gone since.
SELECT event.revision
FROM sandbox_lifetime INNER
JOIN container_lifetime ON container_lifetime.sandbox_id = sandbox_lifetime.id INNER
JOIN event ON event.sandbox_id = sandbox_lifetime.id
  AND event.container_id = container_lifetime.id
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.sid = :sid
  AND container_lifetime.cid = :cid AND event.at = :at
  AND event.kind = 'created'

-- name: recording.find_sandbox_creation
-- The same of a sandbox: host, sid, at.
SELECT event.revision
FROM sandbox_lifetime INNER
JOIN event ON event.sandbox_id = sandbox_lifetime.id
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.sid = :sid
  AND event.container_id IS NULL AND event.at = :at
  AND event.kind = 'created'

-- name: recording.sandbox_lifetimes
-- Write lifetimes that begin: rows of SandboxLife.
INSERT INTO sandbox_lifetime (id, host, sid, created_at, removed_at)
SELECT r.id, r.host, r.sid, r.created_at, r.removed_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, host LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, created_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, removed_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.container_lifetimes
-- Write lifetimes that begin, or end: rows of ContainerLife.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT r.id, r.sandbox_id, r.cid, r.created_at, r.removed_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, sandbox_id BIGINT PATH
        '$[1]' ERROR ON ERROR, cid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, created_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, removed_at LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 ON DUPLICATE KEY UPDATE id = if(container_lifetime.id = VALUES(id),
    container_lifetime.id, NULL), sandbox_id = VALUES(sandbox_id), cid = VALUES(cid), created_at =
  VALUES(created_at), removed_at = VALUES(removed_at)

-- name: recording.container_lifetime
-- Write one of them: the fields of a ContainerLife.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT :id, :sandbox_id, :cid, :created_at, :removed_at
FROM DUAL
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 ON DUPLICATE KEY UPDATE id = if(container_lifetime.id = VALUES(id),
    container_lifetime.id, NULL), sandbox_id = VALUES(sandbox_id), cid = VALUES(cid), created_at =
  VALUES(created_at), removed_at = VALUES(removed_at)

-- name: recording.end_container
-- End the lifetime of a container whose row cannot be read: id, now.
UPDATE container_lifetime
SET removed_at=:now
WHERE container_lifetime.id = :id

-- name: recording.next_ids
-- The next IDs of a sandbox and of a container, where the engine would take past ones.

-- name: recording.removals[0]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
SELECT sandbox.id
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
ORDER BY sandbox.id
FOR UPDATE

-- name: recording.removals[1]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
SELECT container.id
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id
ORDER BY container.id
FOR UPDATE

-- name: recording.removals[2]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO mount_history (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.`position`, mount.is_rootfs, mount.source, mount.destination,
  mount.type, mount.options, mount.host_path, mount.block_device_id, mount.read_only, mount.mounted,
  container.revision + 1 AS anon_1, mount.since, CASE WHEN (mount.since = 0) THEN
  container.created_at WHEN (mount.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = mount.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (mount.options IS NOT NULL AND NOT json_valid(mount.options)) = 0

-- name: recording.removals[3]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO device_map_history (container_id, `position`, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.`position`, device_map.device_id,
  device_map.container_path, device_map.file_mode, device_map.uid, device_map.gid, device_map.shared,
  container.revision + 1 AS anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN
  container.created_at WHEN (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.removals[4]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO process_history (container_id, `position`, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.`position`, process.sandbox_id, process.token, process.pid,
  process.start_time, process.start_time_ns, process.start_time_offset, container.revision + 1 AS
  anon_1, process.since, CASE WHEN (process.since = 0) THEN container.created_at WHEN (process.since
    = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = process.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (process.start_time IS NULL OR process.start_time >= '0001-01-01'
    AND process.start_time <= '9999-12-31 23:59:59.999999')

-- name: recording.removals[5]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, TRUE, container.state, container.cgroup_path, container.bundle_path,
  container.layout, container.extra, container.document, container.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (container.extra IS NOT NULL AND NOT json_valid(container.extra)) = 0

-- name: recording.removals[6]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_2
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_2
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_1, sandbox.revision +
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_3, sandbox.revision, TRUE, sandbox.state,
  sandbox.persist_version, sandbox.cgroup_path, sandbox.layout, sandbox.document, sandbox.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.removals[7]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'removed', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, container.state, NULL AS anon_3, :cause, :actor,
  :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0
ORDER BY container.id

-- name: recording.removals[8]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO event (sandbox_id, kind, revision, at, old_state, cause, actor, reason)
SELECT sandbox.id, 'removed', sandbox.revision +
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) + 1 AS anon_1, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_3
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_3
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_2, sandbox.state, :cause, :actor, :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.removals[9]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT container.id, container.sandbox_id, container.cid, container.created_at, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_1
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999' ON DUPLICATE KEY UPDATE id =
  if(container_lifetime.id = VALUES(id), container_lifetime.id, NULL), sandbox_id =
  VALUES(sandbox_id), cid = VALUES(cid), created_at = VALUES(created_at), removed_at =
  VALUES(removed_at)

-- name: recording.removals[10]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO sandbox_lifetime (id, host, sid, created_at, removed_at)
SELECT sandbox.id, sandbox.host, sandbox.sid, sandbox.created_at, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_2
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_2
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_1
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (host LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[0]' ERROR ON ERROR, sid LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[1]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.created_at >= '0001-01-01'
  AND sandbox.created_at <= '9999-12-31 23:59:59.999999' ON DUPLICATE KEY UPDATE id =
  if(sandbox_lifetime.id = VALUES(id), sandbox_lifetime.id, NULL), host = VALUES(host), sid =
  VALUES(sid), created_at = VALUES(created_at), removed_at = VALUES(removed_at)

-- name: recording.removals_by_id[0]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
SELECT sandbox.id
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id
ORDER BY sandbox.id
FOR UPDATE

-- name: recording.removals_by_id[1]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
SELECT container.id
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id
ORDER BY container.id
FOR UPDATE

-- name: recording.removals_by_id[2]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO mount_history (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.`position`, mount.is_rootfs, mount.source, mount.destination,
  mount.type, mount.options, mount.host_path, mount.block_device_id, mount.read_only, mount.mounted,
  container.revision + 1 AS anon_1, mount.since, CASE WHEN (mount.since = 0) THEN
  container.created_at WHEN (mount.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = mount.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (mount.options IS NOT NULL AND NOT json_valid(mount.options)) = 0

-- name: recording.removals_by_id[3]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO device_map_history (container_id, `position`, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.`position`, device_map.device_id,
  device_map.container_path, device_map.file_mode, device_map.uid, device_map.gid, device_map.shared,
  container.revision + 1 AS anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN
  container.created_at WHEN (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.removals_by_id[4]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO process_history (container_id, `position`, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.`position`, process.sandbox_id, process.token, process.pid,
  process.start_time, process.start_time_ns, process.start_time_offset, container.revision + 1 AS
  anon_1, process.since, CASE WHEN (process.since = 0) THEN container.created_at WHEN (process.since
    = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = process.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id INNER
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (process.start_time IS NULL OR process.start_time >= '0001-01-01'
    AND process.start_time <= '9999-12-31 23:59:59.999999')

-- name: recording.removals_by_id[5]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, TRUE, container.state, container.cgroup_path, container.bundle_path,
  container.layout, container.extra, container.document, container.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (container.extra IS NOT NULL AND NOT json_valid(container.extra)) = 0

-- name: recording.removals_by_id[6]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_2
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_2
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_1, sandbox.revision +
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_3, sandbox.revision, TRUE, sandbox.state,
  sandbox.persist_version, sandbox.cgroup_path, sandbox.layout, sandbox.document, sandbox.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.removals_by_id[7]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'removed', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, container.state, NULL AS anon_3, :cause, :actor,
  :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0
ORDER BY container.id

-- name: recording.removals_by_id[8]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO event (sandbox_id, kind, revision, at, old_state, cause, actor, reason)
SELECT sandbox.id, 'removed', sandbox.revision +
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) + 1 AS anon_1, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_3
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_3
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_2, sandbox.state, :cause, :actor, :reason
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.removals_by_id[9]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT container.id, container.sandbox_id, container.cid, container.created_at, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_1
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id INNER
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999' ON DUPLICATE KEY UPDATE id =
  if(container_lifetime.id = VALUES(id), container_lifetime.id, NULL), sandbox_id =
  VALUES(sandbox_id), cid = VALUES(cid), created_at = VALUES(created_at), removed_at =
  VALUES(removed_at)

-- name: recording.removals_by_id[10]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO sandbox_lifetime (id, host, sid, created_at, removed_at)
SELECT sandbox.id, sandbox.host, sandbox.sid, sandbox.created_at, CASE WHEN (sandbox.updated_at >
    (SELECT CASE WHEN (max(container.updated_at) > :now
        AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
      ELSE :now END AS anon_2
    FROM container
    WHERE container.sandbox_id = sandbox.id) AND sandbox.updated_at <= '9999-12-31 23:59:59.999999')
  THEN sandbox.updated_at ELSE
  (SELECT CASE WHEN (max(container.updated_at) > :now
      AND max(container.updated_at) <= '9999-12-31 23:59:59.999999') THEN max(container.updated_at)
    ELSE :now END AS anon_2
  FROM container
  WHERE container.sandbox_id = sandbox.id) END AS anon_1
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.created_at >= '0001-01-01'
  AND sandbox.created_at <= '9999-12-31 23:59:59.999999' ON DUPLICATE KEY UPDATE id =
  if(sandbox_lifetime.id = VALUES(id), sandbox_lifetime.id, NULL), host = VALUES(host), sid =
  VALUES(sid), created_at = VALUES(created_at), removed_at = VALUES(removed_at)

-- name: recording.old_sandboxes
-- Keep versions of sandboxes' own rows: rows of OldSandbox.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > r.now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE r.now END AS
  anon_1, r.revision, sandbox.revision AS revision_1, r.whole, sandbox.state, CASE WHEN (r.whole IS
    true) THEN sandbox.persist_version END AS anon_2, CASE WHEN (r.whole IS true) THEN
  sandbox.cgroup_path END AS anon_3, CASE WHEN (r.whole IS true) THEN sandbox.layout END AS anon_4,
  CASE WHEN (r.whole IS true) THEN sandbox.document END AS anon_5, sandbox.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, number BIGINT PATH
        '$[1]' ERROR ON ERROR, revision BIGINT PATH '$[2]' ERROR ON ERROR, whole BIGINT PATH '$[3]'
        ERROR ON ERROR, now LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR)) AS item) AS r INNER
JOIN sandbox ON sandbox.id = r.id AND sandbox.revision = r.number
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_sandbox
-- Keep one of them: the fields of an OldSandbox.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END AS
  anon_1, :revision, sandbox.revision, :whole, sandbox.state, CASE WHEN (:whole IS true) THEN
  sandbox.persist_version END AS anon_2, CASE WHEN (:whole IS true) THEN sandbox.cgroup_path END AS
  anon_3, CASE WHEN (:whole IS true) THEN sandbox.layout END AS anon_4, CASE WHEN (:whole IS true)
  THEN sandbox.document END AS anon_5, sandbox.updated_at
FROM sandbox
WHERE sandbox.id = :id AND sandbox.revision = :number
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_number
-- Keep one of which only the number and the state are others: the fields of an OldSandbox.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END AS
  anon_1, :revision, sandbox.revision, FALSE, sandbox.state, sandbox.updated_at
FROM sandbox
WHERE sandbox.id = :id AND sandbox.revision = :number
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_containers
-- Keep versions of containers' own rows: rows of OldContainer.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_1, container.revision, r.whole, container.state, CASE WHEN (r.whole IS true) THEN
  container.cgroup_path END AS anon_2, CASE WHEN (r.whole IS true) THEN container.bundle_path END AS
  anon_3, CASE WHEN (r.whole IS true) THEN container.layout END AS anon_4, CASE WHEN (r.whole IS
    true) THEN container.extra END AS anon_5, CASE WHEN (r.whole IS true) THEN container.document END
  AS anon_6, container.updated_at
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, whole BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.id AND container.revision = r.revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (container.extra IS NOT NULL AND NOT json_valid(container.extra)) = 0

-- name: recording.old_container
-- Keep one of them: the fields of an OldContainer.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, :whole, container.state, CASE WHEN (:whole IS true) THEN
  container.cgroup_path END AS anon_2, CASE WHEN (:whole IS true) THEN container.bundle_path END AS
  anon_3, CASE WHEN (:whole IS true) THEN container.layout END AS anon_4, CASE WHEN (:whole IS true)
  THEN container.extra END AS anon_5, CASE WHEN (:whole IS true) THEN container.document END AS
  anon_6, container.updated_at
FROM container
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (container.extra IS NOT NULL AND NOT json_valid(container.extra)) = 0

-- name: recording.old_part
-- Keep one of which only the state becomes another: the fields of an OldContainer.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, FALSE, container.state, container.updated_at
FROM container
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_children[0]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO mount_history (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.`position`, mount.is_rootfs, mount.source, mount.destination,
  mount.type, mount.options, mount.host_path, mount.block_device_id, mount.read_only, mount.mounted,
  container.revision + 1 AS anon_1, mount.since, CASE WHEN (mount.since = 0) THEN
  container.created_at WHEN (mount.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = mount.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, revision
        BIGINT PATH '$[1]' ERROR ON ERROR, position BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.container_id AND container.revision = r.revision INNER
JOIN mount ON mount.container_id = r.container_id AND mount.`position` = r.`position`
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (mount.options IS NOT NULL AND NOT json_valid(mount.options)) = 0

-- name: recording.old_children[1]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO device_map_history (container_id, `position`, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.`position`, device_map.device_id,
  device_map.container_path, device_map.file_mode, device_map.uid, device_map.gid, device_map.shared,
  container.revision + 1 AS anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN
  container.created_at WHEN (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, revision
        BIGINT PATH '$[1]' ERROR ON ERROR, position BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.container_id AND container.revision = r.revision INNER
JOIN device_map ON device_map.container_id = r.container_id
  AND device_map.`position` = r.`position`
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_children[2]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO process_history (container_id, `position`, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.`position`, process.sandbox_id, process.token, process.pid,
  process.start_time, process.start_time_ns, process.start_time_offset, container.revision + 1 AS
  anon_1, process.since, CASE WHEN (process.since = 0) THEN container.created_at WHEN (process.since
    = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = process.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, revision
        BIGINT PATH '$[1]' ERROR ON ERROR, position BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.container_id AND container.revision = r.revision INNER
JOIN process ON process.container_id = r.container_id
  AND process.`position` = r.`position`
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (process.start_time IS NULL OR process.start_time >= '0001-01-01'
    AND process.start_time <= '9999-12-31 23:59:59.999999')

-- name: recording.old_child[0]
-- Keep one of them: the fields of an OldChild.
INSERT INTO mount_history (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.`position`, mount.is_rootfs, mount.source, mount.destination,
  mount.type, mount.options, mount.host_path, mount.block_device_id, mount.read_only, mount.mounted,
  container.revision + 1 AS anon_1, mount.since, CASE WHEN (mount.since = 0) THEN
  container.created_at WHEN (mount.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = mount.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM container INNER
JOIN mount ON mount.container_id = container.id AND mount.`position` = :position
  AND container.id = :container_id AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (mount.options IS NOT NULL AND NOT json_valid(mount.options)) = 0

-- name: recording.old_child[1]
-- Keep one of them: the fields of an OldChild.
INSERT INTO device_map_history (container_id, `position`, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.`position`, device_map.device_id,
  device_map.container_path, device_map.file_mode, device_map.uid, device_map.gid, device_map.shared,
  container.revision + 1 AS anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN
  container.created_at WHEN (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM container INNER
JOIN device_map ON device_map.container_id = container.id
  AND device_map.`position` = :position AND container.id = :container_id
  AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_child[2]
-- Keep one of them: the fields of an OldChild.
INSERT INTO process_history (container_id, `position`, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.`position`, process.sandbox_id, process.token, process.pid,
  process.start_time, process.start_time_ns, process.start_time_offset, container.revision + 1 AS
  anon_1, process.since, CASE WHEN (process.since = 0) THEN container.created_at WHEN (process.since
    = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = process.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM container INNER
JOIN process ON process.container_id = container.id
  AND process.`position` = :position AND container.id = :container_id
  AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (process.start_time IS NULL OR process.start_time >= '0001-01-01'
    AND process.start_time <= '9999-12-31 23:59:59.999999')

-- name: recording.all_children[0]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO mount_history (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.`position`, mount.is_rootfs, mount.source, mount.destination,
  mount.type, mount.options, mount.host_path, mount.block_device_id, mount.read_only, mount.mounted,
  container.revision + 1 AS anon_1, mount.since, CASE WHEN (mount.since = 0) THEN
  container.created_at WHEN (mount.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = mount.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, whole BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.id AND container.revision = r.revision INNER
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (mount.options IS NOT NULL AND NOT json_valid(mount.options)) = 0

-- name: recording.all_children[1]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO device_map_history (container_id, `position`, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.`position`, device_map.device_id,
  device_map.container_path, device_map.file_mode, device_map.uid, device_map.gid, device_map.shared,
  container.revision + 1 AS anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN
  container.created_at WHEN (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, whole BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.id AND container.revision = r.revision INNER
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.all_children[2]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO process_history (container_id, `position`, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.`position`, process.sandbox_id, process.token, process.pid,
  process.start_time, process.start_time_ns, process.start_time_offset, container.revision + 1 AS
  anon_1, process.since, CASE WHEN (process.since = 0) THEN container.created_at WHEN (process.since
    = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = process.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT *
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, revision BIGINT PATH
        '$[1]' ERROR ON ERROR, whole BIGINT PATH '$[2]' ERROR ON ERROR, now LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR)) AS item) AS r INNER
JOIN container ON container.id = r.id AND container.revision = r.revision INNER
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999'
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'
  AND (process.start_time IS NULL OR process.start_time >= '0001-01-01'
    AND process.start_time <= '9999-12-31 23:59:59.999999')

-- name: past.version_at
-- Which version a container had: its ID, revision, and end, NULL if it is live: host, sid, cid, at.
SELECT l.id, coalesce(h.revision, c.revision), h.valid_to
FROM container_lifetime AS l
LEFT JOIN
  (SELECT x.container_id, x.revision, x.valid_to
  FROM container_history AS x
  WHERE x.container_id =
    (SELECT l.id
    FROM sandbox_lifetime AS s
    JOIN container_lifetime AS l ON l.sandbox_id = s.id
    WHERE s.host = :host AND s.sid = :sid AND l.cid = :cid
      AND s.created_at <= :at AND (s.removed_at IS NULL
        OR s.removed_at > :at) AND NOT EXISTS
      (SELECT 1
      FROM sandbox_lifetime AS y
      WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
        AND y.created_at <= :at AND (y.removed_at IS NULL
          OR y.removed_at > :at)) AND l.created_at <= :at
      AND (l.removed_at IS NULL OR l.removed_at > :at)
      AND NOT EXISTS
      (SELECT 1
      FROM container_lifetime AS y
      WHERE y.sandbox_id = l.sandbox_id AND y.cid = l.cid
        AND y.id > l.id AND y.created_at <= :at AND (y.removed_at IS NULL
          OR y.removed_at > :at))
    ORDER BY l.id DESC
    LIMIT 1) AND x.valid_to > :at
  ORDER BY x.valid_to, x.revision
  LIMIT 1) AS h ON h.container_id = l.id
LEFT JOIN container AS c ON c.id = l.id
WHERE l.id =
  (SELECT l.id
  FROM sandbox_lifetime AS s
  JOIN container_lifetime AS l ON l.sandbox_id = s.id
  WHERE s.host = :host AND s.sid = :sid AND l.cid = :cid
    AND s.created_at <= :at AND (s.removed_at IS NULL
      OR s.removed_at > :at) AND NOT EXISTS
    (SELECT 1
    FROM sandbox_lifetime AS y
    WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
      AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at)) AND l.created_at <= :at
    AND (l.removed_at IS NULL OR l.removed_at > :at)
    AND NOT EXISTS
    (SELECT 1
    FROM container_lifetime AS y
    WHERE y.sandbox_id = l.sandbox_id AND y.cid = l.cid
      AND y.id > l.id AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at))
  ORDER BY l.id DESC
  LIMIT 1) AND EXISTS
  (SELECT 1
  FROM retention AS r
  WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))
  AND (h.revision IS NOT NULL OR c.id IS NOT NULL)

-- name: past.version_of
-- The same of a revision: host, sid, cid, revision. No two lifetimes in a sandbox have it.
SELECT l.id, x.revision, x.valid_to
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
JOIN container_history AS x ON x.container_id = l.id
JOIN retention AS r ON x.valid_to > r.horizon AND (r.seconds IS NULL
    OR r.seconds > 0)
WHERE s.host = :host AND s.sid = :sid AND l.cid = :cid
  AND x.revision = :revision
UNION ALL SELECT c.id, c.revision, NULL
FROM container AS c
JOIN sandbox AS s ON s.id = c.sandbox_id
WHERE s.host = :host AND s.sid = :sid AND c.cid = :cid
  AND c.revision = :revision
ORDER BY 1 DESC
LIMIT 1

-- name: past.sids_after
-- The IDs of a host's next sandboxes that were there at a time: host, sid, at, limit.
SELECT s.sid
FROM sandbox_lifetime AS s
WHERE s.host = :host AND s.sid > :sid AND s.created_at <= :at
  AND (s.removed_at IS NULL OR s.removed_at > :at) AND NOT EXISTS
  (SELECT 1
  FROM sandbox_lifetime AS y
  WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
    AND y.created_at <= :at AND (y.removed_at IS NULL
      OR y.removed_at > :at)) AND EXISTS
  (SELECT 1
  FROM retention AS r
  WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))
ORDER BY s.sid
LIMIT :limit

-- name: past.look_up_sandbox
-- Up to four that were there, whose ID begins with sid: host, sid, sid_end, at.
SELECT s.sid
FROM sandbox_lifetime AS s
WHERE s.host = :host AND s.sid >= :sid AND s.sid < :sid_end
  AND s.created_at <= :at AND (s.removed_at IS NULL
    OR s.removed_at > :at) AND NOT EXISTS
  (SELECT 1
  FROM sandbox_lifetime AS y
  WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
    AND y.created_at <= :at AND (y.removed_at IS NULL
      OR y.removed_at > :at)) AND EXISTS
  (SELECT 1
  FROM retention AS r
  WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))
ORDER BY s.sid
LIMIT 4

-- name: past.look_up_sandbox_ever
-- Up to four sandboxes that are or were there, whose ID begins with sid: host, sid, sid_end.
SELECT DISTINCT s.sid
FROM sandbox_lifetime AS s
WHERE s.host = :host AND s.sid >= :sid AND s.sid < :sid_end
ORDER BY s.sid
LIMIT 4

-- name: past.look_up_ever[0]
-- Up to four containers that are or were there, whose ID begins with cid: host, cid, cid_end. The second one is
-- for the sandbox's, too, which begins with sid: sid, sid_end. The others are the same over all hosts.
SELECT DISTINCT s.host, s.sid, l.cid
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
WHERE l.cid >= :cid AND l.cid < :cid_end AND s.host = :host
ORDER BY l.cid, s.sid, s.host
LIMIT 4

-- name: past.look_up_ever[1]
-- Up to four containers that are or were there, whose ID begins with cid: host, cid, cid_end. The second one is
-- for the sandbox's, too, which begins with sid: sid, sid_end. The others are the same over all hosts.
SELECT DISTINCT s.host, s.sid, l.cid
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
WHERE l.cid >= :cid AND l.cid < :cid_end AND s.host = :host
  AND s.sid >= :sid AND s.sid < :sid_end
ORDER BY s.sid, l.cid, s.host
LIMIT 4

-- name: past.look_up_ever[2]
-- Up to four containers that are or were there, whose ID begins with cid: host, cid, cid_end. The second one is
-- for the sandbox's, too, which begins with sid: sid, sid_end. The others are the same over all hosts.
SELECT DISTINCT s.host, s.sid, l.cid
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
WHERE l.cid >= :cid AND l.cid < :cid_end
ORDER BY l.cid, s.sid, s.host
LIMIT 4

-- name: past.look_up_ever[3]
-- Up to four containers that are or were there, whose ID begins with cid: host, cid, cid_end. The second one is
-- for the sandbox's, too, which begins with sid: sid, sid_end. The others are the same over all hosts.
SELECT DISTINCT s.host, s.sid, l.cid
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
WHERE l.cid >= :cid AND l.cid < :cid_end AND s.sid >= :sid
  AND s.sid < :sid_end
ORDER BY s.sid, l.cid, s.host
LIMIT 4

-- name: past.lifetimes
-- The containers with one name, the first one first: host, sid, cid.
SELECT l.id
FROM sandbox_lifetime AS s
JOIN container_lifetime AS l ON l.sandbox_id = s.id
WHERE s.host = :host AND s.sid = :sid AND l.cid = :cid
ORDER BY s.id, l.id

-- name: past.sandbox_revision
-- When a sandbox came to be at a revision, which is a sum, the latest time first: host, sid, revision. Each
-- version adds its number when it begins, and takes it away when it ends. Where the clock was set back times are
-- not the order of the changes, and a sum may come to a number at which the sandbox was another: so all that
-- happened up to the time must come before the rest, by the events' IDs and by the revisions of its own row.
SELECT concat(t.time, 'Z')
FROM
  (SELECT id, time, sum(number) OVER (PARTITION BY id
    ORDER BY time) AS revision, lead(time) OVER (PARTITION BY id
    ORDER BY time) AS next
  FROM
    (SELECT id, time, sum(number) AS number
    FROM
      (SELECT s.id, h.valid_from AS time, h.number AS number
      FROM sandbox_lifetime AS s
      JOIN sandbox_history AS h ON h.sandbox_id = s.id
      WHERE s.host = :host AND s.sid = :sid
      UNION ALL SELECT s.id, h.valid_to, -h.number
      FROM sandbox_lifetime AS s
      JOIN sandbox_history AS h ON h.sandbox_id = s.id
      WHERE s.host = :host AND s.sid = :sid
      UNION ALL SELECT s.id, x.updated_at, x.revision
      FROM sandbox_lifetime AS s
      JOIN sandbox AS x ON x.id = s.id
      WHERE s.host = :host AND s.sid = :sid
      UNION ALL SELECT s.id, h.valid_from, h.revision
      FROM sandbox_lifetime AS s
      JOIN container_lifetime AS l ON l.sandbox_id = s.id
      JOIN container_history AS h ON h.container_id = l.id
      WHERE s.host = :host AND s.sid = :sid
      UNION ALL SELECT s.id, h.valid_to, -h.revision
      FROM sandbox_lifetime AS s
      JOIN container_lifetime AS l ON l.sandbox_id = s.id
      JOIN container_history AS h ON h.container_id = l.id
      WHERE s.host = :host AND s.sid = :sid
      UNION ALL SELECT s.id, x.updated_at, x.revision
      FROM sandbox_lifetime AS s
      JOIN container AS x ON x.sandbox_id = s.id
      WHERE s.host = :host AND s.sid = :sid) AS changes
    GROUP BY id, time) AS sums) AS t
JOIN retention AS r ON t.next IS NULL OR t.next > r.horizon
WHERE t.revision = :revision AND NOT EXISTS
  (SELECT 1
  FROM event AS e
  WHERE e.sandbox_id = t.id AND e.at <= t.time AND e.id >
    (SELECT min(n.id)
    FROM event AS n
    WHERE n.sandbox_id = t.id AND n.at > t.time)) AND NOT EXISTS
  (SELECT 1
  FROM sandbox_history AS h
  WHERE h.sandbox_id = t.id AND h.revision < :revision
    AND h.valid_to > t.time) AND NOT EXISTS
  (SELECT 1
  FROM sandbox_history AS h
  WHERE h.sandbox_id = t.id AND h.revision >= :revision
    AND h.valid_to <= t.time)
ORDER BY t.id DESC, t.time DESC

-- name: transition[0]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
SELECT max(container.id) INTO @persistdb_locked
FROM container
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)
  AND container.cid = :cid AND container.state = :old
  AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)
FOR UPDATE

-- name: transition[1]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, FALSE, container.state, container.updated_at
FROM container
WHERE container.id = @persistdb_locked AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support) AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.updated_at >= '0001-01-01'
  AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: transition[2]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'state', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, :old, :new, :cause, :actor, :reason
FROM container
WHERE container.id = @persistdb_locked AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: transition[3]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
UPDATE container
SET state=:new, revision=(container.revision + 1), updated_at=CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
WHERE container.id = @persistdb_locked AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)

-- name: creation[0]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
SELECT max(sandbox.id) INTO @persistdb_sandbox
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid AND NOT coalesce(instr(sandbox.document, :cid) > 0,
    false) AND
  (SELECT 18446744073709551615 + (min_writer > '0018') > 0
  FROM schema_support)
FOR UPDATE

-- name: creation[1]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
SELECT max(sandbox.revision +
    (SELECT coalesce(sum(container.revision), 0)
    FROM container
    WHERE container.sandbox_id = sandbox.id) + 1) INTO @persistdb_revision
FROM sandbox
WHERE sandbox.id = @persistdb_sandbox AND NOT (EXISTS
    (SELECT container.id
    FROM container
    WHERE container.sandbox_id = sandbox.id AND container.cid = :cid))

-- name: creation[2]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END AS
  anon_1, @persistdb_revision - 1 AS anon_2, sandbox.revision, FALSE, sandbox.state,
  sandbox.updated_at
FROM sandbox
WHERE sandbox.id = @persistdb_sandbox AND @persistdb_revision IS NOT NULL
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.updated_at >= '0001-01-01'
  AND sandbox.updated_at <= '9999-12-31 23:59:59.999999'

-- name: creation[3]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
UPDATE sandbox
SET revision=((sandbox.revision + 1) - @persistdb_revision), updated_at=CASE WHEN (sandbox.updated_at
    > :now AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now
  END
WHERE sandbox.id = @persistdb_sandbox AND @persistdb_revision IS NOT NULL

-- name: creation[4]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO container (sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document,
    namespace, runtime, pod, pod_uid, container_name, image, revision, created_at, updated_at)
SELECT @persistdb_sandbox, :cid, :state, :cgroup_path, :bundle_path, :layout, :extra, :document,
  :namespace, :runtime, :pod, :pod_uid, :container_name, :image, @persistdb_revision,
  (SELECT sandbox.updated_at
  FROM sandbox
  WHERE sandbox.id = @persistdb_sandbox) AS anon_1,
  (SELECT sandbox.updated_at
  FROM sandbox
  WHERE sandbox.id = @persistdb_sandbox) AS anon__1
FROM DUAL
WHERE @persistdb_revision IS NOT NULL

-- name: creation[5]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO mount (container_id, `position`, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, since)
SELECT last_insert_id(), r.`position`, r.is_rootfs, r.source, r.destination, r.type, r.options,
  r.host_path, r.block_device_id, r.read_only, r.mounted, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:mount, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, is_rootfs BIGINT PATH '$[2]' ERROR ON ERROR, source
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, destination LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[4]' ERROR ON ERROR, type LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, options LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[6]' ERROR ON ERROR, host_path LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[7]' ERROR ON ERROR, block_device_id LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[8]' ERROR ON ERROR, read_only BIGINT PATH '$[9]'
        ERROR ON ERROR, mounted BIGINT PATH '$[10]' ERROR ON ERROR, since BIGINT PATH '$[11]' ERROR
        ON ERROR)) AS item) AS r
WHERE @persistdb_revision IS NOT NULL

-- name: creation[6]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO device_map (container_id, `position`, device_id, container_path, file_mode, uid, gid,
    shared, since)
SELECT last_insert_id(), r.`position`, r.device_id, r.container_path, r.file_mode, r.uid, r.gid,
  r.shared, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:device_map, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR,
        position BIGINT PATH '$[1]' ERROR ON ERROR, device_id LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[2]' ERROR ON ERROR, container_path LONGTEXT
        CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, file_mode BIGINT PATH '$[4]'
        ERROR ON ERROR, uid BIGINT PATH '$[5]' ERROR ON ERROR, gid BIGINT PATH '$[6]' ERROR ON ERROR,
        shared BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH '$[8]' ERROR ON ERROR)) AS item)
  AS r
WHERE @persistdb_revision IS NOT NULL

-- name: creation[7]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO process (container_id, `position`, sandbox_id, token, pid, start_time, start_time_ns,
    start_time_offset, since)
SELECT last_insert_id(), r.`position`, @persistdb_sandbox, r.token, r.pid, r.start_time,
  r.start_time_ns, r.start_time_offset, r.since
FROM
  (SELECT *
  FROM JSON_TABLE(:process, '$[*]' COLUMNS (container_id BIGINT PATH '$[0]' ERROR ON ERROR, position
        BIGINT PATH '$[1]' ERROR ON ERROR, sandbox_id BIGINT PATH '$[2]' ERROR ON ERROR, token
        LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[3]' ERROR ON ERROR, pid BIGINT PATH '$[4]' ERROR
        ON ERROR, start_time LONGTEXT CHARACTER
      SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$[5]' ERROR ON ERROR, start_time_ns BIGINT PATH
        '$[6]' ERROR ON ERROR, start_time_offset BIGINT PATH '$[7]' ERROR ON ERROR, since BIGINT PATH
        '$[8]' ERROR ON ERROR)) AS item) AS r
WHERE @persistdb_revision IS NOT NULL

-- name: creation[8]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at)
SELECT last_insert_id(), @persistdb_sandbox, :cid,
  (SELECT sandbox.updated_at
  FROM sandbox
  WHERE sandbox.id = @persistdb_sandbox) AS anon_1
FROM DUAL
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND @persistdb_revision IS NOT NULL

-- name: creation[9]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, new_state, cause, actor, reason)
SELECT @persistdb_sandbox, last_insert_id(), 'created', @persistdb_revision,
  (SELECT sandbox.updated_at
  FROM sandbox
  WHERE sandbox.id = @persistdb_sandbox) AS anon_1, :state, :cause, :actor, :reason
FROM DUAL
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND @persistdb_revision IS NOT NULL

-- name: creation[10]
-- Create a container, and return its revision, none if it is not created: where one round trip can.
SELECT @persistdb_revision

-- name: past.one.version
-- The container whose version the parts have.
WITH sandbox AS
  (SELECT s.id, s.host, s.sid
  FROM sandbox_lifetime AS s), container AS
  (SELECT l.id AS id, l.sandbox_id AS sandbox_id, l.cid AS cid, CASE WHEN h.revision IS NULL THEN
    c.state ELSE h.state END AS state, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE
    n.cgroup_path END AS cgroup_path, CASE WHEN n.revision IS NULL THEN c.bundle_path ELSE
    n.bundle_path END AS bundle_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS
    layout, CASE WHEN n.revision IS NULL THEN c.extra ELSE n.extra END AS extra, CASE WHEN n.revision
    IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL THEN
    c.revision ELSE h.revision END AS revision, l.created_at AS created_at, CASE WHEN h.revision IS
    NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to, CASE WHEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END IN ('runc', 'crun', 'youki') THEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END ELSE 'kata' END AS runtime,
    coalesce(c.namespace, '') AS namespace, coalesce(c.pod, '') AS pod, coalesce(c.pod_uid, '') AS
    pod_uid, coalesce(c.container_name, '') AS container_name, coalesce(c.image, '') AS image
  FROM container_lifetime AS l
  LEFT JOIN container_history AS h ON h.container_id = l.id
    AND h.valid_to = :valid_to AND h.revision = :revision
  LEFT JOIN container_history AS n ON n.container_id = l.id
    AND n.valid_to =
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = :id AND x.whole = 1 AND x.revision >= :revision
    ORDER BY x.revision
    LIMIT 1) AND n.revision =
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = :id AND x.whole = 1 AND x.revision >= :revision
    ORDER BY x.revision
    LIMIT 1)
  LEFT JOIN container AS c ON c.id = l.id
  WHERE l.id = :id AND (h.revision IS NOT NULL OR c.revision = :revision))
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      json_merge_preserve(coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source,
                'Destination', m.destination, 'Type', m.type, 'Options', json_compact(m.options
                  COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
          FROM mount AS m
          WHERE m.container_id = container.id AND m.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                  utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                'ReadOnly', m.read_only, 'Mounted', m.mounted))
          FROM
            (SELECT x.position, min(x.until) AS until
            FROM mount_history AS x
            WHERE x.container_id = :id AND x.until > :revision
            GROUP BY x.container_id, x.position) AS o
          CROSS JOIN mount_history AS m
          WHERE m.container_id = :id AND m.position = o.position
            AND m.until = o.until AND m.since <= :revision), '{}')), 'DeviceMaps',
      json_merge_preserve(coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id,
                'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID',
                d.gid, 'Shared', d.shared))
          FROM device_map AS d
          WHERE d.container_id = container.id AND d.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                d.shared))
          FROM
            (SELECT x.position, min(x.until) AS until
            FROM device_map_history AS x
            WHERE x.container_id = :id AND x.until > :revision
            GROUP BY x.container_id, x.position) AS o
          CROSS JOIN device_map_history AS d
          WHERE d.container_id = :id AND d.position = o.position
            AND d.until = o.until AND d.since <= :revision), '{}')), 'Process',
      json_merge_preserve(coalesce((SELECT json_objectagg(p.position, json_object('Token',
                coalesce(p.token, ''), 'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'),
                  ' ', p.start_time_ns, ' ', p.start_time_offset)))
          FROM process AS p
          WHERE p.container_id = container.id AND p.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''),
                'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns,
                  ' ', p.start_time_offset)))
          FROM
            (SELECT x.position, min(x.until) AS until
            FROM process_history AS x
            WHERE x.container_id = :id AND x.until > :revision
            GROUP BY x.container_id, x.position) AS o
          CROSS JOIN process_history AS p
          WHERE p.container_id = :id AND p.position = o.position
            AND p.until = o.until AND p.since <= :revision), '{}'))), 'revision', container.revision,
    'origin', json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id

-- name: past.versions.versions
-- The versions that the parts have, and the end of each, the live one last: limit.
WITH sandbox AS
  (SELECT s.id, s.host, s.sid
  FROM sandbox_lifetime AS s), container AS
  (SELECT l.id AS id, l.sandbox_id AS sandbox_id, l.cid AS cid, CASE WHEN h.revision IS NULL THEN
    c.state ELSE h.state END AS state, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE
    n.cgroup_path END AS cgroup_path, CASE WHEN n.revision IS NULL THEN c.bundle_path ELSE
    n.bundle_path END AS bundle_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS
    layout, CASE WHEN n.revision IS NULL THEN c.extra ELSE n.extra END AS extra, CASE WHEN n.revision
    IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL THEN
    c.revision ELSE h.revision END AS revision, l.created_at AS created_at, CASE WHEN h.revision IS
    NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to, CASE WHEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END IN ('runc', 'crun', 'youki') THEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END ELSE 'kata' END AS runtime,
    coalesce(c.namespace, '') AS namespace, coalesce(c.pod, '') AS pod, coalesce(c.pod_uid, '') AS
    pod_uid, coalesce(c.container_name, '') AS container_name, coalesce(c.image, '') AS image
  FROM container_lifetime AS l
  JOIN
    (SELECT *
    FROM
      (SELECT x.revision, x.whole, x.state, x.valid_from, x.valid_to
      FROM container_history AS x
      WHERE x.container_id = :id AND x.valid_to >= :valid_to
        AND (x.valid_to > :valid_to OR x.revision > :revision)
      ORDER BY x.valid_to, x.revision
      LIMIT :limit) AS p
    UNION ALL SELECT x.revision, NULL, x.state, x.updated_at, NULL
    FROM container AS x
    WHERE x.id = :id) AS h ON 1 = 1
  LEFT JOIN container_history AS n ON n.container_id = l.id
    AND n.valid_to = CASE WHEN h.whole = 1 THEN h.valid_to ELSE
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END AND n.revision = CASE WHEN h.whole = 1 THEN h.revision ELSE
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END
  LEFT JOIN container AS c ON c.id = l.id
  WHERE l.id = :id)
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      json_merge_preserve(coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source,
                'Destination', m.destination, 'Type', m.type, 'Options', json_compact(m.options
                  COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
          FROM mount AS m
          WHERE m.container_id = container.id AND m.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
                m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
                  utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
                'ReadOnly', m.read_only, 'Mounted', m.mounted))
          FROM
            (WITH RECURSIVE places (position) AS
              (SELECT min(x.position)
              FROM mount_history AS x
              WHERE x.container_id = :id
              UNION ALL SELECT
                (SELECT min(x.position)
                FROM mount_history AS x
                WHERE x.container_id = :id AND x.position > p.position)
              FROM places AS p
              WHERE p.position IS NOT NULL)
            SELECT position
            FROM places) AS o
          CROSS JOIN mount_history AS m
          WHERE m.container_id = :id AND m.position = o.position
            AND m.until =
            (SELECT x.until
            FROM mount_history AS x
            WHERE x.container_id = :id AND x.position = o.position
              AND x.until > container.revision
            ORDER BY x.until
            LIMIT 1) AND m.since <= container.revision), '{}')), 'DeviceMaps',
      json_merge_preserve(coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id,
                'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID',
                d.gid, 'Shared', d.shared))
          FROM device_map AS d
          WHERE d.container_id = container.id AND d.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
                d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                d.shared))
          FROM
            (WITH RECURSIVE places (position) AS
              (SELECT min(x.position)
              FROM device_map_history AS x
              WHERE x.container_id = :id
              UNION ALL SELECT
                (SELECT min(x.position)
                FROM device_map_history AS x
                WHERE x.container_id = :id AND x.position > p.position)
              FROM places AS p
              WHERE p.position IS NOT NULL)
            SELECT position
            FROM places) AS o
          CROSS JOIN device_map_history AS d
          WHERE d.container_id = :id AND d.position = o.position
            AND d.until =
            (SELECT x.until
            FROM device_map_history AS x
            WHERE x.container_id = :id AND x.position = o.position
              AND x.until > container.revision
            ORDER BY x.until
            LIMIT 1) AND d.since <= container.revision), '{}')), 'Process',
      json_merge_preserve(coalesce((SELECT json_objectagg(p.position, json_object('Token',
                coalesce(p.token, ''), 'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'),
                  ' ', p.start_time_ns, ' ', p.start_time_offset)))
          FROM process AS p
          WHERE p.container_id = container.id AND p.since <= container.revision), '{}'),
        coalesce((SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''),
                'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns,
                  ' ', p.start_time_offset)))
          FROM
            (WITH RECURSIVE places (position) AS
              (SELECT min(x.position)
              FROM process_history AS x
              WHERE x.container_id = :id
              UNION ALL SELECT
                (SELECT min(x.position)
                FROM process_history AS x
                WHERE x.container_id = :id AND x.position > p.position)
              FROM places AS p
              WHERE p.position IS NOT NULL)
            SELECT position
            FROM places) AS o
          CROSS JOIN process_history AS p
          WHERE p.container_id = :id AND p.position = o.position
            AND p.until =
            (SELECT x.until
            FROM process_history AS x
            WHERE x.container_id = :id AND x.position = o.position
              AND x.until > container.revision
            ORDER BY x.until
            LIMIT 1) AND p.since <= container.revision), '{}'))), 'revision', container.revision,
    'origin', json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, concat(container.valid_to, 'Z')
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
ORDER BY container.valid_to IS NULL, container.valid_to, container.revision
LIMIT 0, :limit

-- name: past.sandbox.load
-- One sandbox with all its containers: host, sid.
WITH sandbox AS
  (SELECT s.id AS id, s.host AS host, s.sid AS sid, CASE WHEN h.revision IS NULL THEN c.state ELSE
    h.state END AS state, CASE WHEN n.revision IS NULL THEN c.persist_version ELSE n.persist_version
    END AS persist_version, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE n.cgroup_path END AS
    cgroup_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS layout, CASE WHEN
    n.revision IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL
    THEN c.revision ELSE h.number END AS revision, s.created_at AS created_at, CASE WHEN h.revision
    IS NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to
  FROM sandbox_lifetime AS s
  LEFT JOIN sandbox_history AS h ON h.sandbox_id = s.id
    AND h.valid_to =
    (SELECT x.valid_to
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1) AND h.revision =
    (SELECT x.revision
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1)
  LEFT JOIN sandbox_history AS n ON n.sandbox_id = s.id
    AND n.valid_to = CASE WHEN h.whole = 1 THEN h.valid_to ELSE
    (SELECT x.valid_to
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END AND n.revision = CASE WHEN h.whole = 1 THEN h.revision ELSE
    (SELECT x.revision
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END
  LEFT JOIN sandbox AS c ON c.id = s.id
  WHERE s.host = :host AND s.sid = :sid AND s.created_at <= :at
    AND (s.removed_at IS NULL OR s.removed_at > :at)
    AND NOT EXISTS
    (SELECT 1
    FROM sandbox_lifetime AS y
    WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
      AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at)) AND EXISTS
    (SELECT 1
    FROM retention AS r
    WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))
    AND (h.revision IS NOT NULL OR c.id IS NOT NULL)), container AS
  (SELECT l.id AS id, l.sandbox_id AS sandbox_id, l.cid AS cid, CASE WHEN h.revision IS NULL THEN
    c.state ELSE h.state END AS state, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE
    n.cgroup_path END AS cgroup_path, CASE WHEN n.revision IS NULL THEN c.bundle_path ELSE
    n.bundle_path END AS bundle_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS
    layout, CASE WHEN n.revision IS NULL THEN c.extra ELSE n.extra END AS extra, CASE WHEN n.revision
    IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL THEN
    c.revision ELSE h.revision END AS revision, l.created_at AS created_at, CASE WHEN h.revision IS
    NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to, CASE WHEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END IN ('runc', 'crun', 'youki') THEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END ELSE 'kata' END AS runtime,
    coalesce(c.namespace, '') AS namespace, coalesce(c.pod, '') AS pod, coalesce(c.pod_uid, '') AS
    pod_uid, coalesce(c.container_name, '') AS container_name, coalesce(c.image, '') AS image
  FROM sandbox AS s
  JOIN container_lifetime AS l ON l.sandbox_id = s.id
  LEFT JOIN container_history AS h ON h.container_id = l.id
    AND h.valid_to =
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1) AND h.revision =
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1)
  LEFT JOIN container_history AS n ON n.container_id = l.id
    AND n.valid_to = CASE WHEN h.whole = 1 THEN h.valid_to ELSE
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END AND n.revision = CASE WHEN h.whole = 1 THEN h.revision ELSE
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END
  LEFT JOIN container AS c ON c.id = l.id
  WHERE l.created_at <= :at AND (l.removed_at IS NULL
      OR l.removed_at > :at) AND NOT EXISTS
    (SELECT 1
    FROM container_lifetime AS y
    WHERE y.sandbox_id = l.sandbox_id AND y.cid = l.cid
      AND y.id > l.id AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at)) AND (h.revision IS NOT NULL
      OR c.id IS NOT NULL))
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            json_merge_preserve(coalesce((SELECT json_objectagg(m.position, json_object('Source',
                      m.source, 'Destination', m.destination, 'Type', m.type, 'Options',
                      json_compact(m.options COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path,
                      'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted',
                      m.mounted))
                FROM mount AS m
                WHERE m.container_id = c.id AND m.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source,
                      'Destination', m.destination, 'Type', m.type, 'Options', json_compact(m.options
                        COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID',
                      m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
                FROM mount_history AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.until > c.revision), '{}')), 'DeviceMaps',
            json_merge_preserve(coalesce((SELECT json_objectagg(d.position, json_object('ID',
                      d.device_id, 'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID',
                      d.uid, 'GID', d.gid, 'Shared', d.shared))
                FROM device_map AS d
                WHERE d.container_id = c.id AND d.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id,
                      'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid,
                      'GID', d.gid, 'Shared', d.shared))
                FROM device_map_history AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                  AND d.until > c.revision), '{}')), 'Process',
            json_merge_preserve(coalesce((SELECT json_objectagg(p.position, json_object('Token',
                      coalesce(p.token, ''), 'Pid', p.pid, 'StartTime', concat(concat(p.start_time,
                          'Z'), ' ', p.start_time_ns, ' ', p.start_time_offset)))
                FROM process AS p
                WHERE p.container_id = c.id AND p.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''),
                      'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ',
                        p.start_time_ns, ' ', p.start_time_offset)))
                FROM process_history AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                  AND p.until > c.revision), '{}'))), 'revision', c.revision, 'origin',
          json_object('layout', c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin),
            'document', c.document, 'namespace', c.namespace), 'created_at', concat(c.created_at,
            'Z'), 'updated_at', concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.sandbox_id = sandbox.id)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: past.sandboxes.load_after
-- A page of a host's sandboxes, as load returns them, after one: host, sid, limit.
WITH sandbox AS
  (SELECT s.id AS id, s.host AS host, s.sid AS sid, CASE WHEN h.revision IS NULL THEN c.state ELSE
    h.state END AS state, CASE WHEN n.revision IS NULL THEN c.persist_version ELSE n.persist_version
    END AS persist_version, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE n.cgroup_path END AS
    cgroup_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS layout, CASE WHEN
    n.revision IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL
    THEN c.revision ELSE h.number END AS revision, s.created_at AS created_at, CASE WHEN h.revision
    IS NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to
  FROM sandbox_lifetime AS s
  LEFT JOIN sandbox_history AS h ON h.sandbox_id = s.id
    AND h.valid_to =
    (SELECT x.valid_to
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1) AND h.revision =
    (SELECT x.revision
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1)
  LEFT JOIN sandbox_history AS n ON n.sandbox_id = s.id
    AND n.valid_to = CASE WHEN h.whole = 1 THEN h.valid_to ELSE
    (SELECT x.valid_to
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END AND n.revision = CASE WHEN h.whole = 1 THEN h.revision ELSE
    (SELECT x.revision
    FROM sandbox_history AS x
    WHERE x.sandbox_id = s.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END
  LEFT JOIN sandbox AS c ON c.id = s.id
  WHERE s.host = :host AND s.sid > :sid AND s.created_at <= :at
    AND (s.removed_at IS NULL OR s.removed_at > :at)
    AND NOT EXISTS
    (SELECT 1
    FROM sandbox_lifetime AS y
    WHERE y.host = s.host AND y.sid = s.sid AND y.id > s.id
      AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at)) AND EXISTS
    (SELECT 1
    FROM retention AS r
    WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))
    AND (h.revision IS NOT NULL OR c.id IS NOT NULL)
  ORDER BY s.sid
  LIMIT :limit), container AS
  (SELECT l.id AS id, l.sandbox_id AS sandbox_id, l.cid AS cid, CASE WHEN h.revision IS NULL THEN
    c.state ELSE h.state END AS state, CASE WHEN n.revision IS NULL THEN c.cgroup_path ELSE
    n.cgroup_path END AS cgroup_path, CASE WHEN n.revision IS NULL THEN c.bundle_path ELSE
    n.bundle_path END AS bundle_path, CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END AS
    layout, CASE WHEN n.revision IS NULL THEN c.extra ELSE n.extra END AS extra, CASE WHEN n.revision
    IS NULL THEN c.document ELSE n.document END AS document, CASE WHEN h.revision IS NULL THEN
    c.revision ELSE h.revision END AS revision, l.created_at AS created_at, CASE WHEN h.revision IS
    NULL THEN c.updated_at ELSE h.valid_from END AS updated_at, h.valid_to AS valid_to, CASE WHEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END IN ('runc', 'crun', 'youki') THEN
    CASE WHEN n.revision IS NULL THEN c.layout ELSE n.layout END ELSE 'kata' END AS runtime,
    coalesce(c.namespace, '') AS namespace, coalesce(c.pod, '') AS pod, coalesce(c.pod_uid, '') AS
    pod_uid, coalesce(c.container_name, '') AS container_name, coalesce(c.image, '') AS image
  FROM sandbox AS s
  JOIN container_lifetime AS l ON l.sandbox_id = s.id
  LEFT JOIN container_history AS h ON h.container_id = l.id
    AND h.valid_to =
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1) AND h.revision =
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.valid_to > :at
    ORDER BY x.valid_to, x.revision
    LIMIT 1)
  LEFT JOIN container_history AS n ON n.container_id = l.id
    AND n.valid_to = CASE WHEN h.whole = 1 THEN h.valid_to ELSE
    (SELECT x.valid_to
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END AND n.revision = CASE WHEN h.whole = 1 THEN h.revision ELSE
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = l.id AND x.whole = 1 AND x.revision > h.revision
    ORDER BY x.revision
    LIMIT 1) END
  LEFT JOIN container AS c ON c.id = l.id
  WHERE l.created_at <= :at AND (l.removed_at IS NULL
      OR l.removed_at > :at) AND NOT EXISTS
    (SELECT 1
    FROM container_lifetime AS y
    WHERE y.sandbox_id = l.sandbox_id AND y.cid = l.cid
      AND y.id > l.id AND y.created_at <= :at AND (y.removed_at IS NULL
        OR y.removed_at > :at)) AND (h.revision IS NOT NULL
      OR c.id IS NOT NULL))
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', concat(sandbox.created_at, 'Z'), 'updated_at',
    concat(sandbox.updated_at, 'Z'), 'containers',
    (SELECT json_objectagg(c.id, json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Mounts',
            json_merge_preserve(coalesce((SELECT json_objectagg(m.position, json_object('Source',
                      m.source, 'Destination', m.destination, 'Type', m.type, 'Options',
                      json_compact(m.options COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path,
                      'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted',
                      m.mounted))
                FROM mount AS m
                WHERE m.container_id = c.id AND m.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(m.position, json_object('Source', m.source,
                      'Destination', m.destination, 'Type', m.type, 'Options', json_compact(m.options
                        COLLATE utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID',
                      m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
                FROM mount_history AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.until > c.revision), '{}')), 'DeviceMaps',
            json_merge_preserve(coalesce((SELECT json_objectagg(d.position, json_object('ID',
                      d.device_id, 'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID',
                      d.uid, 'GID', d.gid, 'Shared', d.shared))
                FROM device_map AS d
                WHERE d.container_id = c.id AND d.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(d.position, json_object('ID', d.device_id,
                      'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid,
                      'GID', d.gid, 'Shared', d.shared))
                FROM device_map_history AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                  AND d.until > c.revision), '{}')), 'Process',
            json_merge_preserve(coalesce((SELECT json_objectagg(p.position, json_object('Token',
                      coalesce(p.token, ''), 'Pid', p.pid, 'StartTime', concat(concat(p.start_time,
                          'Z'), ' ', p.start_time_ns, ' ', p.start_time_offset)))
                FROM process AS p
                WHERE p.container_id = c.id AND p.since <= c.revision), '{}'),
              coalesce((SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''),
                      'Pid', p.pid, 'StartTime', concat(concat(p.start_time, 'Z'), ' ',
                        p.start_time_ns, ' ', p.start_time_offset)))
                FROM process_history AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                  AND p.until > c.revision), '{}'))), 'revision', c.revision, 'origin',
          json_object('layout', c.layout, 'extra', concat(c.extra COLLATE utf8mb4_nopad_bin),
            'document', c.document, 'namespace', c.namespace), 'created_at', concat(c.created_at,
            'Z'), 'updated_at', concat(c.updated_at, 'Z')))
    FROM container AS c
    WHERE c.sandbox_id = sandbox.id)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid
LIMIT 0, :limit

-- name: selects.summaries(one host; by sid)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.summaries(one host; by sid; after)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :after0
    AND (sandbox.sid > :after0 OR sandbox.sid = :after0
      AND (container.cid > :after1 OR container.cid = :after1
        AND (sandbox.host > :after2 OR false = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.summaries(all; by sid)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.sid AS sid
    FROM
      (SELECT sandbox.sid AS sid
      FROM sandbox
      WHERE
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.summaries(all; by sid; after)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.sid AS sid
    FROM
      (SELECT sandbox.sid AS sid
      FROM sandbox
      WHERE sandbox.sid >= :after0 AND
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id AND sandbox.sid >= :after0
          AND (sandbox.sid > :after0 OR sandbox.sid = :after0
            AND (container.cid > :after1 OR container.cid = :after1
              AND (sandbox.host > :after2 OR false = 1)))
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  WHERE sandbox.sid >= :after0 AND (sandbox.sid > :after0
      OR sandbox.sid = :after0 AND (container.cid > :after1
        OR container.cid = :after1 AND (sandbox.host > :after2
          OR false = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.summaries(one host; by host)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.summaries(one host; by host; after)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.host >= :after0
    AND (sandbox.host > :after0 OR sandbox.host = :after0
      AND (sandbox.sid > :after1 OR sandbox.sid = :after1
        AND (container.cid > :after2 OR false = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.summaries(all; by host)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.host AS host, first.sid AS sid
    FROM
      (SELECT sandbox.host AS host, sandbox.sid AS sid
      FROM sandbox
      WHERE
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.host, sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.host = names.host AND sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.summaries(all; by host; after)
-- The same page, with containers as a list shows them.
SELECT json_object('id', container.id, 'host', sandbox.host, 'sid', sandbox.sid, 'cid',
    container.cid, 'state', container.state, 'pid',
    (SELECT p.pid
    FROM process AS p
    WHERE p.container_id = container.id AND p.position = 0), 'mounts',
    (SELECT count(*)
    FROM mount AS m
    WHERE m.container_id = container.id AND m.position > 0), 'devices',
    (SELECT count(*)
    FROM device_map AS d
    WHERE d.container_id = container.id), 'bundle_path', container.bundle_path, 'cgroup_path',
    container.cgroup_path, 'runtime', container.runtime, 'namespace', container.namespace, 'pod',
    container.pod, 'container_name', container.container_name, 'image', container.image, 'revision',
    container.revision, 'created_at', concat(container.created_at, 'Z'), 'updated_at',
    concat(container.updated_at, 'Z')) AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.host AS host, first.sid AS sid
    FROM
      (SELECT sandbox.host AS host, sandbox.sid AS sid
      FROM sandbox
      WHERE sandbox.host >= :after0 AND
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id AND sandbox.host >= :after0
          AND (sandbox.host > :after0 OR sandbox.host = :after0
            AND (sandbox.sid > :after1 OR sandbox.sid = :after1
              AND (container.cid > :after2 OR false = 1)))
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.host, sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.host = names.host AND sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  WHERE sandbox.host >= :after0 AND (sandbox.host > :after0
      OR sandbox.host = :after0 AND (sandbox.sid > :after1
        OR sandbox.sid = :after1 AND (container.cid > :after2
          OR false = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(one host; by sid; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :after0
    AND (sandbox.sid > :after0 OR sandbox.sid = :after0
      AND (container.cid > :after1 OR container.cid = :after1
        AND (sandbox.host > :after2 OR false = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(all; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.sid AS sid
    FROM
      (SELECT sandbox.sid AS sid
      FROM sandbox
      WHERE
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(all; by sid; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.sid AS sid
    FROM
      (SELECT sandbox.sid AS sid
      FROM sandbox
      WHERE sandbox.sid >= :after0 AND
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id AND sandbox.sid >= :after0
          AND (sandbox.sid > :after0 OR sandbox.sid = :after0
            AND (container.cid > :after1 OR container.cid = :after1
              AND (sandbox.host > :after2 OR false = 1)))
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  WHERE sandbox.sid >= :after0 AND (sandbox.sid > :after0
      OR sandbox.sid = :after0 AND (container.cid > :after1
        OR container.cid = :after1 AND (sandbox.host > :after2
          OR false = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(one host; by host)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host; by host; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.host >= :after0
    AND (sandbox.host > :after0 OR sandbox.host = :after0
      AND (sandbox.sid > :after1 OR sandbox.sid = :after1
        AND (container.cid > :after2 OR false = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(all; by host)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.host AS host, first.sid AS sid
    FROM
      (SELECT sandbox.host AS host, sandbox.sid AS sid
      FROM sandbox
      WHERE
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.host, sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.host = names.host AND sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(all; by host; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM
    (SELECT DISTINCT first.host AS host, first.sid AS sid
    FROM
      (SELECT sandbox.host AS host, sandbox.sid AS sid
      FROM sandbox
      WHERE sandbox.host >= :after0 AND
        (SELECT container.id
        FROM container
        WHERE container.sandbox_id = sandbox.id AND sandbox.host >= :after0
          AND (sandbox.host > :after0 OR sandbox.host = :after0
            AND (sandbox.sid > :after1 OR sandbox.sid = :after1
              AND (container.cid > :after2 OR false = 1)))
        LIMIT 0, 1) IS NOT NULL
      ORDER BY sandbox.host, sandbox.sid
      LIMIT 0, :until) AS first) AS names INNER
  JOIN sandbox ON sandbox.host = names.host AND sandbox.sid = names.sid INNER
  JOIN container ON container.sandbox_id = sandbox.id
  WHERE sandbox.host >= :after0 AND (sandbox.host > :after0
      OR sandbox.host = :after0 AND (sandbox.sid > :after1
        OR sandbox.sid = :after1 AND (container.cid > :after2
          OR false = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host, cid*; by cid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= :value0 AND container.cid < :end0
    AND sandbox.host = :host
  ORDER BY container.cid, sandbox.sid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY container.cid, sandbox.sid, sandbox.host

-- name: selects.page(cid*; by cid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= :value0 AND container.cid < :end0
  ORDER BY container.cid, sandbox.sid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY container.cid, sandbox.sid, sandbox.host

-- name: selects.page(one host, cid*, sid*; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= :value0 AND container.cid < :end0
    AND sandbox.sid >= :value1 AND sandbox.sid < :end1
    AND sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(cid*, sid*; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= :value0 AND container.cid < :end0
    AND sandbox.sid >= :value1 AND sandbox.sid < :end1
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT :offset, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.names(one host, cid*; by cid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= :value0 AND container.cid < :end0
  AND sandbox.host = :host
ORDER BY container.cid, sandbox.sid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(cid*; by cid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= :value0 AND container.cid < :end0
ORDER BY container.cid, sandbox.sid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(one host, cid*, sid*; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= :value0 AND container.cid < :end0
  AND sandbox.sid >= :value1 AND sandbox.sid < :end1
  AND sandbox.host = :host
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(cid*, sid*; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= :value0 AND container.cid < :end0
  AND sandbox.sid >= :value1 AND sandbox.sid < :end1
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(one host, name; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
  AND sandbox.host = :host
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(name; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(one host, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.pod = :value0 AND container.pod <> ''
  AND sandbox.host = :host
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.pod = :value0 AND container.pod <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(one host, name, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
  AND container.pod = :value1 AND container.pod <> ''
  AND sandbox.host = :host
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.names(name, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
  AND container.pod = :value1 AND container.pod <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT :offset, :limit

-- name: selects.page_after(one host)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND container.id > :after
  ORDER BY container.id
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(one host; named)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM sandbox INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND container.id > :after
    AND sandbox.sid >= :sid AND (sandbox.sid > :sid
      OR container.cid > :cid)
  ORDER BY container.id
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(all)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM container
  WHERE container.id > :after
  ORDER BY container.id
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(all; named)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM container, sandbox
  WHERE container.id > :after AND sandbox.sid >= :sid
    AND (sandbox.sid > :sid OR container.cid > :cid)
  ORDER BY container.id
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.count(one host)
-- How many containers there are: the shape's values.
SELECT count(*) AS count_1
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host

-- name: selects.count(all)
-- How many containers there are: the shape's values.
SELECT count(*) AS count_1
FROM sandbox INNER
JOIN container ON sandbox.id = container.sandbox_id

-- name: selects.page_after_name(one host; first)
-- A page of one host's containers by their names, and the names: the shape's values, limit. It is the first
-- page, or the one after a container: sid, cid. By the rows' IDs an engine would go through the containers of
-- all hosts, or sort all of the host's for each page.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id, sandbox.sid, container.cid
FROM
  (SELECT container.id AS id, sandbox.sid AS sid, container.cid AS cid
  FROM
    (SELECT sandbox.id AS id
    FROM sandbox
    WHERE sandbox.host >= :host AND sandbox.host <= :host
      AND
      (SELECT container.id
      FROM container
      WHERE container.sandbox_id = sandbox.id
      LIMIT 0, 1) IS NOT NULL
    ORDER BY sandbox.host, sandbox.sid
    LIMIT 0, :limit) AS following INNER
  JOIN sandbox ON sandbox.id = following.id INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after_name(one host)
-- A page of one host's containers by their names, and the names: the shape's values, limit. It is the first
-- page, or the one after a container: sid, cid. By the rows' IDs an engine would go through the containers of
-- all hosts, or sort all of the host's for each page.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Mounts',
      (SELECT json_objectagg(m.position, json_object('Source', m.source, 'Destination',
            m.destination, 'Type', m.type, 'Options', json_compact(m.options COLLATE
              utf8mb4_nopad_bin), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
            'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m
      WHERE m.container_id = container.id), 'DeviceMaps',
      (SELECT json_objectagg(d.position, json_object('ID', d.device_id, 'ContainerPath',
            d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
            d.shared))
      FROM device_map AS d
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_objectagg(p.position, json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
            'StartTime', concat(concat(p.start_time, 'Z'), ' ', p.start_time_ns, ' ',
              p.start_time_offset)))
      FROM process AS p
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', concat(container.extra COLLATE
        utf8mb4_nopad_bin), 'document', container.document, 'namespace', container.namespace),
    'created_at', concat(container.created_at, 'Z'), 'updated_at', concat(container.updated_at, 'Z'))
  AS payload, container.id, sandbox.sid, container.cid
FROM
  (SELECT container.id AS id, sandbox.sid AS sid, container.cid AS cid
  FROM
    (SELECT sandbox.id AS id
    FROM sandbox
    WHERE sandbox.host >= :host AND sandbox.host <= :host
      AND sandbox.sid >= :sid AND
      (SELECT container.id
      FROM container
      WHERE container.sandbox_id = sandbox.id AND sandbox.sid >= :sid
        AND (sandbox.sid > :sid OR container.cid > :cid)
      LIMIT 0, 1) IS NOT NULL
    ORDER BY sandbox.host, sandbox.sid
    LIMIT 0, :limit) AS following INNER
  JOIN sandbox ON sandbox.id = following.id INNER
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :sid
    AND (sandbox.sid > :sid OR container.cid > :cid)
  ORDER BY sandbox.sid, container.cid
  LIMIT 0, :limit) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
