"""What the drivers by hand have in common: the rows of a record, and saving a sandbox of which little changed."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime  # noqa: TC003  msgspec reads annotations
from typing import TYPE_CHECKING, Any

import msgspec
from whenever import Instant, OffsetDateTime, TimeDelta

from persistdb import Container, ContainerState, Origin, Sandbox, SandboxState
from persistdb.store.annotated import NO_DOCUMENT
from persistdb.store.encoding import now_text

from ..contender import Contender
from ..samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Row = tuple[object, ...]

CONTAINER = (
    "sandbox_id, cid, state, cgroup_path, bundle_path, layout, extra, document, revision, created_at, updated_at,"
    " namespace"
)
SANDBOX = "host, sid, state, persist_version, cgroup_path, layout, document, revision, created_at, updated_at"
MOUNT = (
    "container_id, position, is_rootfs, source, destination, type, options, host_path, block_device_id, read_only,"
    " mounted"
)
DEVICE_MAP = "container_id, position, device_id, container_path, file_mode, uid, gid, shared"
PROCESS = "container_id, position, sandbox_id, token, pid, start_time, start_time_ns, start_time_offset"
TRANSITION = (
    "UPDATE container SET state = ?, revision = revision + 1, updated_at = ?"
    " WHERE sandbox_id = (SELECT id FROM sandbox WHERE host = ? AND sid = ?) AND cid = ? AND state = ?"
)
UPDATE = (
    "UPDATE container SET state = ?, cgroup_path = ?, bundle_path = ?, revision = revision + 1, updated_at = ?"
    " WHERE id = ? AND revision = ?"
)

ANNOTATION = "container_id, position, name, value"
EVENT = "sandbox_id, container_id, kind, revision, at, new_state, cause"
LIFETIME = "id, sandbox_id, cid, created_at"
SANDBOX_LIFETIME = "id, host, sid, created_at"
KEEP = (
    "INSERT INTO container_history (container_id, valid_to, revision, whole, state, valid_from)"
    " SELECT id, ?, revision, FALSE, state, updated_at FROM container"
)
TELL = (
    "INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause)"
    " SELECT sandbox_id, id, 'state', revision, updated_at, ?, state, ? FROM container"
)
# A container begins above the revision of its sandbox, which is its own number plus its containers' revisions; the
# number makes up for what the sum gains
REVISION = "s.revision + (SELECT coalesce(sum(c.revision), 0) FROM container c WHERE c.sandbox_id = s.id) + 1"
KEEP_NUMBER = (
    "INSERT INTO sandbox_history (sandbox_id, valid_to, revision, number, whole, state, valid_from)"
    " SELECT id, ?, ?, revision, FALSE, state, updated_at FROM sandbox WHERE id = ?"
)
RENUMBER = "UPDATE sandbox SET revision = revision - ?, updated_at = ? WHERE id = ?"
_ONE = " WHERE sandbox_id = (SELECT id FROM sandbox WHERE host = ? AND sid = ?) AND cid = ?"

_UTC = TimeDelta()
_json = msgspec.json.Encoder().encode


class StoredContainer(Container, frozen=True, kw_only=True):
    """A container with its row's id."""

    id: int


class StoredSandbox(msgspec.Struct):
    """A sandbox as one JSON document."""

    id: int
    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: list[StoredContainer]


def start_time(_kind: type, text: str) -> OffsetDateTime:
    """Read ``2019-04-20T07:42:25.123456Z 789 -420``."""
    moment, nanoseconds, offset = text[:10] + "T" + text[11:26], text[28:].split(" ", 1)[0], text.rsplit(" ", 1)[1]
    instant = Instant.parse_iso(f"{moment}{nanoseconds:0>3}Z")
    return instant.to_fixed_offset(TimeDelta(minutes=int(offset)))


