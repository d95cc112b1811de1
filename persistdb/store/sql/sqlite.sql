-- The fixed statements of the repository on SQLite.
--
-- Written by `make sql`, from persistdb/store/building.py and what it builds; a test compares. Parameters are :names.
-- A statement ends with an empty line. Lines are joined by a space when the file is loaded.

-- name: statements.get
-- One container: host, sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid AND container.cid = :cid

-- name: statements.load
-- One sandbox with all its containers: host, sid.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.sandbox_id = sandbox.id
      ORDER BY c.cid) AS c)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.load_after
-- A page of a host's sandboxes, as load returns them, after one: host, sid, limit.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.sandbox_id = sandbox.id
      ORDER BY c.cid) AS c)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid
LIMIT coalesce(:limit, NULL) OFFSET 0

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
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.sandbox_id = sandbox.id
      ORDER BY c.cid) AS c)) AS payload
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid

-- name: statements.look_up_sandbox
-- Up to four sandboxes whose sid begins with sid, an exact match first: host, sid, sid_end.
SELECT sandbox.sid
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid >= :sid AND sandbox.sid < :sid_end
ORDER BY sandbox.sid
LIMIT 4 OFFSET 0

-- name: statements.look_up
-- Up to two containers on all hosts whose cid begins with cid: cid, cid_end. For an engine on which the
-- precautions for a prefix of many cost more than to look once: one that only one container of all has is usual.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM container
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
WHERE container.cid >= :cid AND container.cid < :cid_end
LIMIT 2 OFFSET 0

-- name: statements.revision
-- A container's revision, if it is there: host, sid, cid.
SELECT container.revision
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid AND container.cid = :cid

-- name: statements.token_holders
-- The containers of a sandbox that have a process with one of these tokens: host, sid, rows.
SELECT container.cid, process.token
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
JOIN process ON process.container_id = container.id
JOIN
  (SELECT item.value ->> 0 AS token
  FROM jsonb_each(:rows) AS item) AS r ON process.token = r.token
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.snapshot
-- A sandbox's ID, its own row's number, the sum of its containers' revisions, and one of its containers. If that
-- container is not there, the ID for its row, where the engine can tell, the sandbox's document, if the
-- container's ID may be in it, and when the sandbox was changed last: host, sid, cid.
SELECT sandbox.id, sandbox.revision,
  (SELECT coalesce(sum(container.revision), 0) AS coalesce_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1, CASE WHEN (container.id IS NULL) THEN
  max(coalesce((SELECT max(container.id) AS max_1
      FROM container), 0),
    coalesce((SELECT max(container_lifetime.id) AS max_2
      FROM container_lifetime), 0)) + 1 END AS anon_2, CASE WHEN (container.id IS NOT NULL) THEN
  json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host, 'sid',
    sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state, 'CgroupPath',
      container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') END AS payload, CASE WHEN (container.id IS NULL
    AND sandbox.document IS NOT NULL) THEN sandbox.document END AS document, NULL AS anon_3, CASE
  WHEN (container.id IS NULL) THEN sandbox.updated_at || 'Z' END AS anon_4
FROM sandbox
LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
  AND container.cid = :cid
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.lock_sandbox
-- Wait for transactions that change a sandbox's row: host, sid.
SELECT sandbox.id
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: statements.lock_containers
-- Wait for transactions that change a container of a sandbox: host, sid.
SELECT container.id
FROM container
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)

-- name: statements.insert_sandboxes
-- Insert sandboxes and return their new IDs: rows of rows.SandboxRow.
INSERT INTO sandbox (id, host, sid, state, persist_version, cgroup_path, layout, document,
    hypervisor_pid, hypervisor_path, virtiofsd_pid, netns_path, revision, created_at, updated_at)
SELECT
  max(coalesce((SELECT max(sandbox.id) AS max_1
      FROM sandbox), 0),
    coalesce((SELECT max(sandbox_lifetime.id) AS max_2
      FROM sandbox_lifetime), 0)) + row_number() OVER () AS anon_1, r.host, r.sid, r.state,
  r.persist_version, r.cgroup_path, r.layout, r.document, r.hypervisor_pid, r.hypervisor_path,
  r.virtiofsd_pid, r.netns_path, r.revision, r.created_at, r.updated_at
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid, item.value ->> 2 AS state, item.value
    ->> 3 AS persist_version, item.value ->> 4 AS cgroup_path, item.value ->> 5 AS layout, item.value
    ->> 6 AS document, item.value ->> 7 AS hypervisor_pid, item.value ->> 8 AS hypervisor_path,
    item.value ->> 9 AS virtiofsd_pid, item.value ->> 10 AS netns_path, item.value ->> 11 AS
    revision, item.value ->> 12 AS created_at, item.value ->> 13 AS updated_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)
RETURNING id, sid

-- name: statements.update_sandboxes
-- Change sandboxes that are at the revision that was read: rows of rows.SandboxChange.
UPDATE sandbox
SET state=r.state, persist_version=r.persist_version, cgroup_path=r.cgroup_path, layout=r.layout,
  document=r.document, revision=r.new_revision, updated_at=CASE WHEN (sandbox.updated_at >
    r.updated_at AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE
  r.updated_at END
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS state, item.value
    ->> 3 AS persist_version, item.value ->> 4 AS cgroup_path, item.value ->> 5 AS layout, item.value
    ->> 6 AS document, item.value ->> 7 AS updated_at, item.value ->> 8 AS new_revision, item.value
    ->> 9 AS read_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE sandbox.id = r.id AND sandbox.revision = r.revision
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.update_sandbox
-- Change one of them: the fields of a rows.SandboxChange.
UPDATE sandbox
SET state=:state, persist_version=:persist_version, cgroup_path=:cgroup_path, layout=:layout,
  document=:document, revision=:new_revision, updated_at=CASE WHEN (sandbox.updated_at > :updated_at
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :updated_at
  END
WHERE sandbox.id = :id AND sandbox.revision = :revision
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.renumber_sandbox
-- Renumber a sandbox that is as it was read: id, revision, read_at, new_revision, now.
UPDATE sandbox
SET revision=:new_revision, updated_at=CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END
WHERE sandbox.id = :id AND sandbox.revision = :revision
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.delete_sandbox
-- Delete a sandbox with its containers: host, sid.
DELETE
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.delete_containers
-- Delete containers that are at the revision that was read: rows of rows.ContainerKey.
DELETE
FROM container
WHERE (container.id, container.revision) IN
  (SELECT r.id, r.revision
  FROM
    (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision
    FROM jsonb_each(:rows) AS item) AS r) AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.delete_container
-- Delete one of them: the fields of a rows.ContainerKey.
DELETE
FROM container
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.insert_containers
-- Insert containers, with the given ID or else a new one, and return their IDs. rows of rows.ContainerRow.
INSERT INTO container (id, sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document,
    namespace, runtime, pod, pod_uid, container_name, image, revision, created_at, updated_at)
SELECT coalesce(r.id,
    max(max(coalesce((SELECT max(container.id) AS max_1
          FROM container), 0),
        coalesce((SELECT max(container_lifetime.id) AS max_2
          FROM container_lifetime), 0)), coalesce(max(r.id) OVER (), 0)) + row_number() OVER ()) AS
  coalesce_1, r.sandbox_id, r.cid, r.state, r.cgroup_path, r.bundle_path, r.layout, r.extra,
  r.document, r.namespace, r.runtime, r.pod, r.pod_uid, r.container_name, r.image, r.revision,
  r.created_at, r.updated_at
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS sandbox_id, item.value ->> 2 AS cid, item.value
    ->> 3 AS state, item.value ->> 4 AS cgroup_path, item.value ->> 5 AS bundle_path, item.value ->>
    6 AS layout, item.value ->> 7 AS extra, item.value ->> 8 AS document, item.value ->> 9 AS
    namespace, item.value ->> 10 AS runtime, item.value ->> 11 AS pod, item.value ->> 12 AS pod_uid,
    item.value ->> 13 AS container_name, item.value ->> 14 AS image, item.value ->> 15 AS revision,
    item.value ->> 16 AS created_at, item.value ->> 17 AS updated_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)
RETURNING id, sandbox_id, cid

-- name: statements.insert_container
-- Insert one of them, whose ID is known: the fields of a rows.ContainerRow.
INSERT INTO container (id, sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document,
    namespace, runtime, pod, pod_uid, container_name, image, revision, created_at, updated_at)
SELECT :id, :sandbox_id, :cid, :state, :cgroup_path, :bundle_path, :layout, :extra, :document,
  :namespace, :runtime, :pod, :pod_uid, :container_name, :image, :revision, :created_at, :updated_at
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.update_containers
-- Change containers that are at the revision that was read: rows of rows.ContainerChange.
UPDATE container
SET state=r.state, cgroup_path=r.cgroup_path, bundle_path=r.bundle_path, layout=r.layout,
  extra=r.extra, document=r.document, namespace=r.namespace, runtime=r.runtime,
  revision=(container.revision + 1), updated_at=CASE WHEN (container.updated_at > r.updated_at
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE
  r.updated_at END
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS state, item.value
    ->> 3 AS cgroup_path, item.value ->> 4 AS bundle_path, item.value ->> 5 AS layout, item.value ->>
    6 AS extra, item.value ->> 7 AS document, item.value ->> 8 AS namespace, item.value ->> 9 AS
    runtime, item.value ->> 10 AS updated_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE container.id = r.id AND container.revision = r.revision
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
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
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: statements.insert_children[0]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO mount (container_id, position, is_rootfs, source, destination, type, options, host_path,
    block_device_id, read_only, mounted, since)
SELECT r.container_id, r.position, r.is_rootfs, r.source, r.destination, r.type, r.options,
  r.host_path, r.block_device_id, r.read_only, r.mounted, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    is_rootfs, item.value ->> 3 AS source, item.value ->> 4 AS destination, item.value ->> 5 AS type,
    item.value ->> 6 AS options, item.value ->> 7 AS host_path, item.value ->> 8 AS block_device_id,
    item.value ->> 9 AS read_only, item.value ->> 10 AS mounted, item.value ->> 11 AS since
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.insert_children[1]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO device_map (container_id, position, device_id, container_path, file_mode, uid, gid,
    shared, since)
SELECT r.container_id, r.position, r.device_id, r.container_path, r.file_mode, r.uid, r.gid,
  r.shared, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    device_id, item.value ->> 3 AS container_path, item.value ->> 4 AS file_mode, item.value ->> 5 AS
    uid, item.value ->> 6 AS gid, item.value ->> 7 AS shared, item.value ->> 8 AS since
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.insert_children[2]
-- Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth.
INSERT INTO process (container_id, position, sandbox_id, token, pid, start_time, start_time_ns,
    start_time_offset, since)
SELECT r.container_id, r.position, r.sandbox_id, r.token, r.pid, r.start_time, r.start_time_ns,
  r.start_time_offset, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    sandbox_id, item.value ->> 3 AS token, item.value ->> 4 AS pid, item.value ->> 5 AS start_time,
    item.value ->> 6 AS start_time_ns, item.value ->> 7 AS start_time_offset, item.value ->> 8 AS
    since
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.put_children[0]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO mount (container_id, position, is_rootfs, source, destination, type, options, host_path,
    block_device_id, read_only, mounted, since)
SELECT r.container_id, r.position, r.is_rootfs, r.source, r.destination, r.type, r.options,
  r.host_path, r.block_device_id, r.read_only, r.mounted, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    is_rootfs, item.value ->> 3 AS source, item.value ->> 4 AS destination, item.value ->> 5 AS type,
    item.value ->> 6 AS options, item.value ->> 7 AS host_path, item.value ->> 8 AS block_device_id,
    item.value ->> 9 AS read_only, item.value ->> 10 AS mounted, item.value ->> 11 AS since
  FROM jsonb_each(:rows) AS item) AS r
WHERE 1 = 1 ON CONFLICT (container_id, position) DO UPDATE
SET is_rootfs = excluded.is_rootfs, source = excluded.source, destination = excluded.destination,
  type = excluded.type, options = excluded.options, host_path = excluded.host_path, block_device_id =
  excluded.block_device_id, read_only = excluded.read_only, mounted = excluded.mounted, since =
  excluded.since

-- name: statements.put_children[1]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO device_map (container_id, position, device_id, container_path, file_mode, uid, gid,
    shared, since)
SELECT r.container_id, r.position, r.device_id, r.container_path, r.file_mode, r.uid, r.gid,
  r.shared, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    device_id, item.value ->> 3 AS container_path, item.value ->> 4 AS file_mode, item.value ->> 5 AS
    uid, item.value ->> 6 AS gid, item.value ->> 7 AS shared, item.value ->> 8 AS since
  FROM jsonb_each(:rows) AS item) AS r
