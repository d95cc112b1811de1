"""The tables, as mapped classes.

Their columns are those of :mod:`.core`, of which the repository builds its statements. For other queries, take a
session from :meth:`persistdb.Database.session` and say what to load (``selectinload(Container.mounts)``): nothing is
loaded implicitly.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

from . import core


class Base(DeclarativeBase):
    """The base class."""

    metadata = core.METADATA

    def __init_subclass__(cls, **options: Any) -> None:
        cls.__tablename__ = cls.__table__.name  # type: ignore[attr-defined]  # a Table
        super().__init_subclass__(**options)


class Sandbox(Base):
    """A pod's virtual machine on one host."""

    __table__ = core.sandbox

    id: Mapped[int]
    host: Mapped[str]
    sid: Mapped[str]
    state: Mapped[str]
    persist_version: Mapped[int | None]
    cgroup_path: Mapped[str]
    layout: Mapped[str]
    document: Mapped[str | None]
    hypervisor_pid: Mapped[int | None]
    hypervisor_path: Mapped[str | None]
    virtiofsd_pid: Mapped[int | None]
    netns_path: Mapped[str | None]
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    containers: Mapped[list[Container]] = relationship(
        back_populates="sandbox", lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class Container(Base):
    """A container of a sandbox."""

    __table__ = core.container

    id: Mapped[int]
    sandbox_id: Mapped[int]
    cid: Mapped[str]
    state: Mapped[str]
    cgroup_path: Mapped[str]
    bundle_path: Mapped[str]
    layout: Mapped[str]
    # the keys that persistdb does not know, and the file's whole text where columns and keys cannot reproduce it
    extra: Mapped[dict[str, object] | None]
    document: Mapped[str | None]
    # containerd's
    namespace: Mapped[str]
    runtime: Mapped[str]
    # what annotations call it (:mod:`persistdb.annotations`); the pod as NAMESPACE/NAME
    pod: Mapped[str]
    pod_uid: Mapped[str]
    container_name: Mapped[str]
    image: Mapped[str]
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    sandbox: Mapped[Sandbox] = relationship(back_populates="containers", lazy="raise")
    mounts: Mapped[list[Mount]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Mount.position",
    )
    device_maps: Mapped[list[DeviceMap]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="DeviceMap.position",
    )
    processes: Mapped[list[Process]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Process.position",
    )


class Mount(Base):
    """A mount of a container: the rootfs at position 0, the others in the file's order from 1 on."""

    __table__ = core.mount

    container_id: Mapped[int]
    position: Mapped[int]
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

    container: Mapped[Container] = relationship(back_populates="mounts", lazy="raise")


class DeviceMap(Base):
    """A host device that is visible in a container."""

    __table__ = core.device_map

    container_id: Mapped[int]
    position: Mapped[int]
    device_id: Mapped[str]
    container_path: Mapped[str]
    file_mode: Mapped[int]
    uid: Mapped[int]
    gid: Mapped[int]
    shared: Mapped[bool]
    since: Mapped[int]

    container: Mapped[Container] = relationship(back_populates="device_maps", lazy="raise")


class Process(Base):
    """A process that stands for a container.

    ``start_time`` is UTC to the microsecond; ``start_time_ns`` has the last three digits of the nanoseconds and
    ``start_time_offset`` the minutes east of UTC. All three are NULL for Go's zero time.
    """

    __table__ = core.process

    container_id: Mapped[int]
    position: Mapped[int]
    sandbox_id: Mapped[int]
    token: Mapped[str | None]
    pid: Mapped[int]
    start_time: Mapped[datetime | None]
    start_time_ns: Mapped[int | None]
    start_time_offset: Mapped[int | None]
    since: Mapped[int]

    container: Mapped[Container] = relationship(back_populates="processes", lazy="raise")


class Annotation(Base):
    """An annotation of a container, from its own files or its sandbox's document; in the order of their names.

    Names may be of any length, so they are no part of a key.
    """

    __table__ = core.annotation

    container_id: Mapped[int]
    position: Mapped[int]
    name: Mapped[str]
    value: Mapped[str]


class SandboxAnnotation(Base):
    """An annotation of a sandbox, from its document."""

    __table__ = core.sandbox_annotation

    sandbox_id: Mapped[int]
    position: Mapped[int]
    name: Mapped[str]
    value: Mapped[str]


class SandboxDevice(Base):
    """A device that Kata attached to a sandbox, from the list in its document; ``position`` is its place there.

    A value that the document does not have, or has of another type, is NULL.
    """

    __table__ = core.sandbox_device

    sandbox_id: Mapped[int]
    position: Mapped[int]
    device_id: Mapped[str | None]
    type: Mapped[str | None]
    kind: Mapped[str | None]
    major: Mapped[int | None]
    minor: Mapped[int | None]
    host_path: Mapped[str | None]
    ref_count: Mapped[int | None]
    attach_count: Mapped[int | None]


class VFIODevice(Base):
    """A host device that VFIO hands to a sandbox: one of those in an entry of its list of devices.

    ``bdf`` is its PCI address, with the domain; empty for a device that has none.
    """

    __table__ = core.vfio_device

    sandbox_id: Mapped[int]
    device_position: Mapped[int]
    position: Mapped[int]
    bdf: Mapped[str]
    sysfs_dev: Mapped[str]


class Host(Base):
    """A host whose files were read: when, and what runs there.

    Sandboxes refer to it by its name, without a foreign key: a program that saves them need not know of hosts, and no
    insert waits for whoever writes the host's row.
    """

    __table__ = core.host

    name: Mapped[str]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    boot_id: Mapped[str | None]
    kernel: Mapped[str | None]
    programs: Mapped[str | None]


class SandboxSeen(Base):
    """When and where an import last found a sandbox's files; a separate table, since a sandbox's row has its document.

    ``source`` is the folder on the host that holds the sandbox's.
    """

    __table__ = core.sandbox_seen

    sandbox_id: Mapped[int]
    seen_at: Mapped[datetime]
    source: Mapped[str]


class SchemaSupport(Base):
    """The oldest revisions of the schema whose programs may read the database, and write it: one row."""

    __table__ = core.schema_support

    id: Mapped[int]
    min_reader: Mapped[str]
    min_writer: Mapped[str]


class SchemaBackfill(Base):
    """A table that a change of the schema is still to fill, and the key behind which it goes on."""

    __table__ = core.schema_backfill

    revision: Mapped[str]
    table_name: Mapped[str]
    behind: Mapped[int]


class Lease(Base):
    """A lock that is held, or waited for, until the lease is over or renewed.

    ``number`` is its fencing number and its place in the queue: it is held as soon as there is no earlier row of its
    name that excludes it. ``owner`` is random, and stands for one ``Database`` of a process: ``boot_id`` says within
    which boot and namespaces the ``pid`` and its ``started`` (clock ticks since the boot) have a meaning.
    ``expires_at`` is in microseconds of the engine's shared clock: since 1970 on servers, since the boot on SQLite.
    """

    __table__ = core.lease

    name: Mapped[str]
    number: Mapped[int]
    mode: Mapped[str]
    owner: Mapped[str]
    host: Mapped[str]
    boot_id: Mapped[str]
    pid: Mapped[int]
    started: Mapped[int]
    expires_at: Mapped[int]


class LeaseNumber(Base):
    """The last fencing number of the locks whose names fall into a bucket."""

    __table__ = core.lease_number

    bucket: Mapped[int]
    number: Mapped[int]
