"""SQLite by hand, with the library and the settings that persistdb uses."""
# ruff: noqa: S608  statements are put together from constants

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from persistdb.engines.sqlite import driver
from persistdb.store.encoding import now_text

from ..contender import batches
from ..samples import HOST
from .base import (
    ANNOTATION,
    CONTAINER,
    DEVICE_MAP,
    EVENT,
    KEEP_NUMBER,
    LIFETIME,
    MOUNT,
    PROCESS,
    RENUMBER,
    REVISION,
    SANDBOX,
    SANDBOX_LIFETIME,
    Floor,
    annotation_rows,
    container_row,
    created_row,
    device_rows,
    mount_rows,
    process_rows,
    sandbox_of,
    sandbox_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from persistdb import ContainerState, Origin, Sandbox, SandboxWrite

    from .base import Row

_SETTINGS = ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY")

_MOUNT = (
    "json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type, 'Options', json(m.options),"
    " 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)"
)
_DEVICE = (
    "json_object('ID', d.device_id, 'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid,"
    " 'GID', d.gid, 'Shared', d.shared)"
)
_PROCESS = (
    "json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',"
    " p.start_time || 'Z ' || p.start_time_ns || ' ' || p.start_time_offset)"
)


def _array(item: str, table: str, alias: str, where: str = "") -> str:
    # ORDER BY within the aggregate costs 5 µs more, a subquery with it 2; the primary key is in this order
    rows = f"{table} {alias} INDEXED BY sqlite_autoindex_{table}_1 WHERE {alias}.container_id = c.id {where}"
    return f"(SELECT json_group_array({item}) FROM {rows})"


_DOCUMENT = f"""json_object(
    'id', c.id, 'host', s.host, 'sid', s.sid, 'cid', c.cid,
    'record', json_object(
        'State', c.state, 'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path,
        'Rootfs', (SELECT {_MOUNT} FROM mount m WHERE m.container_id = c.id AND m.position = 0),
        'Mounts', {_array(_MOUNT, "mount", "m", "AND m.position > 0")},
        'DeviceMaps', {_array(_DEVICE, "device_map", "d")},
        'Process', {_array(_PROCESS, "process", "p")}),
    'revision', c.revision,
    'origin', json_object('layout', c.layout, 'extra', c.extra, 'document', c.document),
    'created_at', c.created_at || 'Z', 'updated_at', c.updated_at || 'Z')"""
_JOINED = f"SELECT {_DOCUMENT} AS d FROM sandbox s JOIN container c ON c.sandbox_id = s.id"
_SANDBOX = f"""SELECT json_object(
    'id', s.id, 'host', s.host,
    'record', json_object('sid', s.sid, 'state', s.state, 'persist_version', s.persist_version,
        'cgroup_path', s.cgroup_path, 'document', s.document, 'layout', s.layout),
    'own_revision', s.revision, 'created_at', s.created_at || 'Z', 'updated_at', s.updated_at || 'Z',
    'containers', (SELECT json_group_array({_DOCUMENT})
        FROM (SELECT * FROM container c WHERE c.sandbox_id = s.id ORDER BY c.cid) c)) AS d
    FROM sandbox s WHERE s.host = ?"""


def _insert(table: str, columns: str) -> str:
    # faster than executemany by half: parameters are not bound one by one
    values = ", ".join(f"e.value ->> {i}" for i in range(columns.count(",") + 1))
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {_EACH}(?) e"


_EACH = "jsonb_each" if driver().sqlite_version_info >= (3, 51) else "json_each"
_INSERTS = {
    "sandbox": _insert("sandbox", f"id, {SANDBOX}"),
    "container": _insert("container", f"id, {CONTAINER}"),
    "mount": _insert("mount", MOUNT),
    "device_map": _insert("device_map", DEVICE_MAP),
    "process": _insert("process", PROCESS),
    "annotation": _insert("annotation", ANNOTATION),
    "sandbox_lifetime": _insert("sandbox_lifetime", SANDBOX_LIFETIME),
    "container_lifetime": _insert("container_lifetime", LIFETIME),
    "event": _insert("event", EVENT),
}
_encode = msgspec.json.Encoder().encode


class SQLiteFloor(Floor):
    """One connection to a file."""

    begin = "BEGIN IMMEDIATE"
    get_sql = f"{_JOINED} WHERE s.host = ? AND s.sid = ? AND c.cid = ?"
    look_up_sql = (
        f"SELECT {_DOCUMENT} AS d FROM container c CROSS JOIN sandbox s ON c.sandbox_id = s.id"
        " WHERE c.cid >= ? AND c.cid < ? AND s.host = ? LIMIT 2"
    )
    load_sql = f"{_SANDBOX} AND s.sid = ?"
    sandboxes_sql = f"{_SANDBOX} ORDER BY s.sid"
    iterate_sql = f"{_JOINED} WHERE s.host = ?"

    def __init__(self, url: str) -> None:
        super().__init__(driver().connect(url.removeprefix("sqlite:///"), isolation_level=None))
        for setting in _SETTINGS:
            self.connection.execute(f"PRAGMA {setting}").fetchall()
        # for all that is read to its end at once: to make a cursor for each statement takes longer than some statements
        self._cursor = self.connection.cursor()

    def execute(self, sql: str, values: Row = ()) -> Any:
        """Run a statement."""
        return self._cursor.execute(sql, values)

    def commit(self) -> None:
        """Commit, which the driver's own word for it does sooner than a statement."""
        self.connection.commit()

    def save(self, sid: str, cid: str, record: ContainerState, origin: Origin | None = None) -> None:
        """Insert the container with what its sandbox's row says, give that its number, then insert the children."""
        self.execute("BEGIN IMMEDIATE")
        moment = now_text()
        *values, _revision, _created, _updated, namespace = container_row(0, cid, record, moment, origin)[1:]
        ((id_, sandbox_id, revision),) = self.execute(
            f"INSERT INTO container ({CONTAINER}) SELECT id, ?, ?, ?, ?, ?, ?, ?, {REVISION}, ?, ?, ? FROM sandbox s"
            " WHERE host = ? AND sid = ? RETURNING id, sandbox_id, revision",
            (*values, moment, moment, namespace, HOST, sid),
        ).fetchall()
        self.execute(KEEP_NUMBER, (moment, revision - 1, sandbox_id))
        self.execute(RENUMBER, (revision - 1, moment, sandbox_id))
        annotations = annotation_rows(id_, cid, origin)
        self._insert(
            mount=mount_rows(id_, record),
            device_map=device_rows(id_, record),
            process=process_rows(id_, sandbox_id, record),
            container_lifetime=[(id_, sandbox_id, cid, moment)],
            event=[created_row(sandbox_id, id_, record.state, moment, revision)],
        )
        if annotations:
            self._insert(annotation=annotations)
        self.commit()

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Give out the ids by hand, so that each table is one statement."""
        for batch in batches(writes):
            self.execute("BEGIN IMMEDIATE")
            moment = now_text()
            ((sandbox_id, id_),) = self.execute(
                "SELECT (SELECT coalesce(max(id), 0) FROM sandbox), (SELECT coalesce(max(id), 0) FROM container)"
            ).fetchall()
            sandboxes: list[Row] = []
            containers: list[Row] = []
            mounts: list[Row] = []
            devices: list[Row] = []
            processes: list[Row] = []
            annotations: list[Row] = []
            lives: list[Row] = []
            events: list[Row] = []
            for write in batch:
                assert write.record is not None  # noqa: S101  a check for mypy
                sandbox_id += 1
                sandboxes.append((sandbox_id, *sandbox_row(write.record, len(write.containers), moment)))
                events.append(created_row(sandbox_id, None, write.record.state, moment))
                for cid, record in write.containers.items():
                    id_ += 1
                    origin = write.origins.get(cid)
                    containers.append((id_, *container_row(sandbox_id, cid, record, moment, origin)))
                    annotations += annotation_rows(id_, cid, origin)
                    lives.append((id_, sandbox_id, cid, moment))
                    events.append(created_row(sandbox_id, id_, record.state, moment))
                    mounts += mount_rows(id_, record)
                    devices += device_rows(id_, record)
                    processes += process_rows(id_, sandbox_id, record)
            self._insert(sandbox=sandboxes, container=containers, mount=mounts, device_map=devices, process=processes)
            of_sandboxes: list[Row] = [(id_, host, sid, moment) for id_, host, sid, *_ in sandboxes]
            self._insert(sandbox_lifetime=of_sandboxes, container_lifetime=lives, event=events)
            if annotations:
                self._insert(annotation=annotations)
            self.commit()

    def _insert(self, **rows: list[Row]) -> None:
        for table, values in rows.items():
            self.execute(_INSERTS[table], (_encode(values).decode(),))

    def documents(self) -> Iterable[str]:
        """The cursor fetches row by row."""
        return (document for (document,) in self.connection.execute(self.iterate_sql, (HOST,)))

    def sandboxes(self) -> Iterator[Sandbox]:
        """The cursor fetches row by row."""
        for (document,) in self.connection.execute(self.sandboxes_sql, (HOST,)):
            yield sandbox_of(self._decode_sandbox(document))
