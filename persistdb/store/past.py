"""Rows of what was, as statements take them: versions that end, events, lifetimes.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .encoding import Row, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ..records import ContainerState, Origin, SandboxState
    from .rows import ChildRows, DeviceMapRow, MountRow, ProcessRow
    from .stored import SpoiltContainer, StoredContainer, StoredSandbox


class OldSandbox(Row, frozen=True):
    """A version of a sandbox's row that ends: at the row's ``number``, and the sandbox's ``revision``."""

    id: int
    number: int
    revision: int
    whole: bool
    now: str


class OldContainer(Row, frozen=True):
    """A version of a container's row that ends, if it is at ``revision`` still."""

    id: int
    revision: int
    whole: bool
    now: str


class OldChild(Row, frozen=True):
    """A row of a container's child that is overwritten when the container goes from ``revision`` to the next."""

    container_id: int
    revision: int
    position: int
    now: str


class EventRow(Row, frozen=True):
    """An event to write."""

    sandbox_id: int
    container_id: int | None
    kind: str
    revision: int
    at: str
    old_state: str | None
    new_state: str | None


GAP = "gap"
"""The kind of an event in whose time states may be missing."""


class GapRow(Row, frozen=True):
    """An event of a host as a whole to write: from ``began_at`` until ``at`` states may be missing."""

    host: str
    kind: str
    revision: int
    at: str
    began_at: str


class SandboxLife(Row, frozen=True):
    """A sandbox's lifetime to write."""

    id: int
    host: str
    sid: str
    created_at: str
    removed_at: str | None


class ContainerLife(Row, frozen=True):
    """A container's lifetime to write."""

    id: int
    sandbox_id: int
    cid: str
    created_at: str
    removed_at: str | None


class OldChildren(NamedTuple):
    """The children that are overwritten, for each table."""

    mounts: Sequence[OldChild]
    device_maps: Sequence[OldChild]
    processes: Sequence[OldChild]

    @classmethod
    def joined(cls, parts: Iterable[OldChildren]) -> OldChildren:
        """Return those of several containers, table by table."""
        each: tuple[list[OldChild], list[OldChild], list[OldChild]] = ([], [], [])
        for part in parts:
            for rows, more in zip(each, part, strict=True):
                rows += more
        return cls(*map(tuple, each))


NO_OLD_CHILDREN = OldChildren((), (), ())


def old_children(new: ChildRows, old: ContainerState, revision: int, now: str) -> OldChildren:
    """Return what the rows to write of a container at a revision overwrite of the old record's."""

    def there(rows: Iterable[MountRow | DeviceMapRow | ProcessRow], length: int) -> tuple[OldChild, ...]:
        return tuple(OldChild(row.container_id, revision, row.position, now) for row in rows if row.position < length)

    return OldChildren(
        there(new.mounts, 1 + len(old.mounts)),
        there(new.device_maps, len(old.device_maps)),
        there(new.processes, len(old.processes)),
    )


def later(updated_at: datetime, now: str) -> str:
    """Return the time of a change: not before the last one, also where the clock was set back."""
    return max(utc_text(updated_at), now)


class Spoilt(NamedTuple):
    """A container that goes, and of which no more is known: it cannot be read."""

    id: int
    now: str


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a change makes the past, as the rows of the statements that record it."""

    sandboxes: tuple[OldSandbox, ...] = ()
    """The versions of sandboxes' own rows that end."""
    containers: tuple[OldContainer, ...] = ()
    """The same of containers."""
    wholes: tuple[OldContainer, ...] = ()
    """The containers of which all children end: those that are removed, or replaced under their IDs."""
    children: OldChildren = NO_OLD_CHILDREN
    """The children that are overwritten."""
    events: tuple[EventRow, ...] = ()
    """What happens to rows that are there; the new ones' follow when they have IDs."""
    ended: tuple[ContainerLife, ...] = ()
    """The lifetimes of the containers that are removed."""
    spoilt: tuple[Spoilt, ...] = ()
    """Those of the ones that cannot be read."""


NOTHING = Past()


class Keeping:
    """The past of a change in the making, which is made ``now``."""

    def __init__(self, now: str) -> None:
        self._now = now
        self._sandboxes: list[OldSandbox] = []
        self._containers: list[OldContainer] = []
        self._wholes: list[OldContainer] = []
        self._children: list[OldChildren] = []
        self._events: list[EventRow] = []
        self._ended: list[ContainerLife] = []
        self._spoilt: list[Spoilt] = []

    def past(self) -> Past:
        """Return it."""
        return Past(
            sandboxes=tuple(self._sandboxes),
            containers=tuple(self._containers),
            wholes=tuple(self._wholes),
            children=OldChildren.joined(self._children),
            events=tuple(self._events),
            ended=tuple(self._ended),
            spoilt=tuple(self._spoilt),
        )

    def sandbox(self, stored: StoredSandbox, record: SandboxState, revision: int) -> None:
        """Keep a sandbox's row that is changed, perhaps in its number only; the sandbox comes to a revision."""
        old = stored.record
        whole = msgspec.structs.replace(record, state=old.state) != old
        self._sandboxes.append(OldSandbox(stored.id, stored.own_revision, stored.revision, whole, self._now))
        if record != old:
            kind, at = "changed" if whole else "state", later(stored.updated_at, self._now)
            self._events.append(EventRow(stored.id, None, kind, revision, at, old.state, record.state))

    def changed(self, stored: StoredContainer, record: ContainerState, origin: Origin, children: ChildRows) -> None:
        """Keep what a change of a container's row overwrites: with its state alone, nothing but that."""
        old = stored.record
        whole = origin != stored.origin or msgspec.structs.replace(record, state=old.state) != old
        self._containers.append(OldContainer(stored.id, stored.revision, whole, self._now))
        self._children.append(old_children(children, old, stored.revision, self._now))
        self._tell(stored, "changed" if whole else "state", record.state)

    def replaced(self, stored: StoredContainer) -> None:
        """Keep a container's row with all that belongs to it: the event is told when the new row is there."""
        old = OldContainer(stored.id, stored.revision, whole=True, now=self._now)
        self._containers.append(old)
        self._wholes.append(old)

    def removed(self, stored: StoredContainer) -> None:
        """Keep the same of a container that goes, and end its lifetime."""
        self.replaced(stored)
        created_at, at = utc_text(stored.created_at), later(stored.updated_at, self._now)
        self._ended.append(ContainerLife(stored.id, stored.sandbox_id, stored.cid, created_at, at))
        self._tell(stored, "removed", None)

    def spoilt(self, sandbox_id: int, container: SpoiltContainer) -> None:
        """End the lifetime of a container that cannot be read: nothing of it is kept."""
        self._spoilt.append(Spoilt(container.id, self._now))
        revision = (container.revision or 0) + 1
        self._events.append(EventRow(sandbox_id, container.id, "removed", revision, self._now, None, None))

    def _tell(self, stored: StoredContainer, kind: str, state: str | None) -> None:
        at, old = later(stored.updated_at, self._now), stored.record.state
        self._events.append(EventRow(stored.sandbox_id, stored.id, kind, stored.revision + 1, at, old, state))
