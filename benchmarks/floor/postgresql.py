"""PostgreSQL by hand, through psycopg: row_to_json for reads, one statement for a save, COPY for many."""
# ruff: noqa: S608  statements are put together from constants

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg

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
    TELL,
    Floor,
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

    from persistdb import ContainerState, Sandbox, SandboxWrite

    from .base import Row

_MOUNTS = (
    'SELECT source "Source", destination "Destination", type "Type", options "Options", host_path "HostPath",'
    ' block_device_id "BlockDeviceID", read_only "ReadOnly", mounted "Mounted"'
    " FROM mount m WHERE m.container_id = c.id AND m.position"
)
_DEVICES = (
    'SELECT device_id "ID", container_path "ContainerPath", file_mode "FileMode", uid "UID", gid "GID",'
    ' shared "Shared" FROM device_map d WHERE d.container_id = c.id ORDER BY position'
)
_PROCESSES = (
    'SELECT coalesce(token, \'\') "Token", pid "Pid",'
    """ to_char(start_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || ' ' || start_time_ns || ' ' || start_time_offset"""
    ' "StartTime" FROM process p WHERE p.container_id = c.id ORDER BY position'
)


def _array(rows: str) -> str:
    return f"(SELECT coalesce(json_agg(x), '[]') FROM ({rows}) x)"


# row_to_json beats json_build_object by a tenth
_COLUMNS = f"""c.id, s.host, s.sid, c.cid, c.revision, c.created_at, c.updated_at,
    (SELECT row_to_json(o) FROM (SELECT c.layout, c.extra::text, c.document) o) origin,
    (SELECT row_to_json(r) FROM (SELECT
        c.state "State", c.cgroup_path "CgroupPath", c.bundle_path "BundlePath",
        (SELECT row_to_json(x) FROM ({_MOUNTS} = 0) x) "Rootfs",
        {_array(_MOUNTS + " > 0 ORDER BY position")} "Mounts",
        {_array(_DEVICES)} "DeviceMaps", {_array(_PROCESSES)} "Process") r) record"""


def _documents(where: str, joined: str = "sandbox s JOIN container c ON c.sandbox_id = s.id") -> str:
    return f"SELECT row_to_json(d)::text FROM (SELECT {_COLUMNS} FROM {joined} WHERE {where}) d"


_SANDBOX = f"""SELECT row_to_json(d)::text FROM (SELECT
    s.id, s.host, s.revision own_revision, s.created_at, s.updated_at,
    (SELECT row_to_json(o) FROM (SELECT
        s.sid, s.state, s.persist_version, s.cgroup_path, s.document, s.layout) o) record,
    {_array(f"SELECT {_COLUMNS} FROM container c WHERE c.sandbox_id = s.id ORDER BY c.cid")} containers
    FROM sandbox s WHERE s.host = %s"""