WHERE 1 = 1 ON CONFLICT (container_id, position) DO UPDATE
SET device_id = excluded.device_id, container_path = excluded.container_path, file_mode =
  excluded.file_mode, uid = excluded.uid, gid = excluded.gid, shared = excluded.shared, since =
  excluded.since

-- name: statements.put_children[2]
-- Insert or overwrite mounts, device maps and processes.
INSERT INTO process (container_id, position, sandbox_id, token, pid, start_time, start_time_ns,
    start_time_offset, since)
SELECT r.container_id, r.position, r.sandbox_id, r.token, r.pid, r.start_time, r.start_time_ns,
  r.start_time_offset, r.since
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS
    sandbox_id, item.value ->> 3 AS token, item.value ->> 4 AS pid, item.value ->> 5 AS start_time,
    item.value ->> 6 AS start_time_ns, item.value ->> 7 AS start_time_offset, item.value ->> 8 AS
    since
  FROM jsonb_each(:rows) AS item) AS r
WHERE 1 = 1 ON CONFLICT (container_id, position) DO UPDATE
SET sandbox_id = excluded.sandbox_id, token = excluded.token, pid = excluded.pid, start_time =
  excluded.start_time, start_time_ns = excluded.start_time_ns, start_time_offset =
  excluded.start_time_offset, since = excluded.since

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
DELETE
FROM annotation
WHERE annotation.container_id IN
  (SELECT r.id
  FROM
    (SELECT item.value ->> 0 AS id
    FROM jsonb_each(:rows) AS item) AS r)

-- name: statements.delete_derived[1]
-- Delete all annotations of containers, and of sandboxes, and all devices of sandboxes. rows of rows.RowKey.
DELETE
FROM sandbox_annotation
WHERE sandbox_annotation.sandbox_id IN
  (SELECT r.id
  FROM
    (SELECT item.value ->> 0 AS id
    FROM jsonb_each(:rows) AS item) AS r)

-- name: statements.delete_derived[2]
-- Delete all annotations of containers, and of sandboxes, and all devices of sandboxes. rows of rows.RowKey.
DELETE
FROM sandbox_device
WHERE sandbox_device.sandbox_id IN
  (SELECT r.id
  FROM
    (SELECT item.value ->> 0 AS id
    FROM jsonb_each(:rows) AS item) AS r)

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
INSERT INTO annotation (container_id, position, name, value)
SELECT r.container_id, r.position, r.name, r.value
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS position, item.value ->> 2 AS name,
    item.value ->> 3 AS value
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.insert_derived[1]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO sandbox_annotation (sandbox_id, position, name, value)
SELECT r.sandbox_id, r.position, r.name, r.value
FROM
  (SELECT item.value ->> 0 AS sandbox_id, item.value ->> 1 AS position, item.value ->> 2 AS name,
    item.value ->> 3 AS value
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.insert_derived[2]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO sandbox_device (sandbox_id, position, device_id, type, kind, major, minor, host_path,
    ref_count, attach_count)
SELECT r.sandbox_id, r.position, r.device_id, r.type, r.kind, r.major, r.minor, r.host_path,
  r.ref_count, r.attach_count
FROM
  (SELECT item.value ->> 0 AS sandbox_id, item.value ->> 1 AS position, item.value ->> 2 AS
    device_id, item.value ->> 3 AS type, item.value ->> 4 AS kind, item.value ->> 5 AS major,
    item.value ->> 6 AS minor, item.value ->> 7 AS host_path, item.value ->> 8 AS ref_count,
    item.value ->> 9 AS attach_count
  FROM jsonb_each(:rows) AS item) AS r

-- name: statements.insert_derived[3]
-- Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO. rows
-- of rows.AnnotationRow and so on.
INSERT INTO vfio_device (sandbox_id, device_position, position, bdf, sysfs_dev)
SELECT r.sandbox_id, r.device_position, r.position, r.bdf, r.sysfs_dev
FROM
  (SELECT item.value ->> 0 AS sandbox_id, item.value ->> 1 AS device_position, item.value ->> 2 AS
    position, item.value ->> 3 AS bdf, item.value ->> 4 AS sysfs_dev
  FROM jsonb_each(:rows) AS item) AS r

-- name: rows.container
-- The payload of one container: id.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM sandbox
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.id = :id

-- name: rows.names
-- A container's host, sid and cid: id.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.id = :id

-- name: rows.containers
-- The ID and revision of each container of a sandbox: host, sid.
SELECT container.id, container.revision
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND sandbox.sid = :sid
ORDER BY container.id

-- name: rows.own
-- The payload of a sandbox's own row: host, sid.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.id IS NULL
      ORDER BY c.cid) AS c)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid = :sid

-- name: rows.own_after
-- A page of sandboxes' own rows on all hosts, by their IDs: after, limit.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.id IS NULL
      ORDER BY c.cid) AS c)) AS payload
FROM sandbox
WHERE sandbox.id > :after
ORDER BY sandbox.id
LIMIT coalesce(:limit, NULL) OFFSET 0

-- name: rows.own_ids_after
-- The same page, with only the IDs of the rows.
SELECT sandbox.id
FROM sandbox
WHERE sandbox.id > :after
ORDER BY sandbox.id
LIMIT coalesce(:limit, NULL) OFFSET 0

-- name: rows.own_by_id
-- The payload of a sandbox's own row: id.
SELECT json_object('id', sandbox.id, 'host', sandbox.host, 'record', json_object('sid', sandbox.sid,
      'state', sandbox.state, 'persist_version', sandbox.persist_version, 'cgroup_path',
      sandbox.cgroup_path, 'document', sandbox.document, 'layout', sandbox.layout), 'own_revision',
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM mount AS m
            WHERE m.container_id = c.id AND m.position = 0), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
            WHERE m.container_id = c.id AND m.position > 0), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
            WHERE d.container_id = c.id), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM process AS p INDEXED BY sqlite_autoindex_process_1
            WHERE p.container_id = c.id)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.id IS NULL
      ORDER BY c.cid) AS c)) AS payload
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
LIMIT coalesce(:limit, NULL) OFFSET 0

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
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: seen.mark
-- Set when and where sandboxes were seen, all at once, of those that are stored: rows.
INSERT INTO sandbox_seen (sandbox_id, seen_at, source)
SELECT sandbox.id, r.seen_at, r.source
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid, item.value ->> 2 AS seen_at, item.value
    ->> 3 AS source
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support) ON CONFLICT (sandbox_id) DO UPDATE
SET seen_at = excluded.seen_at, source = excluded.source

-- name: seen.mark_host
-- Set when a host was seen: rows.
INSERT INTO host (name, first_seen, last_seen, boot_id, kernel, programs)
SELECT r.name, coalesce(old.first_seen, r.last_seen) AS first_seen, r.last_seen, coalesce(r.boot_id,
    old.boot_id) AS boot_id, coalesce(r.kernel, old.kernel) AS kernel, coalesce(r.programs,
    old.programs) AS programs
FROM
  (SELECT item.value ->> 0 AS name, item.value ->> 1 AS last_seen, item.value ->> 2 AS boot_id,
    item.value ->> 3 AS kernel, item.value ->> 4 AS programs
  FROM jsonb_each(:rows) AS item) AS r
LEFT OUTER JOIN host AS old ON old.name = r.name
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support) ON CONFLICT (name) DO UPDATE
SET first_seen = excluded.first_seen, last_seen = excluded.last_seen, boot_id = excluded.boot_id,
  kernel = excluded.kernel, programs = excluded.programs

-- name: seen.unseen
-- Sandboxes of a folder that were not seen or changed since, with their layout: host, source, before.
SELECT sandbox.sid, sandbox.layout,
  (SELECT max(container.layout) AS max_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1
FROM sandbox
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
FROM sandbox
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host AND sandbox_seen.source = :source
  AND sandbox_seen.seen_at < :before AND sandbox.updated_at < :before
ORDER BY sandbox.sid

-- name: seen.lock_unseen_among
-- The same, locked, of the sandboxes in rows only.
SELECT sandbox.sid, sandbox.layout,
  (SELECT max(container.layout) AS max_1
  FROM container
  WHERE container.sandbox_id = sandbox.id) AS anon_1
FROM sandbox
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host AND sandbox_seen.source = :source
  AND sandbox_seen.seen_at < :before AND sandbox.updated_at < :before
  AND sandbox.sid IN
  (SELECT r.sid
  FROM
    (SELECT item.value ->> 0 AS sid
    FROM jsonb_each(:rows) AS item) AS r)
ORDER BY sandbox.sid

-- name: seen.boot_id
-- The boot of a host that imports last saw: host.
SELECT host.boot_id
FROM host
WHERE host.name = :host

-- name: seen.namespaces
-- A host's sandboxes with containers in namespaces of containerd's, with each: host.
SELECT DISTINCT sandbox.sid, container.namespace
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host AND container.namespace != ''

-- name: seen.sources
-- The folders in which a host's sandboxes were found, with how many of them: host.
SELECT sandbox_seen.source, count(*) AS count_1
FROM sandbox
JOIN sandbox_seen ON sandbox_seen.sandbox_id = sandbox.id
WHERE sandbox.host = :host
GROUP BY sandbox_seen.source
ORDER BY sandbox_seen.source

-- name: audits.begin
-- Write a run: host, started_at, finished_at, checks, roots, findings, boot_id.
INSERT INTO audit_run (host, started_at, finished_at, checks, roots, findings, boot_id, id)
SELECT :host, :started_at, :finished_at, :checks, :roots, :findings, :boot_id,
  max(coalesce((SELECT max(audit_run.id) AS max_1
      FROM audit_run), 0),
    coalesce((SELECT max(audit_run.id) AS max_2
      FROM audit_run), 0)) + row_number() OVER () AS anon_1
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: audits.keep
-- Write findings, or that they are still there: rows, host, now.
INSERT INTO audit_finding (id, host, check_name, subject, subject_hash, sid, cid, recorded, observed,
    advice, began_at, first_seen, last_seen, first_run_id, last_run_id, times_seen, gone_at)
SELECT coalesce(old.id,
    max(max(coalesce((SELECT max(audit_finding.id) AS max_1
          FROM audit_finding), 0),
        coalesce((SELECT max(audit_finding.id) AS max_2
          FROM audit_finding), 0)), coalesce(max(old.id) OVER (), 0)) + row_number() OVER ()) AS id,
  :host AS host, r.check_name AS check_name, r.subject AS subject, r.subject_hash AS subject_hash,
  r.sid AS sid, r.cid AS cid, r.recorded AS recorded, r.observed AS observed, r.advice AS advice,
  coalesce(old.began_at, r.began_at) AS began_at, coalesce(old.first_seen, :now) AS first_seen, :now
  AS last_seen, coalesce(old.first_run_id,
    (SELECT max(audit_run.id) AS max_3
    FROM audit_run
    WHERE audit_run.host = :host)) AS first_run_id,
  (SELECT max(audit_run.id) AS max_3
  FROM audit_run
  WHERE audit_run.host = :host) AS last_run_id, CASE WHEN (old.id IS NULL) THEN 1 WHEN (old.gone_at
    IS NULL) THEN old.times_seen ELSE old.times_seen + 1 END AS times_seen, NULL AS gone_at
FROM
  (SELECT item.value ->> 0 AS check_name, item.value ->> 1 AS subject_hash, item.value ->> 2 AS
    subject, item.value ->> 3 AS sid, item.value ->> 4 AS cid, item.value ->> 5 AS recorded,
    item.value ->> 6 AS observed, item.value ->> 7 AS advice, item.value ->> 8 AS began_at
  FROM jsonb_each(:rows) AS item) AS r
LEFT OUTER JOIN audit_finding AS old ON old.host = :host
  AND old.check_name = r.check_name AND old.subject_hash = r.subject_hash
WHERE
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support) ON CONFLICT (id) DO UPDATE
SET host = excluded.host, check_name = excluded.check_name, subject = excluded.subject, subject_hash
  = excluded.subject_hash, sid = excluded.sid, cid = excluded.cid, recorded = excluded.recorded,
  observed = excluded.observed, advice = excluded.advice, began_at = excluded.began_at, first_seen =
  excluded.first_seen, last_seen = excluded.last_seen, first_run_id = excluded.first_run_id,
  last_run_id = excluded.last_run_id, times_seen = excluded.times_seen, gone_at = excluded.gone_at

