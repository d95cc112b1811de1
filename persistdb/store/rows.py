"""Rows to write: the columns of each statement by name, and the values that every engine can hold.

Pure: nothing here touches a database. A statement takes its rows as one JSON array of arrays, in the order of the row's
fields, which are the statement's columns (:mod:`.statements`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from msgspec import Meta

from ..validation import INT32, INT64, KEY_LENGTH, TOKEN_LENGTH, UINT32
from .encoding import Row

Key = Annotated[str, Meta(max_length=KEY_LENGTH)]
Token = Annotated[str, Meta(max_length=TOKEN_LENGTH)]
Int32 = Annotated[int, Meta(ge=INT32.start, lt=INT32.stop)]
Int64 = Annotated[int, Meta(ge=INT64.start, le=INT64.stop - 1)]
Uint32 = Annotated[int, Meta(ge=UINT32.start, lt=UINT32.stop)]


class SandboxKey(Row, frozen=True):
    """A sandbox to look for."""

    host: str
    sid: str


class SandboxRow(Row, frozen=True):
    """A sandbox to insert."""

    host: str
    sid: str
    state: Key
    persist_version: Int32 | None
    cgroup_path: str
    layout: Key
    document: str | None
    hypervisor_pid: int | None
    hypervisor_path: str | None
    virtiofsd_pid: int | None
    netns_path: str | None
    revision: int
    created_at: str
    updated_at: str


class SandboxChange(Row, frozen=True):
    """A sandbox to change, if it is at ``revision`` still, and was not changed since the time ``read_at``."""

    id: int
    revision: int
    state: Key
    persist_version: Int32 | None
    cgroup_path: str
    layout: Key
    document: str | None
    updated_at: str
    new_revision: int
    read_at: str


class ContainerKey(Row, frozen=True):
    """A container to delete, if it is at ``revision`` still."""

    id: int
    revision: int


class ContainerRow(Row, frozen=True):
    """A container to insert.

    ``id`` is ``None`` where the database chooses it; ``sandbox_id`` is ``None`` until a new sandbox has its own.
    """

    id: int | None
    sandbox_id: int | None
    cid: str
    state: Key
    cgroup_path: str
    bundle_path: str
    layout: Key
    extra: str | None
    document: str | None
    namespace: Key
    runtime: str
    pod: str
    pod_uid: str
    container_name: str
    image: str
    revision: int
    created_at: str
    updated_at: str


class ContainerChange(Row, frozen=True):
    """A container to change, if it is at ``revision`` still; its revision grows by one."""

    id: int
    revision: int
    state: Key
    cgroup_path: str
    bundle_path: str
    layout: Key
    extra: str | None
    document: str | None
    namespace: Key
    runtime: str
    updated_at: str


class ContainerNames(Row, frozen=True):
    """What people call a container that is there, and its pod."""

    id: int
    pod: str
    pod_uid: str
    container_name: str
    image: str


class AnnotationRow(Row, frozen=True):
    """An annotation of a container to insert; ``position`` is its place by name."""

    container_id: int
    position: int
    name: str
    value: str


class SandboxAnnotationRow(Row, frozen=True):
    """An annotation of a sandbox to insert."""

    sandbox_id: int
    position: int
    name: str
    value: str


class SandboxMachine(Row, frozen=True):
    """What the document of a sandbox that is there says of its virtual machine."""

    id: int
    hypervisor_pid: int | None
    hypervisor_path: str | None
    virtiofsd_pid: int | None
    netns_path: str | None


class SandboxDeviceRow(Row, frozen=True):
    """A device of a sandbox to insert; ``position`` is its place in the document's list."""

    sandbox_id: int
    position: int
    device_id: str | None
    type: str | None
    kind: str | None
    major: int | None
    minor: int | None
    host_path: str | None
    ref_count: int | None
    attach_count: int | None


class VFIODeviceRow(Row, frozen=True):
    """A host device of such a device to insert."""

    sandbox_id: int
    device_position: int
    position: int
    bdf: str
    sysfs_dev: str


class RowKey(Row, frozen=True):
    """A row, by its ID alone."""

    id: int


class MountRow(Row, frozen=True):
    """A mount to insert or overwrite; ``options`` is JSON text."""

    container_id: int
    position: int
    is_rootfs: bool
    source: str
    destination: str
    type: str
    options: str | None
    host_path: str
    block_device_id: str
    read_only: bool
    mounted: bool
    since: int

    def place(self) -> str:
        """Name the mount."""
        return f"mount {self.destination!r}: "


class DeviceMapRow(Row, frozen=True):
    """A device map to insert or overwrite."""

    container_id: int
    position: int
    device_id: str
    container_path: str
    file_mode: Uint32
    uid: Uint32
    gid: Uint32
    shared: bool
    since: int

    def place(self) -> str:
        """Name the device map."""
        return f"device map {self.device_id!r}: "


class ProcessRow(Row, frozen=True):
    """A process to insert or overwrite; ``start_time`` is UTC to the microsecond, as text."""

    container_id: int
    position: int
    sandbox_id: int
    token: Token | None
    pid: Int64
    start_time: str | None
    start_time_ns: int | None
    start_time_offset: int | None
    since: int

    def place(self) -> str:
        """Name the process."""
        return f"process {self.token!r}: "


class TokenRow(Row, frozen=True):
    """A process token to look for."""

    token: str


class ChildRows(NamedTuple):
    """The rows of containers' children, for each table."""

    mounts: Sequence[MountRow]
    device_maps: Sequence[DeviceMapRow]
    processes: Sequence[ProcessRow]


NO_CHILDREN = ChildRows((), (), ())