class Floor(Contender):
    """One connection of a driver."""

    name = "driver by hand"
    #: How the driver marks a parameter.
    mark = "?"
    begin = "BEGIN"
    #: What writes the event of a change of state.
    tell = TELL
    #: What a read runs: a JSON document a row.
    get_sql: str
    look_up_sql: str
    load_sql: str
    iterate_sql: str

    _decode = staticmethod(msgspec.json.Decoder(Container, strict=False, dec_hook=start_time).decode)
    _decode_sandbox = staticmethod(msgspec.json.Decoder(StoredSandbox, strict=False, dec_hook=start_time).decode)

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._transition = TRANSITION.replace("?", self.mark)
        self._update = UPDATE.replace("?", self.mark)
        self._keep, self._keep_row = (
            f"{KEEP}{which}".replace("?", self.mark) for which in (f"{_ONE} AND state = ?", " WHERE id = ?")
        )
        self._tell, self._tell_row = (
            f"{self.tell}{which}".replace("?", self.mark) for which in (_ONE, " WHERE id = ?")
        )

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    @abstractmethod
    def execute(self, sql: str, values: Row = ()) -> Any:
        """Run a statement and give its cursor."""

    def commit(self) -> None:
        """Commit."""
        self.execute("COMMIT")

    # --- writes

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Keep the version, change it, and write the event."""
        moment = now_text()
        self.execute(self.begin)
        self.execute(self._keep, (moment, HOST, sid, cid, old))
        if self.execute(self._transition, (new, moment, HOST, sid, cid, old)).rowcount != 1:
            raise LookupError(cid)
        self.execute(self._tell, (old, "transition", HOST, sid, cid))
        self.commit()

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Read what is stored, compare, and write what differs."""
        self.execute(self.begin)
        stored = self._decode_sandbox(self.execute(self.load_sql, (HOST, record.sid)).fetchall()[0][0])
        known = {one.cid: one for one in stored.containers}
        if stored.record != record or known.keys() != containers.keys():
            raise NotImplementedError("no benchmark changes these")
        moment = now_text()
        for cid, wanted in containers.items():
            old = known[cid]
            if old.record != wanted:
                if (old.record.cgroup_path, old.record.bundle_path) != (wanted.cgroup_path, wanted.bundle_path):
                    raise NotImplementedError("no benchmark changes these")
                own = (wanted.state, wanted.cgroup_path, wanted.bundle_path, moment, old.id, old.revision)
                self.execute(self._keep_row, (moment, old.id))
                if self.execute(self._update, own).rowcount != 1:
                    raise LookupError(cid)
                self.execute(self._tell_row, (old.record.state, "api", old.id))
                if old.record.mounts != wanted.mounts or old.record.rootfs != wanted.rootfs:
                    raise NotImplementedError("no benchmark changes these")
                if old.record.device_maps != wanted.device_maps or old.record.processes != wanted.processes:
                    raise NotImplementedError("no benchmark changes these")
        self.commit()

    # --- reads

    def get(self, sid: str, cid: str) -> Container:
        """One select."""
        return self._decode(self.execute(self.get_sql, (HOST, sid, cid)).fetchall()[0][0])

    def look_up(self, prefix: str) -> Container:
        """One select; two rows would be two that begin with the prefix."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        ((document,),) = self.execute(self.look_up_sql, (prefix, end, HOST)).fetchall()
        return self._decode(document)

    def load_sandbox(self, sid: str) -> Sandbox:
        """One select."""
        return sandbox_of(self._decode_sandbox(self.execute(self.load_sql, (HOST, sid)).fetchall()[0][0]))

    @abstractmethod
    def sandboxes(self) -> Iterator[Sandbox]:
        """All sandboxes of the host, a part of them in memory at a time."""

    @abstractmethod
    def documents(self) -> Iterable[str]:
        """All containers of the host, as JSON documents."""

    def iterate(self) -> Iterator[Container]:
        """One select, whose rows come as they are asked for."""
        return map(self._decode, self.documents())

    # --- for the checks

    def ask(self, sql: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Run a query, and return the names of its columns and its rows."""
        cursor = self.execute(sql)
        return [name for name, *_ in cursor.description], cursor.fetchall()

    def container(self, found: object) -> Container:
        """It is one."""
        assert isinstance(found, Container)  # noqa: S101  a check for mypy
        return found

    def sandbox(self, found: object) -> Sandbox:
        """It is one, but for the ids that its containers bring along."""
        assert isinstance(found, Sandbox)  # noqa: S101  a check for mypy
        fields = Container.__struct_fields__
        plain = {
            cid: Container(**{name: getattr(one, name) for name in fields}) for cid, one in found.containers.items()
        }
        return msgspec.structs.replace(found, containers=plain)


def sandbox_of(found: StoredSandbox) -> Sandbox:
    """The record that users hold."""
    return Sandbox(
        host=found.host,
        record=found.record,
        containers={one.cid: one for one in found.containers},
        revision=found.own_revision + sum(one.revision for one in found.containers),
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


# --- the rows of a record


def sandbox_row(record: SandboxState, containers: int, moment: str) -> Row:
    """A sandbox's values in the order of ``SANDBOX``, of one that has so many new containers."""
    own = (record.sid, record.state, record.persist_version, record.cgroup_path, record.layout, record.document)
    return (HOST, *own, 1 - containers, moment, moment)


def container_row(sandbox_id: int, cid: str, record: ContainerState, moment: str, origin: Origin | None = None) -> Row:
    """A container's values in the order of ``CONTAINER``."""
    own = (record.state, record.cgroup_path, record.bundle_path)
    came = (origin.layout, origin.extra, origin.document) if origin else ("", None, None)
    return (sandbox_id, cid, *own, *came, 1, moment, moment, origin.namespace if origin else "")


def created_row(sandbox_id: int, container_id: int | None, state: str, moment: str, revision: int = 1) -> Row:
    """An event's values in the order of ``EVENT``."""
    return (sandbox_id, container_id, "created", revision, moment, state, "api")


def annotation_rows(id_: int, cid: str, origin: Origin | None) -> list[Row]:
    """The rows of ``annotation`` in the order of its columns, by name."""
    if origin is None or origin.document is None:
        return []
    found = NO_DOCUMENT.of_container(cid, origin)
    return [(id_, position, name, value) for position, (name, value) in enumerate(sorted(found.items()))]


def mount_rows(id_: int, record: ContainerState) -> list[Row]:
    """The rows of ``mount`` in the order of its columns."""
    return [
        (
            *(id_, position, not position, mount.source, mount.destination, mount.type),
            None if mount.options is None else _json(mount.options).decode(),
            *(mount.host_path, mount.block_device_id, mount.read_only, mount.mounted),
        )
        for position, mount in enumerate((record.rootfs, *record.mounts))
    ]


def device_rows(id_: int, record: ContainerState) -> list[Row]:
    """The rows of ``device_map`` in the order of its columns."""
    return [
        (id_, position, one.id, one.container_path, one.file_mode, one.uid, one.gid, one.shared)
        for position, one in enumerate(record.device_maps)
    ]


def process_rows(id_: int, sandbox_id: int, record: ContainerState) -> list[Row]:
    """The rows of ``process`` in the order of its columns."""
    return [
        (id_, position, sandbox_id, one.token or None, one.pid, *_started(one.start_time))
        for position, one in enumerate(record.processes)
    ]


def _started(moment: OffsetDateTime | None) -> Row:
    if moment is None:
        return (None, None, None)
    utc = moment.to_fixed_offset(_UTC)
    text = f"{utc.date()} {utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.nanosecond // 1000:06}"
    return (text, utc.nanosecond % 1000, int(moment.offset.total("minutes")))
