"""The tables of what was: lifetimes, events and past versions. They refer to no live row, so that they outlive it.

A version held in the period from ``valid_from`` on, and before ``valid_to``. Within a lifetime no time runs back,
whatever the clock does: periods have neither gaps nor overlaps, and those of a clock that was set back are empty.

A row that is not ``whole`` was superseded by a change of state: it has the state, and its other columns are those of
the next whole row of its lifetime, or else of the live row.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from . import core_history as core
from .tables import Base


class SandboxLifetime(Base):
    """A sandbox from its creation to its removal, by the ID of its row, which no later one gets."""

    __table__ = core.sandbox_lifetime

    id: Mapped[int]
    host: Mapped[str]
    sid: Mapped[str]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class ContainerLifetime(Base):
    """A container from its creation to its removal, by the ID of its row, which no later one gets."""

    __table__ = core.container_lifetime

    id: Mapped[int]
    sandbox_id: Mapped[int]
    cid: Mapped[str]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Event(Base):
    """A change of a sandbox, or of one of its containers: it is written in the transaction of the change.

    ``kind`` is created, changed, state (nothing else was changed) or removed. ``revision`` is the one after the change;
    after a removal the next one that there was not. ``transaction_id`` is PostgreSQL's, and NULL elsewhere.

    An event of a host as a whole has its name, and no sandbox; its ``revision`` is 0. The one kind is gap: changes from
    ``began_at`` until ``at`` may be missing.
    """

    __table__ = core.event

    id: Mapped[int]
    sandbox_id: Mapped[int | None]
    container_id: Mapped[int | None]
    kind: Mapped[str]
    revision: Mapped[int]
    at: Mapped[datetime]
    old_state: Mapped[str | None]
    new_state: Mapped[str | None]
    cause: Mapped[str]
    actor: Mapped[str | None]
    reason: Mapped[str | None]
    transaction_id: Mapped[int | None]
    host: Mapped[str | None]
    began_at: Mapped[datetime | None]


class SandboxHistory(Base):
    """A past version of a sandbox's own row.

    ``number`` is the one that the row had; ``revision`` the sandbox's when the version was superseded, which grows from
    version to version (the number does not).
    """

    __table__ = core.sandbox_history

    sandbox_id: Mapped[int]
    valid_to: Mapped[datetime]
    revision: Mapped[int]
    number: Mapped[int]
    whole: Mapped[bool]
    state: Mapped[str]
    persist_version: Mapped[int | None]
    cgroup_path: Mapped[str | None]
    layout: Mapped[str | None]
    document: Mapped[str | None]
    valid_from: Mapped[datetime]


class ContainerHistory(Base):
    """A past version of a container's row; what belongs to it says in which revisions it was there."""

    __table__ = core.container_history

    container_id: Mapped[int]
    valid_to: Mapped[datetime]
    revision: Mapped[int]
    whole: Mapped[bool]
    state: Mapped[str]
    cgroup_path: Mapped[str | None]
    bundle_path: Mapped[str | None]
    layout: Mapped[str | None]
    extra: Mapped[dict[str, object] | None]
    document: Mapped[str | None]
    valid_from: Mapped[datetime]


class MountHistory(Base):
    """A mount that was: in the container's revisions from ``since`` on, and before ``until``."""

    __table__ = core.mount_history

    container_id: Mapped[int]
    position: Mapped[int]
    until: Mapped[int]
    is_rootfs: Mapped[bool]
    source: Mapped[str]
    destination: Mapped[str]
    type: Mapped[str]
    options: Mapped[list[str] | None]
    host_path: Mapped[str]
    block_device_id: Mapped[str]
    read_only: Mapped[bool]
    mounted: Mapped[bool]
    since: Mapped[int]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]


class DeviceMapHistory(Base):
    """A device map that was: in the container's revisions from ``since`` on, and before ``until``."""

    __table__ = core.device_map_history

    container_id: Mapped[int]
    position: Mapped[int]
    until: Mapped[int]
    device_id: Mapped[str]
    container_path: Mapped[str]
    file_mode: Mapped[int]
    uid: Mapped[int]
    gid: Mapped[int]
    shared: Mapped[bool]
    since: Mapped[int]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]


class ProcessHistory(Base):
    """A process that was: in the container's revisions from ``since`` on, and before ``until``."""

    __table__ = core.process_history

    container_id: Mapped[int]
    position: Mapped[int]
    until: Mapped[int]
    sandbox_id: Mapped[int]
    token: Mapped[str | None]
    pid: Mapped[int]
    start_time: Mapped[datetime | None]
    start_time_ns: Mapped[int | None]
    start_time_offset: Mapped[int | None]
    since: Mapped[int]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]


class Retention(Base):
    """How long history is kept, in seconds: NULL is for ever, 0 records nothing. One row.

    Nothing that ended before ``horizon`` is known: it was not recorded, or was removed. The last event that was removed
    had ``pruned_id``, and on PostgreSQL ``pruned_transaction_id``: who had not read it yet has missed some.
    """

    __table__ = core.retention

    id: Mapped[int]
    seconds: Mapped[int | None]
    horizon: Mapped[datetime]
    pruned_transaction_id: Mapped[int]
    pruned_id: Mapped[int]