-- name: audits.end
-- Say of the other findings of these checks that they are gone: names, unread, host, now. Not of those of
-- sandboxes that were not looked at.
UPDATE audit_finding
SET gone_at=:now
WHERE audit_finding.host = :host AND audit_finding.gone_at IS NULL
  AND audit_finding.check_name IN
  (SELECT r.value
  FROM
    (SELECT item.value ->> 0 AS value
    FROM jsonb_each(:names) AS item) AS r) AND audit_finding.last_run_id <
  (SELECT max(audit_run.id) AS max_1
  FROM audit_run
  WHERE audit_run.host = :host) AND (audit_finding.sid IS NULL
    OR (audit_finding.sid NOT IN
      (SELECT r.value
      FROM
        (SELECT item.value ->> 0 AS value
        FROM jsonb_each(:unread) AS item) AS r))) AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: audits.findings
-- Ask for the host's findings: host.
SELECT check_name, subject, recorded, observed, advice, sid, cid, times_seen, audit_finding.began_at
  || 'Z', audit_finding.first_seen || 'Z', audit_finding.last_seen || 'Z', audit_finding.gone_at ||
  'Z'
FROM audit_finding
WHERE host = :host
ORDER BY check_name, subject, id

-- name: audits.open_findings
-- Ask for the host's findings that are not gone: host.
SELECT check_name, subject, recorded, observed, advice, sid, cid, times_seen, audit_finding.began_at
  || 'Z', audit_finding.first_seen || 'Z', audit_finding.last_seen || 'Z', audit_finding.gone_at ||
  'Z'
FROM audit_finding
WHERE host = :host AND gone_at IS NULL
ORDER BY check_name, subject, id

-- name: audits.known
-- Ask for the host's findings with these checks and subjects: rows, host.
SELECT audit_finding.check_name, audit_finding.subject, audit_finding.recorded,
  audit_finding.observed, audit_finding.advice, audit_finding.sid, audit_finding.cid,
  audit_finding.times_seen, audit_finding.began_at || 'Z', audit_finding.first_seen || 'Z',
  audit_finding.last_seen || 'Z', audit_finding.gone_at || 'Z'
FROM
  (SELECT item.value ->> 0 AS check_name, item.value ->> 1 AS subject_hash
  FROM jsonb_each(:rows) AS item) AS r
JOIN audit_finding ON audit_finding.check_name = r.check_name
  AND audit_finding.subject_hash = r.subject_hash AND audit_finding.host = :host
ORDER BY audit_finding.check_name, audit_finding.subject, audit_finding.id

-- name: audits.seen
-- Ask where and when imports last found the host's sandboxes: host.
SELECT s.sid, x.source, x.seen_at || 'Z'
FROM sandbox AS s
JOIN sandbox_seen AS x ON x.sandbox_id = s.id
WHERE s.host = :host
ORDER BY s.sid

-- name: audits.boot
-- Ask for the boot in which the host's files were last read: host.
SELECT boot_id, last_seen || 'Z'
FROM host
WHERE name = :host

-- name: audits.holders
-- Ask which containers had these paths on a host, and until when: names.
SELECT r.value, mount_history.container_id, mount_history.valid_to || 'Z'
FROM
  (SELECT item.value ->> 0 AS value
  FROM jsonb_each(:names) AS item) AS r
JOIN mount_history ON mount_history.host_path = r.value
WHERE mount_history.host_path <> ''
UNION ALL SELECT r.value, mount_history.container_id, mount_history.valid_to || 'Z'
FROM
  (SELECT item.value ->> 0 AS value
  FROM jsonb_each(:names) AS item) AS r
JOIN mount_history ON mount_history.source = r.value
WHERE mount_history.source >= '/' AND mount_history.source < '0'
  AND mount_history.position = 0 AND (mount_history.source < '/run0'
    AND mount_history.source >= '/run/' OR mount_history.source < '/var0'
    AND mount_history.source >= '/var/')

-- name: audits.ended
-- Ask for the host and IDs of these containers if they were removed, and when that was: ids.
SELECT container_lifetime.id, sandbox_lifetime.host, sandbox_lifetime.sid, container_lifetime.cid,
  container_lifetime.removed_at || 'Z'
FROM
  (SELECT item.value ->> 0 AS value
  FROM jsonb_each(:ids) AS item) AS r
JOIN container_lifetime ON container_lifetime.id = r.value
JOIN sandbox_lifetime ON sandbox_lifetime.id = container_lifetime.sandbox_id
WHERE container_lifetime.removed_at IS NOT NULL

-- name: audits.removed
-- Ask when these sandboxes were removed: names, host.
SELECT r.value, sandbox_lifetime.removed_at || 'Z'
FROM
  (SELECT item.value ->> 0 AS value
  FROM jsonb_each(:names) AS item) AS r
JOIN sandbox_lifetime ON sandbox_lifetime.sid = r.value
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.removed_at IS NOT NULL

-- name: recording.events
-- Write events, in the order of the rows of EventRow: cause, actor, reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT r.sandbox_id, r.container_id, r.kind, r.revision, r.at, r.old_state, r.new_state, :cause,
  :actor, :reason
FROM
  (SELECT item.value ->> 0 AS sandbox_id, item.value ->> 1 AS container_id, item.value ->> 2 AS kind,
    item.value ->> 3 AS revision, item.value ->> 4 AS at, item.value ->> 5 AS old_state, item.value
    ->> 6 AS new_state
  FROM jsonb_each(:rows) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.event
-- Write one of them: the fields of an EventRow, cause, actor, reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT :sandbox_id, :container_id, :kind, :revision, :at, :old_state, :new_state, :cause, :actor,
  :reason
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.gap
-- Write an event of a host: rows of GapRow, cause, actor, reason.
INSERT INTO event (host, kind, revision, at, began_at, cause, actor, reason)
SELECT r.host, r.kind, r.revision, r.at, r.began_at, :cause, :actor, :reason
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS kind, item.value ->> 2 AS revision,
    item.value ->> 3 AS at, item.value ->> 4 AS began_at
  FROM jsonb_each(:rows) AS item) AS r
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
FROM sandbox_lifetime
JOIN container_lifetime ON container_lifetime.sandbox_id = sandbox_lifetime.id
JOIN event ON event.sandbox_id = sandbox_lifetime.id
  AND event.container_id = container_lifetime.id
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.sid = :sid
  AND container_lifetime.cid = :cid AND event.at = :at
  AND event.kind = 'created'

-- name: recording.find_sandbox_creation
-- The same of a sandbox: host, sid, at.
SELECT event.revision
FROM sandbox_lifetime
JOIN event ON event.sandbox_id = sandbox_lifetime.id
WHERE sandbox_lifetime.host = :host AND sandbox_lifetime.sid = :sid
  AND event.container_id IS NULL AND event.at = :at
  AND event.kind = 'created'

-- name: recording.sandbox_lifetimes
-- Write lifetimes that begin: rows of SandboxLife.
INSERT INTO sandbox_lifetime (id, host, sid, created_at, removed_at)
SELECT r.id, r.host, r.sid, r.created_at, r.removed_at
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS host, item.value ->> 2 AS sid, item.value ->> 3
    AS created_at, item.value ->> 4 AS removed_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.container_lifetimes
-- Write lifetimes that begin, or end: rows of ContainerLife.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT r.id, r.sandbox_id, r.cid, r.created_at, r.removed_at
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS sandbox_id, item.value ->> 2 AS cid, item.value
    ->> 3 AS created_at, item.value ->> 4 AS removed_at
  FROM jsonb_each(:rows) AS item) AS r
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 ON CONFLICT (id) DO UPDATE
SET sandbox_id = excluded.sandbox_id, cid = excluded.cid, created_at = excluded.created_at,
  removed_at = excluded.removed_at

-- name: recording.container_lifetime
-- Write one of them: the fields of a ContainerLife.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT :id, :sandbox_id, :cid, :created_at, :removed_at
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 ON CONFLICT (id) DO UPDATE
SET sandbox_id = excluded.sandbox_id, cid = excluded.cid, created_at = excluded.created_at,
  removed_at = excluded.removed_at

-- name: recording.end_container
-- End the lifetime of a container whose row cannot be read: id, now.
UPDATE container_lifetime
SET removed_at=:now
WHERE container_lifetime.id = :id

-- name: recording.next_ids[0]
-- The next IDs of a sandbox and of a container, where the engine would take past ones.
SELECT
  max(coalesce((SELECT max(sandbox.id) AS max_1
      FROM sandbox), 0),
    coalesce((SELECT max(sandbox_lifetime.id) AS max_2
      FROM sandbox_lifetime), 0)) + 1 AS anon_1

-- name: recording.next_ids[1]
-- The next IDs of a sandbox and of a container, where the engine would take past ones.
SELECT
  max(coalesce((SELECT max(container.id) AS max_1
      FROM container), 0),
    coalesce((SELECT max(container_lifetime.id) AS max_2
      FROM container_lifetime), 0)) + 1 AS anon_1

