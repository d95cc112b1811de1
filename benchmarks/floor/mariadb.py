"""MariaDB by hand, through PyMySQL."""
# ruff: noqa: S608  statements are put together from constants

from __future__ import annotations

from datetime import datetime  # noqa: TC003  msgspec reads it
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import pymysql  # type: ignore[import-untyped]
from pymysql.cursors import SSCursor  # type: ignore[import-untyped]
from sqlalchemy import make_url

from persistdb import Container, ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from persistdb.store.encoding import now_text

from ..contender import batches
from ..samples import HOST
from .base import (
    CONTAINER,
    DEVICE_MAP,
    EVENT,
    LIFETIME,
    MOUNT,
    PROCESS,
    REVISION,
    SANDBOX,
    SANDBOX_LIFETIME,
    Floor,
    StoredContainer,
    StoredSandbox,
    container_row,
    created_row,
    device_rows,
    mount_rows,
    process_rows,
    sandbox_of,
    sandbox_row,
    start_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from persistdb import Sandbox, SandboxWrite

    from .base import Row

_TEXT = "COLLATE utf8mb4_nopad_bin"
_MOUNT = (
    f"json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type,"
    f" 'Options', json_compact(m.options {_TEXT}), 'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id,"
    f" 'ReadOnly', m.read_only, 'Mounted', m.mounted)"
)
_DEVICE = (
    "json_object('ID', d.device_id, 'ContainerPath', d.container_path, 'FileMode', d.file_mode, 'UID', d.uid,"
    " 'GID', d.gid, 'Shared', d.shared)"
)
_PROCESS = (
    "json_object('Token', coalesce(p.token, ''), 'Pid', p.pid, 'StartTime',"
    " concat(p.start_time, 'Z ', p.start_time_ns, ' ', p.start_time_offset))"
)


def _by_position(item: str, table: str, alias: str) -> str:
    # json_arrayagg makes a temporary table, on disk for text: 0.1 ms for each of the three. json_objectagg makes none.
    return f"(SELECT json_objectagg({alias}.position, {item}) FROM {table} {alias} WHERE {alias}.container_id = c.id)"


_DOCUMENT = f"""json_object(
    'id', c.id, 'host', s.host, 'sid', s.sid, 'cid', c.cid,
    'State', c.state, 'CgroupPath', c.cgroup_path, 'BundlePath', c.bundle_path,
    'Mounts', {_by_position(_MOUNT, "mount", "m")},
    'DeviceMaps', {_by_position(_DEVICE, "device_map", "d")},
    'Process', {_by_position(_PROCESS, "process", "p")},
    'revision', c.revision, 'layout', c.layout, 'extra', c.extra {_TEXT}, 'document', c.document,
    'created_at', concat(c.created_at, 'Z'), 'updated_at', concat(c.updated_at, 'Z'))"""
_JOINED = f"SELECT {_DOCUMENT} FROM sandbox s JOIN container c ON c.sandbox_id = s.id"
_SANDBOX = f"""SELECT json_object(
    'id', s.id, 'host', s.host,
    'record', json_object('sid', s.sid, 'state', s.state, 'persist_version', s.persist_version,
        'cgroup_path', s.cgroup_path, 'document', s.document, 'layout', s.layout),
    'own_revision', s.revision, 'created_at', concat(s.created_at, 'Z'), 'updated_at', concat(s.updated_at, 'Z'),
    'containers', (SELECT json_objectagg(c.id, {_DOCUMENT}) FROM container c WHERE c.sandbox_id = s.id))
    FROM sandbox s WHERE s.host = %s"""


class _Flat(msgspec.Struct):
    """A container with its children by position."""

    id: int
    host: str
    sid: str
    cid: str
    state: str = msgspec.field(name="State")
    cgroup_path: str = msgspec.field(name="CgroupPath")
    bundle_path: str = msgspec.field(name="BundlePath")
    mounts: dict[int, Mount] = msgspec.field(name="Mounts")
    device_maps: dict[int, DeviceMap] | None = msgspec.field(name="DeviceMaps")
    processes: dict[int, Process] | None = msgspec.field(name="Process")
    revision: int
    layout: str
    extra: str | None
    document: str | None
    created_at: datetime
    updated_at: datetime

    def record(self) -> ContainerState:
        mounts = _sorted(self.mounts)
        return ContainerState(
            state=self.state,
            rootfs=mounts[0],
            cgroup_path=self.cgroup_path,
            bundle_path=self.bundle_path,
            mounts=mounts[1:],
            device_maps=_sorted(self.device_maps or {}),
            processes=_sorted(self.processes or {}),
        )

    def container(self) -> Container:
        return Container(
            host=self.host,
            sid=self.sid,
            cid=self.cid,
            record=self.record(),
            revision=self.revision,
            origin=Origin(layout=self.layout, extra=self.extra, document=self.document),
            created_at=self.created_at,
            updated_at=self.updated_at,
        )

    def stored(self) -> StoredContainer:
        whole = self.container()
        return StoredContainer(id=self.id, **{name: getattr(whole, name) for name in Container.__struct_fields__})


def _sorted(children: dict[int, Any]) -> list[Any]:
    return [children[position] for position in range(len(children))]


class _Sandbox(msgspec.Struct):
    id: int
    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: dict[int, _Flat] | None


_decode_flat = msgspec.json.Decoder(_Flat, strict=False, dec_hook=start_time).decode
_decode_sandbox = msgspec.json.Decoder(_Sandbox, strict=False, dec_hook=start_time).decode


class MariaDBFloor(Floor):
    """One connection to a server."""

    mark = "%s"
    get_sql = f"{_JOINED} WHERE s.host = %s AND s.sid = %s AND c.cid = %s"
    look_up_sql = f"{_JOINED} WHERE c.cid >= %s AND c.cid < %s AND coalesce(s.host, '') = %s LIMIT 2"
    load_sql = f"{_SANDBOX} AND s.sid = %s"
    sandboxes_sql = f"{_SANDBOX} ORDER BY s.sid"
    iterate_sql = f"{_JOINED} WHERE s.host = %s"

    def __init__(self, url: str) -> None:
        where = make_url(url)
        settings = "SET SESSION time_zone = '+00:00', tx_isolation = 'READ-COMMITTED'"
        super().__init__(
            pymysql.connect(
                host=where.host,
                port=where.port or 3306,
                user=where.username,
                password=where.password or "",
                database=where.database,
                charset="utf8mb4",
                autocommit=True,
                init_command=settings,
            )
        )
        self._cursor = self.connection.cursor()
        self._prepared: dict[str, str] = {}

    def execute(self, sql: str, values: Row = ()) -> Any:
        """Run a statement; one with values is prepared, for the server parses a long one as long as it runs it."""
        self._cursor.execute(self._ready(sql) if values else sql, values)
        return self._cursor

    def _ready(self, sql: str) -> str:
        if sql not in self._prepared:
            name = f"s{len(self._prepared)}"
            self._cursor.execute(f"PREPARE {name} FROM %s", (sql.replace("%s", "?"),))
            self._prepared[sql] = f"EXECUTE {name} USING {', '.join(['%s'] * sql.count('%s'))}"
        return self._prepared[sql]

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Do it with one compound statement, one round trip."""
        moment = now_text()
        keep, change, tell = map(self._ready, (self._keep, self._transition, self._tell))
        self._cursor.execute(
            "BEGIN NOT ATOMIC DECLARE n BIGINT; START TRANSACTION;"
            f" {keep}; {change}; SET n = ROW_COUNT(); {tell}; COMMIT; SELECT n; END",
            (
                *(moment, HOST, sid, cid, old),
                *(new, moment, HOST, sid, cid, old),
                *(old, "transition", HOST, sid, cid),
            ),
        )
        if self._cursor.fetchall() != ((1,),):
            raise LookupError(cid)

    def _decode(self, document: str) -> Container:  # type: ignore[override]  # by another document
        return _decode_flat(document).container()

    def _decode_sandbox(self, document: str) -> StoredSandbox:  # type: ignore[override]  # by another document
        own = _decode_sandbox(document)
        fields = {name: getattr(own, name) for name in _Sandbox.__struct_fields__}
        found = sorted((own.containers or {}).values(), key=lambda one: one.cid)
        return StoredSandbox(**fields | {"containers": [one.stored() for one in found]})

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """Do it with one compound statement, one round trip: the rows of its children are literals in it."""
        moment = now_text()
        state, cgroup_path, bundle_path = container_row(0, cid, record, moment)[2:5]
        children = [value for row in (*mount_rows(0, record), *device_rows(0, record)) for value in row[1:]]
        for _, position, _, *values in process_rows(0, 0, record):
            children += (position, *values)
        self._cursor.execute(
            _save(1 + len(record.mounts), len(record.device_maps), len(record.processes)),
            (
                *(HOST, sid, moment, moment, cid, state, cgroup_path, bundle_path, moment, moment),
                *children,
                *(cid, moment, moment, state),
            ),
        )
        if self._cursor.fetchall() != ((1,),):
            raise LookupError(sid)

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Insert many rows a statement, as PyMySQL's executemany does; an INSERT's ids follow one another."""
        for batch in batches(writes):
            self.execute("BEGIN")
            moment = now_text()
            containers: list[Row] = []
            rows = [sandbox_row(one.record, len(one.containers), moment) for one in batch if one.record is not None]
            id_ = self._many(f"INSERT INTO sandbox ({SANDBOX}) VALUES", rows)
            lives: list[Row] = [(sandbox_id, *row[:2], moment) for sandbox_id, row in enumerate(rows, id_)]
            events = [created_row(sandbox_id, None, str(row[2]), moment) for sandbox_id, row in enumerate(rows, id_)]
            self._many(f"INSERT INTO sandbox_lifetime ({SANDBOX_LIFETIME}) VALUES", lives)
            lives = []
            for sandbox_id, write in enumerate(batch, id_):
                containers += [
                    container_row(sandbox_id, cid, record, moment, write.origins.get(cid))
                    for cid, record in write.containers.items()
                ]
            id_ = self._many(f"INSERT INTO container ({CONTAINER}) VALUES", containers)
            mounts: list[Row] = []
            devices: list[Row] = []
            processes: list[Row] = []
            for row, record in zip(
                containers, (record for write in batch for record in write.containers.values()), strict=True
            ):
                mounts += mount_rows(id_, record)
                devices += device_rows(id_, record)
                processes += process_rows(id_, row[0], record)  # type: ignore[arg-type]  # an int
                lives.append((id_, row[0], row[1], moment))
                events.append(created_row(row[0], id_, record.state, moment))  # type: ignore[arg-type]  # the same
                id_ += 1
            self._insert(mounts, devices, processes)
            self._many(f"INSERT INTO container_lifetime ({LIFETIME}) VALUES", lives)
            self._many(f"INSERT INTO event ({EVENT}) VALUES", events)
            self.execute("COMMIT")

    def _insert(self, mounts: list[Row], devices: list[Row], processes: list[Row]) -> None:
        each = (("mount", MOUNT, mounts), ("device_map", DEVICE_MAP, devices), ("process", PROCESS, processes))
        for table, columns, rows in each:
            self._many(f"INSERT INTO {table} ({columns}) VALUES", rows)

    def _many(self, sql: str, rows: list[Row]) -> int:
        # within one statement: executemany cuts at 1 MB, where the ids might not go on
        self._cursor.max_stmt_length = 15_000_000
        self._cursor.executemany(f"{sql} ({', '.join(['%s'] * len(rows[0]))})", rows)
        return int(self._cursor.lastrowid or 0)

    def documents(self) -> Iterator[str]:
        """A cursor that doesn't buffer."""
        return self._stream(self.iterate_sql)

    def sandboxes(self) -> Iterator[Sandbox]:
        """A cursor that doesn't buffer."""
        return (sandbox_of(self._decode_sandbox(document)) for document in self._stream(self.sandboxes_sql))

    def _stream(self, sql: str) -> Iterator[str]:
        with self.connection.cursor(SSCursor) as cursor:
            cursor.execute(sql, (HOST,))
            for (document,) in cursor:
                yield document


@lru_cache
def _save(mounts: int, devices: int, processes: int) -> str:
    """Return the statement that creates a container with so many rows of each kind."""
    each = (
        (f"mount ({MOUNT})", f"(v_id{', %s' * MOUNT.count(',')})", mounts),
        (f"device_map ({DEVICE_MAP})", f"(v_id{', %s' * DEVICE_MAP.count(',')})", devices),
        (f"process ({PROCESS})", f"(v_id, %s, v_sandbox{', %s' * (PROCESS.count(',') - 2)})", processes),
    )
    children = "".join(f" INSERT INTO {table} VALUES {', '.join([row] * n)};" for table, row, n in each if n)
    return (
        # a name of a column would stand for the variable
        "BEGIN NOT ATOMIC DECLARE v_sandbox, v_revision, v_id BIGINT; START TRANSACTION;"
        " SELECT id INTO v_sandbox FROM sandbox WHERE host = %s AND sid = %s FOR UPDATE;"
        f" SELECT {REVISION} INTO v_revision FROM sandbox s WHERE s.id = v_sandbox;"
        " INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, valid_from)"
        " SELECT id, %s, v_revision - 1, revision, FALSE, state, updated_at FROM sandbox WHERE id = v_sandbox;"
        " UPDATE sandbox SET revision = revision + 1 - v_revision, updated_at = %s WHERE id = v_sandbox;"
        f" INSERT INTO container ({CONTAINER})"
        " VALUES (v_sandbox, %s, %s, %s, %s, '', NULL, NULL, v_revision, %s, %s, '');"
        f" SET v_id = LAST_INSERT_ID();{children}"
        f" INSERT INTO container_lifetime ({LIFETIME}) VALUES (v_id, v_sandbox, %s, %s);"
        f" INSERT INTO event ({EVENT}) VALUES (v_sandbox, v_id, 'created', v_revision, %s, %s, 'api');"
        " COMMIT; SELECT v_sandbox IS NOT NULL; END"
    )