class PostgreSQLFloor(Floor):
    """One connection to a server."""

    mark = "%s"
    get_sql = _documents("s.host = %s AND s.sid = %s AND c.cid = %s")
    look_up_sql = _documents("c.cid >= %s AND c.cid < %s AND s.host = %s LIMIT 2")
    load_sql = f"{_SANDBOX} AND s.sid = %s) d"
    sandboxes_sql = f"{_SANDBOX} ORDER BY s.sid) d"
    iterate_sql = _documents("s.host = %s")

    def __init__(self, url: str) -> None:
        super().__init__(psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC"))
        self._cursor = self.connection.cursor()

    def execute(self, sql: str, values: Row = ()) -> Any:
        """Run a statement."""
        return self._cursor.execute(sql, values)

    tell = TELL.replace("cause)", "cause, transaction_id)").replace(
        " FROM", ", pg_current_xact_id()::text::bigint FROM"
    )

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """One statement, which is its own transaction."""
        if self.execute(_TRANSITION, (HOST, sid, cid, old, new)).rowcount != 1:
            raise LookupError(cid)

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """One statement, which is its own transaction, and takes the children as JSON."""
        own = (HOST, sid, cid, record.state, record.cgroup_path, record.bundle_path)
        mounts, devices = (mount_rows(0, record), device_rows(0, record))
        children = [_json(rows) for rows in (mounts, devices, process_rows(0, 0, record))]
        if self.execute(_SAVE, (*own, *children)).rowcount != len(record.processes):
            raise LookupError(sid)

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """COPY, with ids taken from the sequences beforehand."""
        for batch in batches(writes):
            with self.connection.transaction():
                moment = now_text()
                of_sandboxes = self._ids("sandbox", len(batch))
                of_containers = self._ids("container", sum(len(write.containers) for write in batch))
                containers: list[Row] = []
                children: dict[str, list[Row]] = {"mount": [], "device_map": [], "process": []}
                lives: list[Row] = []
                events: list[Row] = []
                ((transaction,),) = self.execute(f"SELECT {_TRANSACTION}").fetchall()
                sandboxes: list[Row] = []
                for write in batch:
                    assert write.record is not None  # noqa: S101  a check for mypy
                    sandbox_id = next(of_sandboxes)
                    sandboxes.append((sandbox_id, *sandbox_row(write.record, len(write.containers), moment)))
                    events.append((*created_row(sandbox_id, None, write.record.state, moment), transaction))
                    for cid, record in write.containers.items():
                        id_ = next(of_containers)
                        containers.append(
                            (id_, *container_row(sandbox_id, cid, record, moment, write.origins.get(cid)))
                        )
                        lives.append((id_, sandbox_id, cid, moment))
                        events.append((*created_row(sandbox_id, id_, record.state, moment), transaction))
                        children["mount"] += mount_rows(id_, record)
                        children["device_map"] += device_rows(id_, record)
                        children["process"] += process_rows(id_, sandbox_id, record)
                self._copy(f"sandbox (id, {SANDBOX})", sandboxes)
                self._copy(f"container (id, {CONTAINER})", containers)
                for table, rows in children.items():
                    self._copy(f"{table} ({_CHILDREN[table]})", rows)
                of_sandbox: list[Row] = [(id_, host, sid, moment) for id_, host, sid, *_ in sandboxes]
                self._copy(f"sandbox_lifetime ({SANDBOX_LIFETIME})", of_sandbox)
                self._copy(f"container_lifetime ({LIFETIME})", lives)
                self._copy(f"event ({EVENT}, transaction_id)", events)

    def _ids(self, table: str, count: int) -> Iterator[int]:
        found = self.execute(f"SELECT nextval('{table}_id_seq') FROM generate_series(1, %s)", (count,)).fetchall()
        return (id_ for (id_,) in found)

    def _copy(self, table: str, rows: list[Row]) -> None:
        with self._cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def documents(self) -> Iterator[str]:
        """A cursor on the server."""
        return self._stream(self.iterate_sql, 1000)

    def sandboxes(self) -> Iterator[Sandbox]:
        """A cursor on the server."""
        return (sandbox_of(self._decode_sandbox(document)) for document in self._stream(self.sandboxes_sql, 100))

    def _stream(self, sql: str, at_once: int) -> Iterator[str]:
        with ExitStack() as stack:
            stack.enter_context(self.connection.transaction())
            cursor = stack.enter_context(self.connection.cursor("all_of_them"))
            cursor.itersize = at_once
            cursor.execute(sql, (HOST,))
            for (document,) in cursor:
                yield document


_CHILDREN = {"mount": MOUNT, "device_map": DEVICE_MAP, "process": PROCESS}
_TRANSACTION = "pg_current_xact_id()::text::bigint"


def _json(rows: list[Row]) -> str:
    return msgspec.json.encode(rows).decode()


def _values(columns: str) -> str:
    return ", ".join(
        f"(e ->> {i + 1})::{kind}" if kind != "text" else f"e ->> {i + 1}" for i, kind in enumerate(columns.split())
    )


_TRANSITION = f"""WITH old AS (
    SELECT id, sandbox_id, revision, state, updated_at FROM container
    WHERE sandbox_id = (SELECT id FROM sandbox WHERE host = %s AND sid = %s) AND cid = %s AND state = %s FOR UPDATE
), k AS (
    INSERT INTO container_history (container_id, valid_to, revision, whole, state, valid_from)
    SELECT id, now(), revision, FALSE, state, updated_at FROM old
), n AS (
    UPDATE container c SET state = %s, revision = c.revision + 1, updated_at = now() FROM old WHERE c.id = old.id
    RETURNING c.sandbox_id, c.id, c.revision, c.updated_at, old.state AS before, c.state
)
INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause, transaction_id)
SELECT sandbox_id, id, 'state', revision, updated_at, before, state, 'transition', {_TRANSACTION} FROM n"""

# rows come with zeros in place of the ids that are not known yet
_SAVE = f"""WITH s AS (
    SELECT id, revision, state, updated_at, {REVISION} AS next FROM sandbox s WHERE host = %s AND sid = %s
), u AS (
    UPDATE sandbox SET revision = sandbox.revision + 1 - s.next, updated_at = now()
    FROM s WHERE sandbox.id = s.id AND sandbox.revision = s.revision RETURNING sandbox.id
), k AS (
    INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, valid_from)
    SELECT id, now(), next - 1, revision, FALSE, state, updated_at FROM s
), c AS (
    INSERT INTO container ({CONTAINER})
    SELECT s.id, %s, %s, %s, %s, '', NULL, NULL, next, now(), now(), '' FROM s JOIN u ON u.id = s.id
    RETURNING id, sandbox_id, cid, state, revision, created_at
), l AS (
    INSERT INTO container_lifetime ({LIFETIME}) SELECT {LIFETIME} FROM c
), e AS (
    INSERT INTO event ({EVENT}, transaction_id)
    SELECT sandbox_id, id, 'created', revision, created_at, state, 'api', {_TRANSACTION} FROM c
), m AS (
    INSERT INTO mount ({MOUNT}) SELECT c.id, {_values("int boolean text text text json text text boolean boolean")}
    FROM c, jsonb_array_elements(%s::jsonb) e
), d AS (
    INSERT INTO device_map ({DEVICE_MAP}) SELECT c.id, {_values("int text text bigint bigint bigint boolean")}
    FROM c, jsonb_array_elements(%s::jsonb) e
)
INSERT INTO process ({PROCESS})
SELECT c.id, (e ->> 1)::int, c.sandbox_id, e ->> 3, (e ->> 4)::bigint, (e ->> 5)::timestamptz, (e ->> 6)::smallint,
    (e ->> 7)::smallint
FROM c, jsonb_array_elements(%s::jsonb) e"""