-- name: recording.removals[0]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO mount_history (container_id, position, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.position, mount.is_rootfs, mount.source, mount.destination,
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
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (mount.container_id IS NOT NULL AND typeof(mount.container_id) <> 'integer') = 0
  AND (mount.position IS NOT NULL AND (typeof(mount.position) <> 'integer'
      OR mount.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (mount.is_rootfs IS NOT NULL AND (typeof(mount.is_rootfs) <> 'integer'
      OR mount.is_rootfs NOT IN (0, 1))) = 0 AND (mount.source IS NOT NULL
    AND (typeof(mount.source) <> 'text' OR instr(mount.source, char(0)) > 0)) = 0
  AND (mount.destination IS NOT NULL AND (typeof(mount.destination) <> 'text'
      OR instr(mount.destination, char(0)) > 0)) = 0
  AND (mount.type IS NOT NULL AND (typeof(mount.type) <> 'text'
      OR instr(mount.type, char(0)) > 0)) = 0 AND (mount.options IS NOT NULL
    AND (typeof(mount.options) <> 'text' OR NOT json_valid(mount.options))) = 0
  AND (mount.host_path IS NOT NULL AND (typeof(mount.host_path) <> 'text'
      OR instr(mount.host_path, char(0)) > 0)) = 0 AND (mount.block_device_id IS NOT NULL
    AND (typeof(mount.block_device_id) <> 'text' OR instr(mount.block_device_id, char(0)) > 0)) = 0
  AND (mount.read_only IS NOT NULL AND (typeof(mount.read_only) <> 'integer'
      OR mount.read_only NOT IN (0, 1))) = 0 AND (mount.mounted IS NOT NULL
    AND (typeof(mount.mounted) <> 'integer' OR mount.mounted NOT IN (0, 1))) = 0
  AND (mount.since IS NOT NULL AND typeof(mount.since) <> 'integer') = 0

-- name: recording.removals[1]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO device_map_history (container_id, position, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.position, device_map.device_id, device_map.container_path,
  device_map.file_mode, device_map.uid, device_map.gid, device_map.shared, container.revision + 1 AS
  anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN container.created_at WHEN
  (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (device_map.container_id IS NOT NULL AND typeof(device_map.container_id) <> 'integer') = 0
  AND (device_map.position IS NOT NULL AND (typeof(device_map.position) <> 'integer'
      OR device_map.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (device_map.device_id IS NOT NULL AND (typeof(device_map.device_id) <> 'text'
      OR instr(device_map.device_id, char(0)) > 0)) = 0
  AND (device_map.container_path IS NOT NULL AND (typeof(device_map.container_path) <> 'text'
      OR instr(device_map.container_path, char(0)) > 0)) = 0
  AND (device_map.file_mode IS NOT NULL AND typeof(device_map.file_mode) <> 'integer') = 0
  AND (device_map.uid IS NOT NULL AND typeof(device_map.uid) <> 'integer') = 0
  AND (device_map.gid IS NOT NULL AND typeof(device_map.gid) <> 'integer') = 0
  AND (device_map.shared IS NOT NULL AND (typeof(device_map.shared) <> 'integer'
      OR device_map.shared NOT IN (0, 1))) = 0 AND (device_map.since IS NOT NULL
    AND typeof(device_map.since) <> 'integer') = 0

-- name: recording.removals[2]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO process_history (container_id, position, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.position, process.sandbox_id, process.token, process.pid,
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
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (process.container_id IS NOT NULL AND typeof(process.container_id) <> 'integer') = 0
  AND (process.position IS NOT NULL AND (typeof(process.position) <> 'integer'
      OR process.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (process.sandbox_id IS NOT NULL AND typeof(process.sandbox_id) <> 'integer') = 0
  AND (process.token IS NOT NULL AND (typeof(process.token) <> 'text'
      OR instr(process.token, char(0)) > 0 OR length(process.token) > 512)) = 0
  AND (process.pid IS NOT NULL AND typeof(process.pid) <> 'integer') = 0
  AND (process.start_time IS NOT NULL AND (typeof(process.start_time) <> 'text'
      OR datetime(process.start_time) IS NULL)) = 0
  AND (process.start_time_ns IS NOT NULL AND (typeof(process.start_time_ns) <> 'integer'
      OR process.start_time_ns NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.start_time_offset IS NOT NULL AND (typeof(process.start_time_offset) <> 'integer'
      OR process.start_time_offset NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.since IS NOT NULL AND typeof(process.since) <> 'integer') = 0

-- name: recording.removals[3]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, TRUE, container.state, container.cgroup_path, container.bundle_path,
  container.layout, container.extra, container.document, container.updated_at
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.state IS NOT NULL AND (typeof(container.state) <> 'text'
      OR instr(container.state, char(0)) > 0 OR length(container.state) > 255)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (container.cgroup_path IS NOT NULL AND (typeof(container.cgroup_path) <> 'text'
      OR instr(container.cgroup_path, char(0)) > 0)) = 0
  AND (container.bundle_path IS NOT NULL AND (typeof(container.bundle_path) <> 'text'
      OR instr(container.bundle_path, char(0)) > 0)) = 0
  AND (container.layout IS NOT NULL AND (typeof(container.layout) <> 'text'
      OR instr(container.layout, char(0)) > 0 OR length(container.layout) > 255)) = 0
  AND (container.extra IS NOT NULL AND (typeof(container.extra) <> 'text'
      OR NOT json_valid(container.extra))) = 0 AND (container.document IS NOT NULL
    AND (typeof(container.document) <> 'text' OR instr(container.document, char(0)) > 0)) = 0

-- name: recording.removals[4]
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
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (sandbox.revision IS NOT NULL
    AND typeof(sandbox.revision) <> 'integer') = 0 AND (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 AND (sandbox.persist_version IS NOT NULL
    AND (typeof(sandbox.persist_version) <> 'integer'
      OR sandbox.persist_version NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (sandbox.cgroup_path IS NOT NULL AND (typeof(sandbox.cgroup_path) <> 'text'
      OR instr(sandbox.cgroup_path, char(0)) > 0)) = 0
  AND (sandbox.layout IS NOT NULL AND (typeof(sandbox.layout) <> 'text'
      OR instr(sandbox.layout, char(0)) > 0 OR length(sandbox.layout) > 255)) = 0
  AND (sandbox.document IS NOT NULL AND (typeof(sandbox.document) <> 'text'
      OR instr(sandbox.document, char(0)) > 0)) = 0
  AND (sandbox.updated_at IS NOT NULL AND (typeof(sandbox.updated_at) <> 'text'
      OR datetime(sandbox.updated_at) IS NULL)) = 0

-- name: recording.removals[5]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'removed', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, CASE WHEN (container.state IS NOT NULL
    AND (typeof(container.state) <> 'text' OR instr(container.state, char(0)) > 0
      OR length(container.state) > 255)) = 0 THEN container.state END AS anon_3, NULL AS anon_4,
  :cause, :actor, :reason
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0
ORDER BY container.id

-- name: recording.removals[6]
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
  WHERE container.sandbox_id = sandbox.id) END AS anon_2, CASE WHEN (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 THEN sandbox.state END AS anon_4, :cause, :actor, :reason
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.removals[7]
-- Record that sandboxes go with all that is in them, before they do. rows of rows.SandboxKey, now, cause, actor,
-- reason.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT container.id, container.sandbox_id, container.cid, container.created_at, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_1
FROM
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999' ON CONFLICT (id) DO UPDATE
SET sandbox_id = excluded.sandbox_id, cid = excluded.cid, created_at = excluded.created_at,
  removed_at = excluded.removed_at

-- name: recording.removals[8]
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
  (SELECT item.value ->> 0 AS host, item.value ->> 1 AS sid
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.host = r.host AND sandbox.sid = r.sid
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.created_at >= '0001-01-01'
  AND sandbox.created_at <= '9999-12-31 23:59:59.999999' ON CONFLICT (id) DO UPDATE
SET host = excluded.host, sid = excluded.sid, created_at = excluded.created_at, removed_at =
  excluded.removed_at

-- name: recording.removals_by_id[0]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO mount_history (container_id, position, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.position, mount.is_rootfs, mount.source, mount.destination,
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
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (mount.container_id IS NOT NULL AND typeof(mount.container_id) <> 'integer') = 0
  AND (mount.position IS NOT NULL AND (typeof(mount.position) <> 'integer'
      OR mount.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (mount.is_rootfs IS NOT NULL AND (typeof(mount.is_rootfs) <> 'integer'
      OR mount.is_rootfs NOT IN (0, 1))) = 0 AND (mount.source IS NOT NULL
    AND (typeof(mount.source) <> 'text' OR instr(mount.source, char(0)) > 0)) = 0
  AND (mount.destination IS NOT NULL AND (typeof(mount.destination) <> 'text'
      OR instr(mount.destination, char(0)) > 0)) = 0
  AND (mount.type IS NOT NULL AND (typeof(mount.type) <> 'text'
      OR instr(mount.type, char(0)) > 0)) = 0 AND (mount.options IS NOT NULL
    AND (typeof(mount.options) <> 'text' OR NOT json_valid(mount.options))) = 0
  AND (mount.host_path IS NOT NULL AND (typeof(mount.host_path) <> 'text'
      OR instr(mount.host_path, char(0)) > 0)) = 0 AND (mount.block_device_id IS NOT NULL
    AND (typeof(mount.block_device_id) <> 'text' OR instr(mount.block_device_id, char(0)) > 0)) = 0
  AND (mount.read_only IS NOT NULL AND (typeof(mount.read_only) <> 'integer'
      OR mount.read_only NOT IN (0, 1))) = 0 AND (mount.mounted IS NOT NULL
    AND (typeof(mount.mounted) <> 'integer' OR mount.mounted NOT IN (0, 1))) = 0
  AND (mount.since IS NOT NULL AND typeof(mount.since) <> 'integer') = 0

-- name: recording.removals_by_id[1]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO device_map_history (container_id, position, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.position, device_map.device_id, device_map.container_path,
  device_map.file_mode, device_map.uid, device_map.gid, device_map.shared, container.revision + 1 AS
  anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN container.created_at WHEN
  (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (device_map.container_id IS NOT NULL AND typeof(device_map.container_id) <> 'integer') = 0
  AND (device_map.position IS NOT NULL AND (typeof(device_map.position) <> 'integer'
      OR device_map.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (device_map.device_id IS NOT NULL AND (typeof(device_map.device_id) <> 'text'
      OR instr(device_map.device_id, char(0)) > 0)) = 0
  AND (device_map.container_path IS NOT NULL AND (typeof(device_map.container_path) <> 'text'
      OR instr(device_map.container_path, char(0)) > 0)) = 0
  AND (device_map.file_mode IS NOT NULL AND typeof(device_map.file_mode) <> 'integer') = 0
  AND (device_map.uid IS NOT NULL AND typeof(device_map.uid) <> 'integer') = 0
  AND (device_map.gid IS NOT NULL AND typeof(device_map.gid) <> 'integer') = 0
  AND (device_map.shared IS NOT NULL AND (typeof(device_map.shared) <> 'integer'
      OR device_map.shared NOT IN (0, 1))) = 0 AND (device_map.since IS NOT NULL
    AND typeof(device_map.since) <> 'integer') = 0

-- name: recording.removals_by_id[2]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO process_history (container_id, position, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.position, process.sandbox_id, process.token, process.pid,
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
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (process.container_id IS NOT NULL AND typeof(process.container_id) <> 'integer') = 0
  AND (process.position IS NOT NULL AND (typeof(process.position) <> 'integer'
      OR process.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (process.sandbox_id IS NOT NULL AND typeof(process.sandbox_id) <> 'integer') = 0
  AND (process.token IS NOT NULL AND (typeof(process.token) <> 'text'
      OR instr(process.token, char(0)) > 0 OR length(process.token) > 512)) = 0
  AND (process.pid IS NOT NULL AND typeof(process.pid) <> 'integer') = 0
  AND (process.start_time IS NOT NULL AND (typeof(process.start_time) <> 'text'
      OR datetime(process.start_time) IS NULL)) = 0
  AND (process.start_time_ns IS NOT NULL AND (typeof(process.start_time_ns) <> 'integer'
      OR process.start_time_ns NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.start_time_offset IS NOT NULL AND (typeof(process.start_time_offset) <> 'integer'
      OR process.start_time_offset NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.since IS NOT NULL AND typeof(process.since) <> 'integer') = 0

-- name: recording.removals_by_id[3]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, TRUE, container.state, container.cgroup_path, container.bundle_path,
  container.layout, container.extra, container.document, container.updated_at
FROM
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.state IS NOT NULL AND (typeof(container.state) <> 'text'
      OR instr(container.state, char(0)) > 0 OR length(container.state) > 255)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (container.cgroup_path IS NOT NULL AND (typeof(container.cgroup_path) <> 'text'
      OR instr(container.cgroup_path, char(0)) > 0)) = 0
  AND (container.bundle_path IS NOT NULL AND (typeof(container.bundle_path) <> 'text'
      OR instr(container.bundle_path, char(0)) > 0)) = 0
  AND (container.layout IS NOT NULL AND (typeof(container.layout) <> 'text'
      OR instr(container.layout, char(0)) > 0 OR length(container.layout) > 255)) = 0
  AND (container.extra IS NOT NULL AND (typeof(container.extra) <> 'text'
      OR NOT json_valid(container.extra))) = 0 AND (container.document IS NOT NULL
    AND (typeof(container.document) <> 'text' OR instr(container.document, char(0)) > 0)) = 0

-- name: recording.removals_by_id[4]
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
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (sandbox.revision IS NOT NULL
    AND typeof(sandbox.revision) <> 'integer') = 0 AND (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 AND (sandbox.persist_version IS NOT NULL
    AND (typeof(sandbox.persist_version) <> 'integer'
      OR sandbox.persist_version NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (sandbox.cgroup_path IS NOT NULL AND (typeof(sandbox.cgroup_path) <> 'text'
      OR instr(sandbox.cgroup_path, char(0)) > 0)) = 0
  AND (sandbox.layout IS NOT NULL AND (typeof(sandbox.layout) <> 'text'
      OR instr(sandbox.layout, char(0)) > 0 OR length(sandbox.layout) > 255)) = 0
  AND (sandbox.document IS NOT NULL AND (typeof(sandbox.document) <> 'text'
      OR instr(sandbox.document, char(0)) > 0)) = 0
  AND (sandbox.updated_at IS NOT NULL AND (typeof(sandbox.updated_at) <> 'text'
      OR datetime(sandbox.updated_at) IS NULL)) = 0

-- name: recording.removals_by_id[5]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'removed', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, CASE WHEN (container.state IS NOT NULL
    AND (typeof(container.state) <> 'text' OR instr(container.state, char(0)) > 0
      OR length(container.state) > 255)) = 0 THEN container.state END AS anon_3, NULL AS anon_4,
  :cause, :actor, :reason
FROM
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0
ORDER BY container.id

-- name: recording.removals_by_id[6]
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
  WHERE container.sandbox_id = sandbox.id) END AS anon_2, CASE WHEN (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 THEN sandbox.state END AS anon_4, :cause, :actor, :reason
FROM
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: recording.removals_by_id[7]
-- Record the same of sandboxes by their IDs: rows of rows.RowKey.
INSERT INTO container_lifetime (id, sandbox_id, cid, created_at, removed_at)
SELECT container.id, container.sandbox_id, container.cid, container.created_at, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_1
FROM
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
JOIN container ON container.sandbox_id = sandbox.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND container.created_at >= '0001-01-01'
  AND container.created_at <= '9999-12-31 23:59:59.999999' ON CONFLICT (id) DO UPDATE
SET sandbox_id = excluded.sandbox_id, cid = excluded.cid, created_at = excluded.created_at,
  removed_at = excluded.removed_at

-- name: recording.removals_by_id[8]
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
  (SELECT item.value ->> 0 AS id
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND sandbox.created_at >= '0001-01-01'
  AND sandbox.created_at <= '9999-12-31 23:59:59.999999' ON CONFLICT (id) DO UPDATE
SET host = excluded.host, sid = excluded.sid, created_at = excluded.created_at, removed_at =
  excluded.removed_at

-- name: recording.old_sandboxes
-- Keep versions of sandboxes' own rows: rows of OldSandbox.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > r.now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE r.now END AS
  anon_1, r.revision, sandbox.revision AS revision_1, r.whole, sandbox.state, CASE WHEN (r.whole IS
    1) THEN sandbox.persist_version END AS anon_2, CASE WHEN (r.whole IS 1) THEN sandbox.cgroup_path
  END AS anon_3, CASE WHEN (r.whole IS 1) THEN sandbox.layout END AS anon_4, CASE WHEN (r.whole IS 1)
  THEN sandbox.document END AS anon_5, sandbox.updated_at
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS number, item.value ->> 2 AS revision,
    item.value ->> 3 AS whole, item.value ->> 4 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN sandbox ON sandbox.id = r.id AND sandbox.revision = r.number
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (sandbox.revision IS NOT NULL
    AND typeof(sandbox.revision) <> 'integer') = 0 AND (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 AND (sandbox.persist_version IS NOT NULL
    AND (typeof(sandbox.persist_version) <> 'integer'
      OR sandbox.persist_version NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (sandbox.cgroup_path IS NOT NULL AND (typeof(sandbox.cgroup_path) <> 'text'
      OR instr(sandbox.cgroup_path, char(0)) > 0)) = 0
  AND (sandbox.layout IS NOT NULL AND (typeof(sandbox.layout) <> 'text'
      OR instr(sandbox.layout, char(0)) > 0 OR length(sandbox.layout) > 255)) = 0
  AND (sandbox.document IS NOT NULL AND (typeof(sandbox.document) <> 'text'
      OR instr(sandbox.document, char(0)) > 0)) = 0
  AND (sandbox.updated_at IS NOT NULL AND (typeof(sandbox.updated_at) <> 'text'
      OR datetime(sandbox.updated_at) IS NULL)) = 0

-- name: recording.old_sandbox
-- Keep one of them: the fields of an OldSandbox.
INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, persist_version,
    cgroup_path, layout, document, valid_from)
SELECT sandbox.id, CASE WHEN (sandbox.updated_at > :now
    AND sandbox.updated_at <= '9999-12-31 23:59:59.999999') THEN sandbox.updated_at ELSE :now END AS
  anon_1, :revision, sandbox.revision, :whole, sandbox.state, CASE WHEN (:whole IS 1) THEN
  sandbox.persist_version END AS anon_2, CASE WHEN (:whole IS 1) THEN sandbox.cgroup_path END AS
  anon_3, CASE WHEN (:whole IS 1) THEN sandbox.layout END AS anon_4, CASE WHEN (:whole IS 1) THEN
  sandbox.document END AS anon_5, sandbox.updated_at
FROM sandbox
WHERE sandbox.id = :id AND sandbox.revision = :number
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (sandbox.revision IS NOT NULL
    AND typeof(sandbox.revision) <> 'integer') = 0 AND (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 AND (sandbox.persist_version IS NOT NULL
    AND (typeof(sandbox.persist_version) <> 'integer'
      OR sandbox.persist_version NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (sandbox.cgroup_path IS NOT NULL AND (typeof(sandbox.cgroup_path) <> 'text'
      OR instr(sandbox.cgroup_path, char(0)) > 0)) = 0
  AND (sandbox.layout IS NOT NULL AND (typeof(sandbox.layout) <> 'text'
      OR instr(sandbox.layout, char(0)) > 0 OR length(sandbox.layout) > 255)) = 0
  AND (sandbox.document IS NOT NULL AND (typeof(sandbox.document) <> 'text'
      OR instr(sandbox.document, char(0)) > 0)) = 0
  AND (sandbox.updated_at IS NOT NULL AND (typeof(sandbox.updated_at) <> 'text'
      OR datetime(sandbox.updated_at) IS NULL)) = 0

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
  FROM retention) > 0 AND (sandbox.revision IS NOT NULL
    AND typeof(sandbox.revision) <> 'integer') = 0 AND (sandbox.state IS NOT NULL
    AND (typeof(sandbox.state) <> 'text' OR instr(sandbox.state, char(0)) > 0
      OR length(sandbox.state) > 255)) = 0 AND (sandbox.updated_at IS NOT NULL
    AND (typeof(sandbox.updated_at) <> 'text' OR datetime(sandbox.updated_at) IS NULL)) = 0

-- name: recording.old_containers
-- Keep versions of containers' own rows: rows of OldContainer.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_1, container.revision, r.whole, container.state, CASE WHEN (r.whole IS 1) THEN
  container.cgroup_path END AS anon_2, CASE WHEN (r.whole IS 1) THEN container.bundle_path END AS
  anon_3, CASE WHEN (r.whole IS 1) THEN container.layout END AS anon_4, CASE WHEN (r.whole IS 1) THEN
  container.extra END AS anon_5, CASE WHEN (r.whole IS 1) THEN container.document END AS anon_6,
  container.updated_at
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS whole, item.value
    ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.id AND container.revision = r.revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.state IS NOT NULL AND (typeof(container.state) <> 'text'
      OR instr(container.state, char(0)) > 0 OR length(container.state) > 255)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (container.cgroup_path IS NOT NULL AND (typeof(container.cgroup_path) <> 'text'
      OR instr(container.cgroup_path, char(0)) > 0)) = 0
  AND (container.bundle_path IS NOT NULL AND (typeof(container.bundle_path) <> 'text'
      OR instr(container.bundle_path, char(0)) > 0)) = 0
  AND (container.layout IS NOT NULL AND (typeof(container.layout) <> 'text'
      OR instr(container.layout, char(0)) > 0 OR length(container.layout) > 255)) = 0
  AND (container.extra IS NOT NULL AND (typeof(container.extra) <> 'text'
      OR NOT json_valid(container.extra))) = 0 AND (container.document IS NOT NULL
    AND (typeof(container.document) <> 'text' OR instr(container.document, char(0)) > 0)) = 0

-- name: recording.old_container
-- Keep one of them: the fields of an OldContainer.
INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path,
    bundle_path, layout, extra, document, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, :whole, container.state, CASE WHEN (:whole IS 1) THEN
  container.cgroup_path END AS anon_2, CASE WHEN (:whole IS 1) THEN container.bundle_path END AS
  anon_3, CASE WHEN (:whole IS 1) THEN container.layout END AS anon_4, CASE WHEN (:whole IS 1) THEN
  container.extra END AS anon_5, CASE WHEN (:whole IS 1) THEN container.document END AS anon_6,
  container.updated_at
FROM container
WHERE container.id = :id AND container.revision = :revision
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.state IS NOT NULL AND (typeof(container.state) <> 'text'
      OR instr(container.state, char(0)) > 0 OR length(container.state) > 255)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (container.cgroup_path IS NOT NULL AND (typeof(container.cgroup_path) <> 'text'
      OR instr(container.cgroup_path, char(0)) > 0)) = 0
  AND (container.bundle_path IS NOT NULL AND (typeof(container.bundle_path) <> 'text'
      OR instr(container.bundle_path, char(0)) > 0)) = 0
  AND (container.layout IS NOT NULL AND (typeof(container.layout) <> 'text'
      OR instr(container.layout, char(0)) > 0 OR length(container.layout) > 255)) = 0
  AND (container.extra IS NOT NULL AND (typeof(container.extra) <> 'text'
      OR NOT json_valid(container.extra))) = 0 AND (container.document IS NOT NULL
    AND (typeof(container.document) <> 'text' OR instr(container.document, char(0)) > 0)) = 0

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
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: recording.old_children[0]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO mount_history (container_id, position, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.position, mount.is_rootfs, mount.source, mount.destination,
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
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS revision, item.value ->> 2 AS
    position, item.value ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.container_id AND container.revision = r.revision
JOIN mount ON mount.container_id = r.container_id AND mount.position = r.position
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (mount.container_id IS NOT NULL AND typeof(mount.container_id) <> 'integer') = 0
  AND (mount.position IS NOT NULL AND (typeof(mount.position) <> 'integer'
      OR mount.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (mount.is_rootfs IS NOT NULL AND (typeof(mount.is_rootfs) <> 'integer'
      OR mount.is_rootfs NOT IN (0, 1))) = 0 AND (mount.source IS NOT NULL
    AND (typeof(mount.source) <> 'text' OR instr(mount.source, char(0)) > 0)) = 0
  AND (mount.destination IS NOT NULL AND (typeof(mount.destination) <> 'text'
      OR instr(mount.destination, char(0)) > 0)) = 0
  AND (mount.type IS NOT NULL AND (typeof(mount.type) <> 'text'
      OR instr(mount.type, char(0)) > 0)) = 0 AND (mount.options IS NOT NULL
    AND (typeof(mount.options) <> 'text' OR NOT json_valid(mount.options))) = 0
  AND (mount.host_path IS NOT NULL AND (typeof(mount.host_path) <> 'text'
      OR instr(mount.host_path, char(0)) > 0)) = 0 AND (mount.block_device_id IS NOT NULL
    AND (typeof(mount.block_device_id) <> 'text' OR instr(mount.block_device_id, char(0)) > 0)) = 0
  AND (mount.read_only IS NOT NULL AND (typeof(mount.read_only) <> 'integer'
      OR mount.read_only NOT IN (0, 1))) = 0 AND (mount.mounted IS NOT NULL
    AND (typeof(mount.mounted) <> 'integer' OR mount.mounted NOT IN (0, 1))) = 0
  AND (mount.since IS NOT NULL AND typeof(mount.since) <> 'integer') = 0

-- name: recording.old_children[1]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO device_map_history (container_id, position, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.position, device_map.device_id, device_map.container_path,
  device_map.file_mode, device_map.uid, device_map.gid, device_map.shared, container.revision + 1 AS
  anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN container.created_at WHEN
  (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS revision, item.value ->> 2 AS
    position, item.value ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.container_id AND container.revision = r.revision
JOIN device_map ON device_map.container_id = r.container_id
  AND device_map.position = r.position
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (device_map.container_id IS NOT NULL AND typeof(device_map.container_id) <> 'integer') = 0
  AND (device_map.position IS NOT NULL AND (typeof(device_map.position) <> 'integer'
      OR device_map.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (device_map.device_id IS NOT NULL AND (typeof(device_map.device_id) <> 'text'
      OR instr(device_map.device_id, char(0)) > 0)) = 0
  AND (device_map.container_path IS NOT NULL AND (typeof(device_map.container_path) <> 'text'
      OR instr(device_map.container_path, char(0)) > 0)) = 0
  AND (device_map.file_mode IS NOT NULL AND typeof(device_map.file_mode) <> 'integer') = 0
  AND (device_map.uid IS NOT NULL AND typeof(device_map.uid) <> 'integer') = 0
  AND (device_map.gid IS NOT NULL AND typeof(device_map.gid) <> 'integer') = 0
  AND (device_map.shared IS NOT NULL AND (typeof(device_map.shared) <> 'integer'
      OR device_map.shared NOT IN (0, 1))) = 0 AND (device_map.since IS NOT NULL
    AND typeof(device_map.since) <> 'integer') = 0

-- name: recording.old_children[2]
-- Keep mounts, device maps and processes that are overwritten: rows of OldChild.
INSERT INTO process_history (container_id, position, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.position, process.sandbox_id, process.token, process.pid,
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
  (SELECT item.value ->> 0 AS container_id, item.value ->> 1 AS revision, item.value ->> 2 AS
    position, item.value ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.container_id AND container.revision = r.revision
JOIN process ON process.container_id = r.container_id
  AND process.position = r.position
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (process.container_id IS NOT NULL AND typeof(process.container_id) <> 'integer') = 0
  AND (process.position IS NOT NULL AND (typeof(process.position) <> 'integer'
      OR process.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (process.sandbox_id IS NOT NULL AND typeof(process.sandbox_id) <> 'integer') = 0
  AND (process.token IS NOT NULL AND (typeof(process.token) <> 'text'
      OR instr(process.token, char(0)) > 0 OR length(process.token) > 512)) = 0
  AND (process.pid IS NOT NULL AND typeof(process.pid) <> 'integer') = 0
  AND (process.start_time IS NOT NULL AND (typeof(process.start_time) <> 'text'
      OR datetime(process.start_time) IS NULL)) = 0
  AND (process.start_time_ns IS NOT NULL AND (typeof(process.start_time_ns) <> 'integer'
      OR process.start_time_ns NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.start_time_offset IS NOT NULL AND (typeof(process.start_time_offset) <> 'integer'
      OR process.start_time_offset NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.since IS NOT NULL AND typeof(process.since) <> 'integer') = 0

-- name: recording.old_child[0]
-- Keep one of them: the fields of an OldChild.
INSERT INTO mount_history (container_id, position, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.position, mount.is_rootfs, mount.source, mount.destination,
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
FROM container
JOIN mount ON mount.container_id = container.id AND mount.position = :position
  AND container.id = :container_id AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (mount.container_id IS NOT NULL AND typeof(mount.container_id) <> 'integer') = 0
  AND (mount.position IS NOT NULL AND (typeof(mount.position) <> 'integer'
      OR mount.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (mount.is_rootfs IS NOT NULL AND (typeof(mount.is_rootfs) <> 'integer'
      OR mount.is_rootfs NOT IN (0, 1))) = 0 AND (mount.source IS NOT NULL
    AND (typeof(mount.source) <> 'text' OR instr(mount.source, char(0)) > 0)) = 0
  AND (mount.destination IS NOT NULL AND (typeof(mount.destination) <> 'text'
      OR instr(mount.destination, char(0)) > 0)) = 0
  AND (mount.type IS NOT NULL AND (typeof(mount.type) <> 'text'
      OR instr(mount.type, char(0)) > 0)) = 0 AND (mount.options IS NOT NULL
    AND (typeof(mount.options) <> 'text' OR NOT json_valid(mount.options))) = 0
  AND (mount.host_path IS NOT NULL AND (typeof(mount.host_path) <> 'text'
      OR instr(mount.host_path, char(0)) > 0)) = 0 AND (mount.block_device_id IS NOT NULL
    AND (typeof(mount.block_device_id) <> 'text' OR instr(mount.block_device_id, char(0)) > 0)) = 0
  AND (mount.read_only IS NOT NULL AND (typeof(mount.read_only) <> 'integer'
      OR mount.read_only NOT IN (0, 1))) = 0 AND (mount.mounted IS NOT NULL
    AND (typeof(mount.mounted) <> 'integer' OR mount.mounted NOT IN (0, 1))) = 0
  AND (mount.since IS NOT NULL AND typeof(mount.since) <> 'integer') = 0

-- name: recording.old_child[1]
-- Keep one of them: the fields of an OldChild.
INSERT INTO device_map_history (container_id, position, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.position, device_map.device_id, device_map.container_path,
  device_map.file_mode, device_map.uid, device_map.gid, device_map.shared, container.revision + 1 AS
  anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN container.created_at WHEN
  (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_3
FROM container
JOIN device_map ON device_map.container_id = container.id
  AND device_map.position = :position AND container.id = :container_id
  AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (device_map.container_id IS NOT NULL AND typeof(device_map.container_id) <> 'integer') = 0
  AND (device_map.position IS NOT NULL AND (typeof(device_map.position) <> 'integer'
      OR device_map.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (device_map.device_id IS NOT NULL AND (typeof(device_map.device_id) <> 'text'
      OR instr(device_map.device_id, char(0)) > 0)) = 0
  AND (device_map.container_path IS NOT NULL AND (typeof(device_map.container_path) <> 'text'
      OR instr(device_map.container_path, char(0)) > 0)) = 0
  AND (device_map.file_mode IS NOT NULL AND typeof(device_map.file_mode) <> 'integer') = 0
  AND (device_map.uid IS NOT NULL AND typeof(device_map.uid) <> 'integer') = 0
  AND (device_map.gid IS NOT NULL AND typeof(device_map.gid) <> 'integer') = 0
  AND (device_map.shared IS NOT NULL AND (typeof(device_map.shared) <> 'integer'
      OR device_map.shared NOT IN (0, 1))) = 0 AND (device_map.since IS NOT NULL
    AND typeof(device_map.since) <> 'integer') = 0

-- name: recording.old_child[2]
-- Keep one of them: the fields of an OldChild.
INSERT INTO process_history (container_id, position, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.position, process.sandbox_id, process.token, process.pid,
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
FROM container
JOIN process ON process.container_id = container.id
  AND process.position = :position AND container.id = :container_id
  AND container.revision = :revision
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (process.container_id IS NOT NULL AND typeof(process.container_id) <> 'integer') = 0
  AND (process.position IS NOT NULL AND (typeof(process.position) <> 'integer'
      OR process.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (process.sandbox_id IS NOT NULL AND typeof(process.sandbox_id) <> 'integer') = 0
  AND (process.token IS NOT NULL AND (typeof(process.token) <> 'text'
      OR instr(process.token, char(0)) > 0 OR length(process.token) > 512)) = 0
  AND (process.pid IS NOT NULL AND typeof(process.pid) <> 'integer') = 0
  AND (process.start_time IS NOT NULL AND (typeof(process.start_time) <> 'text'
      OR datetime(process.start_time) IS NULL)) = 0
  AND (process.start_time_ns IS NOT NULL AND (typeof(process.start_time_ns) <> 'integer'
      OR process.start_time_ns NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.start_time_offset IS NOT NULL AND (typeof(process.start_time_offset) <> 'integer'
      OR process.start_time_offset NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.since IS NOT NULL AND typeof(process.since) <> 'integer') = 0

-- name: recording.all_children[0]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO mount_history (container_id, position, is_rootfs, source, destination, type, options,
    host_path, block_device_id, read_only, mounted, until, since, valid_from, valid_to)
SELECT mount.container_id, mount.position, mount.is_rootfs, mount.source, mount.destination,
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
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS whole, item.value
    ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.id AND container.revision = r.revision
JOIN mount ON mount.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (mount.container_id IS NOT NULL AND typeof(mount.container_id) <> 'integer') = 0
  AND (mount.position IS NOT NULL AND (typeof(mount.position) <> 'integer'
      OR mount.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (mount.is_rootfs IS NOT NULL AND (typeof(mount.is_rootfs) <> 'integer'
      OR mount.is_rootfs NOT IN (0, 1))) = 0 AND (mount.source IS NOT NULL
    AND (typeof(mount.source) <> 'text' OR instr(mount.source, char(0)) > 0)) = 0
  AND (mount.destination IS NOT NULL AND (typeof(mount.destination) <> 'text'
      OR instr(mount.destination, char(0)) > 0)) = 0
  AND (mount.type IS NOT NULL AND (typeof(mount.type) <> 'text'
      OR instr(mount.type, char(0)) > 0)) = 0 AND (mount.options IS NOT NULL
    AND (typeof(mount.options) <> 'text' OR NOT json_valid(mount.options))) = 0
  AND (mount.host_path IS NOT NULL AND (typeof(mount.host_path) <> 'text'
      OR instr(mount.host_path, char(0)) > 0)) = 0 AND (mount.block_device_id IS NOT NULL
    AND (typeof(mount.block_device_id) <> 'text' OR instr(mount.block_device_id, char(0)) > 0)) = 0
  AND (mount.read_only IS NOT NULL AND (typeof(mount.read_only) <> 'integer'
      OR mount.read_only NOT IN (0, 1))) = 0 AND (mount.mounted IS NOT NULL
    AND (typeof(mount.mounted) <> 'integer' OR mount.mounted NOT IN (0, 1))) = 0
  AND (mount.since IS NOT NULL AND typeof(mount.since) <> 'integer') = 0

-- name: recording.all_children[1]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO device_map_history (container_id, position, device_id, container_path, file_mode, uid,
    gid, shared, until, since, valid_from, valid_to)
SELECT device_map.container_id, device_map.position, device_map.device_id, device_map.container_path,
  device_map.file_mode, device_map.uid, device_map.gid, device_map.shared, container.revision + 1 AS
  anon_1, device_map.since, CASE WHEN (device_map.since = 0) THEN container.created_at WHEN
  (device_map.since = container.revision) THEN container.updated_at ELSE
  coalesce((SELECT max(container_history.valid_to) AS max_1
    FROM container_history
    WHERE container_history.container_id = container.id
      AND container_history.whole = 1 AND container_history.revision = device_map.since - 1),
    container.created_at) END AS anon_2, CASE WHEN (container.updated_at > r.now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE r.now
  END AS anon_3
FROM
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS whole, item.value
    ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.id AND container.revision = r.revision
JOIN device_map ON device_map.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (device_map.container_id IS NOT NULL AND typeof(device_map.container_id) <> 'integer') = 0
  AND (device_map.position IS NOT NULL AND (typeof(device_map.position) <> 'integer'
      OR device_map.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (device_map.device_id IS NOT NULL AND (typeof(device_map.device_id) <> 'text'
      OR instr(device_map.device_id, char(0)) > 0)) = 0
  AND (device_map.container_path IS NOT NULL AND (typeof(device_map.container_path) <> 'text'
      OR instr(device_map.container_path, char(0)) > 0)) = 0
  AND (device_map.file_mode IS NOT NULL AND typeof(device_map.file_mode) <> 'integer') = 0
  AND (device_map.uid IS NOT NULL AND typeof(device_map.uid) <> 'integer') = 0
  AND (device_map.gid IS NOT NULL AND typeof(device_map.gid) <> 'integer') = 0
  AND (device_map.shared IS NOT NULL AND (typeof(device_map.shared) <> 'integer'
      OR device_map.shared NOT IN (0, 1))) = 0 AND (device_map.since IS NOT NULL
    AND typeof(device_map.since) <> 'integer') = 0

-- name: recording.all_children[2]
-- Keep all mounts, device maps and processes of containers: rows of OldContainer.
INSERT INTO process_history (container_id, position, sandbox_id, token, pid, start_time,
    start_time_ns, start_time_offset, until, since, valid_from, valid_to)
SELECT process.container_id, process.position, process.sandbox_id, process.token, process.pid,
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
  (SELECT item.value ->> 0 AS id, item.value ->> 1 AS revision, item.value ->> 2 AS whole, item.value
    ->> 3 AS now
  FROM jsonb_each(:rows) AS item) AS r
JOIN container ON container.id = r.id AND container.revision = r.revision
JOIN process ON process.container_id = container.id
WHERE
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND (container.created_at IS NOT NULL AND (typeof(container.created_at) <> 'text'
      OR datetime(container.created_at) IS NULL)) = 0
  AND (container.updated_at IS NOT NULL AND (typeof(container.updated_at) <> 'text'
      OR datetime(container.updated_at) IS NULL)) = 0
  AND (process.container_id IS NOT NULL AND typeof(process.container_id) <> 'integer') = 0
  AND (process.position IS NOT NULL AND (typeof(process.position) <> 'integer'
      OR process.position NOT BETWEEN -2147483648 AND 2147483647)) = 0
  AND (process.sandbox_id IS NOT NULL AND typeof(process.sandbox_id) <> 'integer') = 0
  AND (process.token IS NOT NULL AND (typeof(process.token) <> 'text'
      OR instr(process.token, char(0)) > 0 OR length(process.token) > 512)) = 0
  AND (process.pid IS NOT NULL AND typeof(process.pid) <> 'integer') = 0
  AND (process.start_time IS NOT NULL AND (typeof(process.start_time) <> 'text'
      OR datetime(process.start_time) IS NULL)) = 0
  AND (process.start_time_ns IS NOT NULL AND (typeof(process.start_time_ns) <> 'integer'
      OR process.start_time_ns NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.start_time_offset IS NOT NULL AND (typeof(process.start_time_offset) <> 'integer'
      OR process.start_time_offset NOT BETWEEN -32768 AND 32767)) = 0
  AND (process.since IS NOT NULL AND typeof(process.since) <> 'integer') = 0

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
LEFT JOIN main.container AS c ON c.id = l.id
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
FROM main.container AS c
JOIN main.sandbox AS s ON s.id = c.sandbox_id
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
SELECT t.time || 'Z'
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
      JOIN main.sandbox AS x ON x.id = s.id
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
      JOIN main.container AS x ON x.sandbox_id = s.id
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
INSERT INTO container_history (container_id, valid_to, revision, whole, state, valid_from)
SELECT container.id, CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
  AS anon_1, container.revision, FALSE, container.state, container.updated_at
FROM container
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)
  AND container.cid = :cid AND container.state = :old
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support) AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0 AND (container.revision IS NOT NULL
    AND typeof(container.revision) <> 'integer') = 0
  AND container.updated_at >= '0001-01-01' AND container.updated_at <= '9999-12-31 23:59:59.999999'

-- name: transition[1]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, actor,
    reason)
SELECT container.sandbox_id, container.id, 'state', container.revision + 1 AS anon_1, CASE WHEN
  (container.updated_at > :now AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN
  container.updated_at ELSE :now END AS anon_2, :old, :new, :cause, :actor, :reason
FROM container
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)
  AND container.cid = :cid AND container.state = :old
  AND
  (SELECT coalesce(seconds, 1)
  FROM retention) > 0

-- name: transition[2]
-- Change a container's state, with what is recorded of that: host, sid, cid, old, new.
UPDATE container
SET state=:new, revision=(container.revision + 1), updated_at=CASE WHEN (container.updated_at > :now
    AND container.updated_at <= '9999-12-31 23:59:59.999999') THEN container.updated_at ELSE :now END
WHERE container.sandbox_id =
  (SELECT sandbox.id
  FROM sandbox
  WHERE sandbox.host = :host AND sandbox.sid = :sid)
  AND container.cid = :cid AND container.state = :old
  AND
  (SELECT abs(-9223372036854775807 - (min_writer > '0018')) > 0
  FROM schema_support)

-- name: creation
-- Create a container, and return its revision, none if it is not created: where one round trip can.

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
    WHERE x.container_id = :id AND x.whole = 1 AND x.revision >= coalesce(:revision, NULL)
    ORDER BY x.revision
    LIMIT 1) AND n.revision =
    (SELECT x.revision
    FROM container_history AS x
    WHERE x.container_id = :id AND x.whole = 1 AND x.revision >= coalesce(:revision, NULL)
    ORDER BY x.revision
    LIMIT 1)
  LEFT JOIN main.container AS c ON c.id = l.id
  WHERE l.id = :id AND (h.revision IS NOT NULL OR c.revision = :revision))
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM
        (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
          m.block_device_id, m.read_only, m.mounted
        FROM mount AS m
        WHERE m.container_id = container.id AND m.since <= container.revision
          AND m.position = 0
        UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
          m.block_device_id, m.read_only, m.mounted
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
            AND x.until > :revision
          ORDER BY x.until
          LIMIT 1) AND m.since <= :revision AND m.position = 0) AS m), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM
        (SELECT m.source, m.destination, m.type, m.options, m.host_path, m.block_device_id,
          m.read_only, m.mounted
        FROM
          (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
            m.block_device_id, m.read_only, m.mounted
          FROM mount AS m
          WHERE m.container_id = container.id AND m.since <= container.revision
            AND m.position > 0
          UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
            m.block_device_id, m.read_only, m.mounted
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
              AND x.until > :revision
            ORDER BY x.until
            LIMIT 1) AND m.since <= :revision AND m.position > 0) AS m
        ORDER BY m.position) AS m), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM
        (SELECT d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
        FROM
          (SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
          FROM device_map AS d
          WHERE d.container_id = container.id AND d.since <= container.revision
          UNION ALL SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid,
            d.shared
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
              AND x.until > :revision
            ORDER BY x.until
            LIMIT 1) AND d.since <= :revision) AS d
        ORDER BY d.position) AS d), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM
        (SELECT p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
        FROM
          (SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
          FROM process AS p
          WHERE p.container_id = container.id AND p.since <= container.revision
          UNION ALL SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
            p.start_time_offset
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
              AND x.until > :revision
            ORDER BY x.until
            LIMIT 1) AND p.since <= :revision) AS p
        ORDER BY p.position) AS p)), 'revision', container.revision, 'origin', json_object('layout',
      container.layout, 'extra', container.extra, 'document', container.document, 'namespace',
      container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM sandbox
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
    FROM main.container AS x
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
  LEFT JOIN main.container AS c ON c.id = l.id
  WHERE l.id = :id)
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM
        (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
          m.block_device_id, m.read_only, m.mounted
        FROM mount AS m
        WHERE m.container_id = container.id AND m.since <= container.revision
          AND m.position = 0
        UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
          m.block_device_id, m.read_only, m.mounted
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
          LIMIT 1) AND m.since <= container.revision
          AND m.position = 0) AS m), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM
        (SELECT m.source, m.destination, m.type, m.options, m.host_path, m.block_device_id,
          m.read_only, m.mounted
        FROM
          (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
            m.block_device_id, m.read_only, m.mounted
          FROM mount AS m
          WHERE m.container_id = container.id AND m.since <= container.revision
            AND m.position > 0
          UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
            m.block_device_id, m.read_only, m.mounted
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
            LIMIT 1) AND m.since <= container.revision
            AND m.position > 0) AS m
        ORDER BY m.position) AS m), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM
        (SELECT d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
        FROM
          (SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
          FROM device_map AS d
          WHERE d.container_id = container.id AND d.since <= container.revision
          UNION ALL SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid,
            d.shared
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
            LIMIT 1) AND d.since <= container.revision) AS d
        ORDER BY d.position) AS d), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM
        (SELECT p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
        FROM
          (SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
          FROM process AS p
          WHERE p.container_id = container.id AND p.since <= container.revision
          UNION ALL SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
            p.start_time_offset
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
            LIMIT 1) AND p.since <= container.revision) AS p
        ORDER BY p.position) AS p)), 'revision', container.revision, 'origin', json_object('layout',
      container.layout, 'extra', container.extra, 'document', container.document, 'namespace',
      container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.valid_to || 'Z'
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
ORDER BY container.valid_to IS NULL, container.valid_to, container.revision
LIMIT coalesce(:limit, NULL) OFFSET 0

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
  LEFT JOIN main.sandbox AS c ON c.id = s.id
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
  LEFT JOIN main.container AS c ON c.id = l.id
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
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM
              (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                m.block_device_id, m.read_only, m.mounted
              FROM mount AS m
              WHERE m.container_id = c.id AND m.since <= c.revision
                AND m.position = 0
              UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                m.block_device_id, m.read_only, m.mounted
              FROM mount_history AS m
              WHERE m.container_id = c.id AND m.since <= c.revision
                AND m.until > c.revision AND m.position = 0) AS m), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM
              (SELECT m.source, m.destination, m.type, m.options, m.host_path, m.block_device_id,
                m.read_only, m.mounted
              FROM
                (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                  m.block_device_id, m.read_only, m.mounted
                FROM mount AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.position > 0
                UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                  m.block_device_id, m.read_only, m.mounted
                FROM mount_history AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.until > c.revision AND m.position > 0) AS m
              ORDER BY m.position) AS m), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM
              (SELECT d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
              FROM
                (SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid,
                  d.shared
                FROM device_map AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                UNION ALL SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid,
                  d.gid, d.shared
                FROM device_map_history AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                  AND d.until > c.revision) AS d
              ORDER BY d.position) AS d), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM
              (SELECT p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
              FROM
                (SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
                  p.start_time_offset
                FROM process AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                UNION ALL SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
                  p.start_time_offset
                FROM process_history AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                  AND p.until > c.revision) AS p
              ORDER BY p.position) AS p)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.sandbox_id = sandbox.id
      ORDER BY c.cid) AS c)) AS payload
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
  LEFT JOIN main.sandbox AS c ON c.id = s.id
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
  LEFT JOIN main.container AS c ON c.id = l.id
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
    sandbox.revision, 'created_at', sandbox.created_at || 'Z', 'updated_at', sandbox.updated_at ||
    'Z', 'containers',
    (SELECT json_group_array(json_object('id', c.id, 'sandbox_id', c.sandbox_id, 'host',
          sandbox.host, 'sid', sandbox.sid, 'cid', c.cid, 'record', json_object('State', c.state,
            'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path, 'Rootfs',
            (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
                'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
                m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)
            FROM
              (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                m.block_device_id, m.read_only, m.mounted
              FROM mount AS m
              WHERE m.container_id = c.id AND m.since <= c.revision
                AND m.position = 0
              UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                m.block_device_id, m.read_only, m.mounted
              FROM mount_history AS m
              WHERE m.container_id = c.id AND m.since <= c.revision
                AND m.until > c.revision AND m.position = 0) AS m), 'Mounts',
            (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination,
                  'Type', m.type, 'Options', json(m.options), 'HostPath', m.host_path,
                  'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
            FROM
              (SELECT m.source, m.destination, m.type, m.options, m.host_path, m.block_device_id,
                m.read_only, m.mounted
              FROM
                (SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                  m.block_device_id, m.read_only, m.mounted
                FROM mount AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.position > 0
                UNION ALL SELECT m.position, m.source, m.destination, m.type, m.options, m.host_path,
                  m.block_device_id, m.read_only, m.mounted
                FROM mount_history AS m
                WHERE m.container_id = c.id AND m.since <= c.revision
                  AND m.until > c.revision AND m.position > 0) AS m
              ORDER BY m.position) AS m), 'DeviceMaps',
            (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath',
                  d.container_path, 'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared',
                  d.shared))
            FROM
              (SELECT d.device_id, d.container_path, d.file_mode, d.uid, d.gid, d.shared
              FROM
                (SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid, d.gid,
                  d.shared
                FROM device_map AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                UNION ALL SELECT d.position, d.device_id, d.container_path, d.file_mode, d.uid,
                  d.gid, d.shared
                FROM device_map_history AS d
                WHERE d.container_id = c.id AND d.since <= c.revision
                  AND d.until > c.revision) AS d
              ORDER BY d.position) AS d), 'Process',
            (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid,
                  'StartTime', p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' ||
                  p.start_time_offset))
            FROM
              (SELECT p.token, p.pid, p.start_time, p.start_time_ns, p.start_time_offset
              FROM
                (SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
                  p.start_time_offset
                FROM process AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                UNION ALL SELECT p.position, p.token, p.pid, p.start_time, p.start_time_ns,
                  p.start_time_offset
                FROM process_history AS p
                WHERE p.container_id = c.id AND p.since <= c.revision
                  AND p.until > c.revision) AS p
              ORDER BY p.position) AS p)), 'revision', c.revision, 'origin', json_object('layout',
            c.layout, 'extra', c.extra, 'document', c.document, 'namespace', c.namespace),
          'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z'))
    FROM
      (SELECT c.id, c.sandbox_id, c.cid, c.state, c.cgroup_path, c.bundle_path, c.revision, c.layout,
        c.extra, c.document, c.namespace, c.created_at, c.updated_at
      FROM container AS c
      WHERE c.sandbox_id = sandbox.id
      ORDER BY c.cid) AS c)) AS payload
FROM sandbox
WHERE sandbox.host = :host AND sandbox.sid > :sid
ORDER BY sandbox.sid
LIMIT coalesce(:limit, NULL) OFFSET 0

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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :after0
    AND (sandbox.sid > :after0 OR sandbox.sid = :after0
      AND (container.cid > :after1 OR container.cid = :after1
        AND (sandbox.host > :after2 OR 0 = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  WHERE sandbox.sid >= :after0 AND (sandbox.sid > :after0
      OR sandbox.sid = :after0 AND (container.cid > :after1
        OR container.cid = :after1 AND (sandbox.host > :after2
          OR 0 = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.host >= :after0
    AND (sandbox.host > :after0 OR sandbox.host = :after0
      AND (sandbox.sid > :after1 OR sandbox.sid = :after1
        AND (container.cid > :after2 OR 0 = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
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
    container.revision, 'created_at', container.created_at || 'Z', 'updated_at', container.updated_at
    || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  WHERE sandbox.host >= :after0 AND (sandbox.host > :after0
      OR sandbox.host = :after0 AND (sandbox.sid > :after1
        OR sandbox.sid = :after1 AND (container.cid > :after2
          OR 0 = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(one host; by sid; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :after0
    AND (sandbox.sid > :after0 OR sandbox.sid = :after0
      AND (container.cid > :after1 OR container.cid = :after1
        AND (sandbox.host > :after2 OR 0 = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(all; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(all; by sid; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  WHERE sandbox.sid >= :after0 AND (sandbox.sid > :after0
      OR sandbox.sid = :after0 AND (container.cid > :after1
        OR container.cid = :after1 AND (sandbox.host > :after2
          OR 0 = 1)))
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(one host; by host)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host; by host; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.host >= :after0
    AND (sandbox.host > :after0 OR sandbox.host = :after0
      AND (sandbox.sid > :after1 OR sandbox.sid = :after1
        AND (container.cid > :after2 OR 0 = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(all; by host)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(all; by host; after)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  WHERE sandbox.host >= :after0 AND (sandbox.host > :after0
      OR sandbox.host = :after0 AND (sandbox.sid > :after1
        OR sandbox.sid = :after1 AND (container.cid > :after2
          OR 0 = 1)))
  ORDER BY sandbox.host, sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.host, sandbox.sid, container.cid

-- name: selects.page(one host, cid*; by cid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE (sandbox.host || '') = :host AND container.id IN
    (SELECT first.id
    FROM
      (SELECT container.id AS id
      FROM container
      WHERE container.cid >= coalesce(:value0, NULL)
        AND container.cid < coalesce(:end0, NULL)
      LIMIT 20 OFFSET 0) AS first
    WHERE
      (SELECT count(*) AS count_1
      FROM
        (SELECT container.id AS id
        FROM container
        WHERE container.cid >= coalesce(:value0, NULL)
          AND container.cid < coalesce(:end0, NULL)
        LIMIT 20 OFFSET 0) AS first) < 20
    UNION ALL SELECT container.id
    FROM sandbox
    LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
      AND container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
    WHERE sandbox.host = CASE WHEN
      ((SELECT count(*) AS count_1
        FROM
          (SELECT container.id AS id
          FROM container
          WHERE container.cid >= coalesce(:value0, NULL)
            AND container.cid < coalesce(:end0, NULL)
          LIMIT 20 OFFSET 0) AS first) < 20) THEN NULL ELSE :host END)
  ORDER BY container.cid, sandbox.sid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY container.cid, sandbox.sid, sandbox.host

-- name: selects.page(cid*; by cid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
  ORDER BY container.cid, sandbox.sid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY container.cid, sandbox.sid, sandbox.host

-- name: selects.page(one host, cid*, sid*; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
    AND sandbox.sid >= coalesce(:value1, NULL) AND sandbox.sid < coalesce(:end1, NULL)
    AND sandbox.host = :host
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.page(cid*, sid*; by sid)
-- A page in an order of SORTS: the shape's values, limit, offset. With after it begins behind after0, after1…, a
-- value for each column of the order.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON container.sandbox_id = sandbox.id + 0
  WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
    AND sandbox.sid >= coalesce(:value1, NULL) AND sandbox.sid < coalesce(:end1, NULL)
  ORDER BY sandbox.sid, container.cid, sandbox.host
  LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
ORDER BY sandbox.sid, container.cid, sandbox.host

-- name: selects.names(one host, cid*; by cid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE (sandbox.host || '') = :host AND container.id IN
  (SELECT first.id
  FROM
    (SELECT container.id AS id
    FROM container
    WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
    LIMIT 20 OFFSET 0) AS first
  WHERE
    (SELECT count(*) AS count_1
    FROM
      (SELECT container.id AS id
      FROM container
      WHERE container.cid >= coalesce(:value0, NULL)
        AND container.cid < coalesce(:end0, NULL)
      LIMIT 20 OFFSET 0) AS first) < 20
  UNION ALL SELECT container.id
  FROM sandbox
  LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
    AND container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
  WHERE sandbox.host = CASE WHEN
    ((SELECT count(*) AS count_1
      FROM
        (SELECT container.id AS id
        FROM container
        WHERE container.cid >= coalesce(:value0, NULL)
          AND container.cid < coalesce(:end0, NULL)
        LIMIT 20 OFFSET 0) AS first) < 20) THEN NULL ELSE :host END)
ORDER BY container.cid, sandbox.sid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(cid*; by cid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
ORDER BY container.cid, sandbox.sid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(one host, cid*, sid*; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
  AND sandbox.sid >= coalesce(:value1, NULL) AND sandbox.sid < coalesce(:end1, NULL)
  AND sandbox.host = :host
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(cid*, sid*; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON container.sandbox_id = sandbox.id + 0
WHERE container.cid >= coalesce(:value0, NULL) AND container.cid < coalesce(:end0, NULL)
  AND sandbox.sid >= coalesce(:value1, NULL) AND sandbox.sid < coalesce(:end1, NULL)
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(one host, name; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE (sandbox.host || '') = :host AND container.id IN
  (SELECT first.id
  FROM
    (SELECT container.id AS id
    FROM container
    WHERE container.container_name = :value0 AND container.container_name <> ''
    LIMIT 20 OFFSET 0) AS first
  WHERE
    (SELECT count(*) AS count_1
    FROM
      (SELECT container.id AS id
      FROM container
      WHERE container.container_name = :value0 AND container.container_name <> ''
      LIMIT 20 OFFSET 0) AS first) < 20
  UNION ALL SELECT container.id
  FROM sandbox
  LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
    AND container.container_name = :value0
  WHERE sandbox.host = CASE WHEN
    ((SELECT count(*) AS count_1
      FROM
        (SELECT container.id AS id
        FROM container
        WHERE container.container_name = :value0 AND container.container_name <> ''
        LIMIT 20 OFFSET 0) AS first) < 20) THEN NULL ELSE :host END)
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(name; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(one host, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE (sandbox.host || '') = :host AND container.id IN
  (SELECT first.id
  FROM
    (SELECT container.id AS id
    FROM container
    WHERE container.pod = :value0 AND container.pod <> ''
    LIMIT 20 OFFSET 0) AS first
  WHERE
    (SELECT count(*) AS count_1
    FROM
      (SELECT container.id AS id
      FROM container
      WHERE container.pod = :value0 AND container.pod <> ''
      LIMIT 20 OFFSET 0) AS first) < 20
  UNION ALL SELECT container.id
  FROM sandbox
  LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
    AND container.pod = :value0
  WHERE sandbox.host = CASE WHEN
    ((SELECT count(*) AS count_1
      FROM
        (SELECT container.id AS id
        FROM container
        WHERE container.pod = :value0 AND container.pod <> ''
        LIMIT 20 OFFSET 0) AS first) < 20) THEN NULL ELSE :host END)
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.pod = :value0 AND container.pod <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(one host, name, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.pod = :value1 AND (sandbox.host || '') = :host
  AND container.id IN
  (SELECT first.id
  FROM
    (SELECT container.id AS id
    FROM container
    WHERE container.container_name = :value0 AND container.container_name <> ''
    LIMIT 20 OFFSET 0) AS first
  WHERE
    (SELECT count(*) AS count_1
    FROM
      (SELECT container.id AS id
      FROM container
      WHERE container.container_name = :value0 AND container.container_name <> ''
      LIMIT 20 OFFSET 0) AS first) < 20
  UNION ALL SELECT container.id
  FROM sandbox
  LEFT OUTER JOIN container ON container.sandbox_id = sandbox.id
    AND container.container_name = :value0
  WHERE sandbox.host = CASE WHEN
    ((SELECT count(*) AS count_1
      FROM
        (SELECT container.id AS id
        FROM container
        WHERE container.container_name = :value0 AND container.container_name <> ''
        LIMIT 20 OFFSET 0) AS first) < 20) THEN NULL ELSE :host END)
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.names(name, pod; by sid)
-- The same page, with host, sid and cid.
SELECT sandbox.host, sandbox.sid, container.cid
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE container.container_name = :value0 AND container.container_name <> ''
  AND container.pod = :value1 AND container.pod <> ''
ORDER BY sandbox.sid, container.cid, sandbox.host
LIMIT coalesce(:limit, NULL) OFFSET coalesce(:offset, NULL)

-- name: selects.page_after(one host)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND container.id > :after
  ORDER BY container.id
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(one host; named)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND container.id > :after
    AND sandbox.sid >= :sid AND (sandbox.sid > :sid
      OR container.cid > :cid)
  ORDER BY container.id
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(all)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM container
  WHERE container.id > :after
  ORDER BY container.id
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after(all; named)
-- The page after a container, by the rows' IDs, and the IDs: the shape's values, after, limit. With named only
-- what comes after a name, too: sid, cid.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id
FROM
  (SELECT container.id AS id
  FROM container, sandbox
  WHERE container.id > :after AND sandbox.sid >= :sid
    AND (sandbox.sid > :sid OR container.cid > :cid)
  ORDER BY container.id
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.count(one host)
-- How many containers there are: the shape's values.
SELECT count(*) AS count_1
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id
WHERE sandbox.host = :host

-- name: selects.count(all)
-- How many containers there are: the shape's values.
SELECT count(*) AS count_1
FROM sandbox
JOIN container ON sandbox.id = container.sandbox_id

-- name: selects.page_after_name(one host; first)
-- A page of one host's containers by their names, and the names: the shape's values, limit. It is the first
-- page, or the one after a container: sid, cid. By the rows' IDs an engine would go through the containers of
-- all hosts, or sort all of the host's for each page.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id, sandbox.sid, container.cid
FROM
  (SELECT container.id AS id, sandbox.sid AS sid, container.cid AS cid
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host
  ORDER BY sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id

-- name: selects.page_after_name(one host)
-- A page of one host's containers by their names, and the names: the shape's values, limit. It is the first
-- page, or the one after a container: sid, cid. By the rows' IDs an engine would go through the containers of
-- all hosts, or sort all of the host's for each page.
SELECT json_object('id', container.id, 'sandbox_id', container.sandbox_id, 'host', sandbox.host,
    'sid', sandbox.sid, 'cid', container.cid, 'record', json_object('State', container.state,
      'CgroupPath', container.cgroup_path, 'BundlePath', container.bundle_path, 'Rootfs',
      (SELECT json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,
          'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,
          'ReadOnly', m.read_only, 'Mounted', m.mounted)
      FROM mount AS m
      WHERE m.container_id = container.id AND m.position = 0), 'Mounts',
      (SELECT json_group_array(json_object('Source', m.source, 'Destination', m.destination, 'Type',
            m.type, 'Options', json(m.options), 'HostPath', m.host_path, 'BlockDeviceID',
            m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted))
      FROM mount AS m INDEXED BY sqlite_autoindex_mount_1
      WHERE m.container_id = container.id AND m.position > 0), 'DeviceMaps',
      (SELECT json_group_array(json_object('ID', d.device_id, 'ContainerPath', d.container_path,
            'FileMode', d.file_mode, 'UID', d.uid, 'GID', d.gid, 'Shared', d.shared))
      FROM device_map AS d INDEXED BY sqlite_autoindex_device_map_1
      WHERE d.container_id = container.id), 'Process',
      (SELECT json_group_array(json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',
            p.start_time || 'Z' || ' ' || p.start_time_ns || ' ' || p.start_time_offset))
      FROM process AS p INDEXED BY sqlite_autoindex_process_1
      WHERE p.container_id = container.id)), 'revision', container.revision, 'origin',
    json_object('layout', container.layout, 'extra', container.extra, 'document', container.document,
      'namespace', container.namespace), 'created_at', container.created_at || 'Z', 'updated_at',
    container.updated_at || 'Z') AS payload, container.id, sandbox.sid, container.cid
FROM
  (SELECT container.id AS id, sandbox.sid AS sid, container.cid AS cid
  FROM sandbox
  JOIN container ON sandbox.id = container.sandbox_id
  WHERE sandbox.host = :host AND sandbox.sid >= :sid
    AND (sandbox.sid > :sid OR container.cid > :cid)
  ORDER BY sandbox.sid, container.cid
  LIMIT coalesce(:limit, NULL) OFFSET 0) AS page
LEFT OUTER JOIN container ON container.id = page.id
LEFT OUTER JOIN sandbox ON sandbox.id = container.sandbox_id
