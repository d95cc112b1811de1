"""What a save has to write: the difference between what is stored and what is wanted, as rows for the statements.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from ..errors import AlreadyExists, Conflict
from ..records import Container, ContainerState, Origin, SandboxState
from ..validation import check_id
from .rows import container_values, device_map_values, mount_values, process_values, sandbox_values, utc_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from .rows import Row

T = TypeVar("T")


class StoredContainer(Container, frozen=True, kw_only=True):
    """A container with the ids of its row and its sandbox's."""

    id: int
    sandbox_id: int


class StoredSandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox with the id of its row.

    Its revision is the sum of its row's and of all its containers': so a change of one container writes one row. A new
    container starts above the sandbox's revision, which is above all that were ever given to a container in it, so that
    none is given twice under one cid; what it adds to the sum too much is taken from the row's, which may be negative.
    """

    id: int
    record: SandboxState
    own_revision: int
    updated_at: datetime
    containers: list[StoredContainer]

    @property
    def revision(self) -> int:
        """Grows with each change of the sandbox or of one of its containers."""
        return self.own_revision + sum(container.revision for container in self.containers)


class Created(NamedTuple):
    """A container to be inserted; its children's rows are made when its id is known."""

    sid: str
    sandbox_id: int | None
    cid: str
    id: int | None
    record: ContainerState
    row: Row

    def parent(self, ids: Mapping[str, int]) -> int:
        """The id of its sandbox, which may be a new one: those have ``ids``, by their sid."""
        return ids[self.sid] if self.sandbox_id is None else self.sandbox_id


@dataclass
class Changes:
    """The rows to write, a list for each statement, in the order in which they run."""

    now: str = field(default_factory=lambda: utc_text(datetime.now(UTC)))
    new_sandboxes: list[Row] = field(default_factory=list)
    changed_sandboxes: list[Row] = field(default_factory=list)
    renumbered: dict[str, object] | None = None
    """A sandbox that gets another revision, and nothing else."""
    removed: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    created: list[Created] = field(default_factory=list)
    mounts: list[Row] = field(default_factory=list)
    device_maps: list[Row] = field(default_factory=list)
    processes: list[Row] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)
    """What each sandbox or container is at when all is written."""
    witness: tuple[str, str | None, int] | None = None
    """The sid, cid and last revision (0: none) of one row that is written, to find out later whether it was."""

    def __bool__(self) -> bool:
        return bool(self.new_sandboxes or self.changed_sandboxes or self.removed or self.changed or self.created)

    def put_sandbox(
        self,
        host: str,
        sid: str,
        wanted: SandboxState | None,
        containers: Mapping[str, ContainerState],
        stored: StoredSandbox | None,
        *,
        origins: Mapping[str, Origin],
        keep: Collection[str] = (),
        revision: int | None = None,
    ) -> None:
        """Make a sandbox what is wanted: containers that are neither given nor kept go away.

        Without ``wanted`` the sandbox's own values stay as they are.

        Raises :class:`Conflict` if the sandbox is not at ``revision``, :class:`AlreadyExists` for a token used twice.
        """
        actual = stored.revision if stored else None
        if revision is not None and revision != (actual or 0):
            raise Conflict(sid, revision, actual)
        known = {container.cid: container for container in stored.containers} if stored else {}
        kept = {cid: known[cid] for cid in keep if cid in known and cid not in containers}
        _check_tokens(containers, {cid: container.record for cid, container in kept.items()})
        gone = [known[cid] for cid in known.keys() - containers.keys() - kept.keys()]
        self.removed += [[container.id, container.revision] for container in gone]
        total = actual or 0
        now = {cid: container.revision for cid, container in kept.items()}
        for cid, record in containers.items():
            now[cid] = self.put_container(
                sid,
                cid,
                record,
                known.get(cid),
                stored.id if stored else None,
                origins.get(cid),
                first_revision=total + 1,
            )
        total += sum(revision != known[cid].revision for cid, revision in now.items() if cid in known)
        own = _own_values(sid, wanted, stored)
        if stored is None or gone or now.keys() - known.keys() or own != stored.record:
            total += 1
            self._put_own(host, own, stored, total - sum(now.values()))
        self.revisions[sid] = total

    def _put_own(self, host: str, record: SandboxState, stored: StoredSandbox | None, own_revision: int) -> None:
        """Write the sandbox's own row."""
        self.witness = (record.sid, None, stored.own_revision if stored else 0)
        values = sandbox_values(record)
        if stored is None:
            self.new_sandboxes.append([host, *values, own_revision, self.now, self.now])
        else:
            self.changed_sandboxes.append([stored.id, stored.own_revision, *values, self.now, own_revision])

    def renumber(self, sandbox_id: int, own_revision: int, total: int) -> int:
        """Make place for a container that comes into a sandbox of this revision, and give the one that it will have."""
        self.renumbered = {
            "id": sandbox_id,
            "revision": own_revision,
            "new_revision": own_revision - total,
            "now": self.now,
        }
        return total + 1

    def put_container(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        stored: StoredContainer | None,
        sandbox_id: int | None,
        origin: Origin | None,
        *,
        first_revision: int,
        new_id: int | None = None,
    ) -> int:
        """Make a container what is wanted, and give the revision that it will have.

        A new one has ``new_id``, or the one that its insert tells.
        """
        if stored is None:
            check_id("cid", cid)
            values = container_values(record, origin or Origin())
            row = [new_id, sandbox_id, cid, *values, first_revision, self.now, self.now]
            self.created.append(Created(sid, sandbox_id, cid, new_id, record, row))
            self.witness = (sid, cid, 0)
            return first_revision
        origin = origin or stored.origin
        old = stored.record
        if record == old and origin == stored.origin:
            return stored.revision
        values = container_values(record, origin)
        self.witness = (sid, cid, stored.revision)
        if _must_replace(old, record):
            # The row goes, and its children with it; it comes back under its id. So no list has a tail to cut off,
            # and a token may pass from one process to another whatever the order of the rows.
            self.removed.append([stored.id, stored.revision])
            created_at = utc_text(stored.created_at)
            row = [stored.id, stored.sandbox_id, cid, *values, stored.revision + 1, created_at, self.now]
            self.created.append(Created(sid, stored.sandbox_id, cid, stored.id, record, row))
        else:
            self.changed.append([stored.id, stored.revision, *values, self.now])
            self.put_children(stored.id, stored.sandbox_id, record, old)
        return stored.revision + 1

    def put_children(
        self, container_id: int, sandbox_id: int, record: ContainerState, old: ContainerState | None = None
    ) -> None:
        """Add the rows of those children that differ from the old ones at the same place."""
        mounts = [record.rootfs, *record.mounts]
        old_mounts = [old.rootfs, *old.mounts] if old else []
        self.mounts += [
            [container_id, position, position == 0, *mount_values(mount)]
            for position, mount in _differing(mounts, old_mounts)
        ]
        self.device_maps += [
            [container_id, position, *device_map_values(device_map)]
            for position, device_map in _differing(record.device_maps, old.device_maps if old else [])
        ]
        self.processes += [
            [container_id, position, sandbox_id, *process_values(process)]
            for position, process in _differing(record.processes, old.processes if old else [])
        ]


def _differing(new: Sequence[T], old: Sequence[T]) -> Iterable[tuple[int, T]]:
    if not old:
        return enumerate(new)
    known = len(old)
    return ((position, value) for position, value in enumerate(new) if position >= known or value != old[position])


def _must_replace(old: ContainerState, new: ContainerState) -> bool:
    """Whether a list gets shorter, or a process gives up or changes its token."""
    return (
        len(new.mounts) < len(old.mounts)
        or len(new.device_maps) < len(old.device_maps)
        or len(new.processes) < len(old.processes)
        or any(
            before.token and before.token != after.token
            for before, after in zip(old.processes, new.processes, strict=False)
        )
    )


def _own_values(sid: str, wanted: SandboxState | None, stored: StoredSandbox | None) -> SandboxState:
    """What a sandbox's own values shall be: a document or layout that is not given stays as it is stored."""
    if stored is None:
        return wanted or SandboxState(sid=sid)
    record = wanted or stored.record
    if record.document is None or not record.layout:
        record = msgspec.structs.replace(
            record, document=record.document or stored.record.document, layout=record.layout or stored.record.layout
        )
    return record


def _check_tokens(containers: Mapping[str, ContainerState], kept: Mapping[str, ContainerState]) -> None:
    """Refuse a token that stands for two processes of a sandbox."""
    holders: dict[str, str] = {}
    for cid, record in (*kept.items(), *containers.items()):
        for process in record.processes:
            if process.token:
                other = holders.setdefault(process.token, cid)
                if other != cid or sum(p.token == process.token for p in record.processes) > 1:
                    raise AlreadyExists("process token", process.token, (other, cid))
