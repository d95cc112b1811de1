"""Rows to write: the columns of each statement by name, and the values that every engine can hold.

Pure: nothing here touches a database. A statement takes its rows as one JSON array of arrays, in the order of the row's
fields, which are the statement's columns (:mod:`.statements`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Meta
from whenever import OffsetDateTime, TimeDelta

from ..annotations import NO_NAMES, Names
from ..documents import runtime_of
from ..errors import InvalidValue
from ..records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from ..validation import INT32, INT64, KEY_LENGTH, TOKEN_LENGTH, UINT32, check_extra, check_id, check_kind
from ..virtual_machines import UNKNOWN, SandboxDevice, VirtualMachine
from .encoding import Row, encode, encode_json

R = TypeVar("R", bound="Row")
T = TypeVar("T")
A = TypeVar("A", "AnnotationRow", "SandboxAnnotationRow")

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


# --- records as rows
#
# Python does not look at the types of a record's fields, and engines make different things of them, so each row is
# checked as it is made.


def sandbox_row(
    host: str, record: SandboxState, revision: int, now: str, machine: VirtualMachine = UNKNOWN
) -> SandboxRow:
    """Return the row of a new sandbox.

    Raises :class:`~persistdb.errors.InvalidValue`, as all functions here do.
    """
    values = _of_sandbox(record)
    check_id("sid", record.sid)
    return _row(SandboxRow, [host, record.sid, *values, *machine, revision, now, now])


def sandbox_change(
    sandbox_id: int, revision: int, record: SandboxState, now: str, *, new_revision: int, read_at: str
) -> SandboxChange:
    """Return the row of a sandbox that is changed; its ID is the stored one, valid or not."""
    return _row(SandboxChange, [sandbox_id, revision, *_of_sandbox(record), now, new_revision, read_at])


def _of_sandbox(record: SandboxState) -> list[object]:
    check_kind("record", record, SandboxState)
    return [record.state, record.persist_version, record.cgroup_path, record.layout, record.document]


# one parameter for each column that does not come from the record: there is nothing to group them by
def container_row(
    container_id: int | None,
    sandbox_id: int | None,
    cid: str,
    record: ContainerState,
    origin: Origin,
    revision: int,
    created_at: str,
    now: str,
    names: Names = NO_NAMES,
) -> ContainerRow:
    """Return the row of a container to insert."""
    values = [container_id, sandbox_id, cid, *_of_container(record, origin), *names, revision, created_at, now]
    return _row(ContainerRow, values)


def container_change(
    container_id: int, revision: int, record: ContainerState, origin: Origin, now: str
) -> ContainerChange:
    """Return the row of a container that is changed."""
    return _row(ContainerChange, [container_id, revision, *_of_container(record, origin), now])


def _of_container(record: ContainerState, origin: Origin) -> list[object]:
    check_kind("origin", origin, Origin)
    if origin.extra is not None:
        check_kind("extra", origin.extra, str)
        check_extra(origin.extra)
    return [
        record.state,
        record.cgroup_path,
        record.bundle_path,
        origin.layout,
        origin.extra,
        origin.document,
        origin.namespace,
        runtime_of(origin.layout),
    ]


def annotation_rows(kind: type[A], owner: int, given: Mapping[str, str]) -> list[A]:
    """Return the rows of a container's annotations, or of a sandbox's, in the order of their names."""
    return [kind(owner, position, name, given[name]) for position, name in enumerate(sorted(given))]


def device_rows(
    sandbox_id: int, devices: Iterable[SandboxDevice]
) -> tuple[list[SandboxDeviceRow], list[VFIODeviceRow]]:
    """Return the rows of a sandbox's devices, and of the host devices that VFIO hands to it."""
    rows, of_vfio = [], []
    for place, device in enumerate(devices):
        rows.append(
            SandboxDeviceRow(
                sandbox_id,
                place,
                device.device_id,
                device.type,
                device.kind,
                device.major,
                device.minor,
                device.host_path,
                device.ref_count,
                device.attach_count,
            )
        )
        of_vfio += [VFIODeviceRow(sandbox_id, place, number, *each) for number, each in enumerate(device.vfio)]
    return rows, of_vfio


def children(
    container_id: int, sandbox_id: int, record: ContainerState, old: ContainerState | None = None, *, since: int = 0
) -> ChildRows:
    """Return the rows of a container's children that differ from the old record's at the same place.

    ``since`` is the container's revision with them, 0 for a new container.
    """
    mounts = [record.rootfs, *record.mounts]
    old_mounts = [old.rootfs, *old.mounts] if old else ()
    return ChildRows(
        _mounts(container_id, _differing(mounts, old_mounts), since),
        _device_maps(container_id, _differing(record.device_maps, old.device_maps if old else ()), since),
        [
            _process(container_id, position, sandbox_id, process, since)
            for position, process in _differing(record.processes, old.processes if old else ())
        ],
    )


def _differing(new: Sequence[T], old: Sequence[T]) -> Iterable[tuple[int, T]]:
    if not old:
        return enumerate(new)
    known = len(old)
    return ((position, value) for position, value in enumerate(new) if position >= known or value != old[position])


def joined(parts: Iterable[ChildRows]) -> ChildRows:
    """Return the rows of several containers' children, table by table."""
    mounts: list[MountRow] = []
    device_maps: list[DeviceMapRow] = []
    processes: list[ProcessRow] = []
    for part in parts:
        mounts += part.mounts
        device_maps += part.device_maps
        processes += part.processes
    return ChildRows(tuple(mounts), tuple(device_maps), tuple(processes))


def _mounts(container_id: int, mounts: Iterable[tuple[int, Mount]], since: int) -> list[MountRow]:
    values = []
    for position, mount in mounts:
        if type(mount) is not Mount:
            check_kind("mount", mount, Mount)
        values.append(
            [
                container_id,
                position,
                position == 0,
                mount.source,
                mount.destination,
                mount.type,
                None if mount.options is None else _json_text(mount.options),
                mount.host_path,
                mount.block_device_id,
                mount.read_only,
                mount.mounted,
                since,
            ]
        )
    try:
        return msgspec.convert((values,), _Mounts).rows
    except msgspec.ValidationError:
        raise _first_invalid(MountRow, values, "mount {0[4]!r}: ") from None


_TEXT = frozenset({str})


def _json_text(options: list[str]) -> str:
    if type(options) is list and _TEXT.issuperset(map(type, options)):
        return _list_text(tuple(options))
    check_kind("options", options, list)
    for option in options:
        check_kind("options", option, str)
    return _list_text.__wrapped__(options)


# most mounts have one of a few lists
@lru_cache(maxsize=256)
def _list_text(options: Sequence[str]) -> str:
    try:
        return encode_json(options)
    except InvalidValue as error:
        raise InvalidValue("options", error.value, error.reason) from None


def _device_maps(container_id: int, devices: Iterable[tuple[int, DeviceMap]], since: int) -> list[DeviceMapRow]:
    values = []
    for position, device in devices:
        if type(device) is not DeviceMap:
            check_kind("device map", device, DeviceMap)
        values.append(
            [
                container_id,
                position,
                device.id,
                device.container_path,
                device.file_mode,
                device.uid,
                device.gid,
                device.shared,
                since,
            ]
        )
    try:
        return msgspec.convert((values,), _DeviceMaps).rows
    except msgspec.ValidationError:
        raise _first_invalid(DeviceMapRow, values, "device map {0[2]!r}: ") from None


def _process(container_id: int, position: int, sandbox_id: int, process: Process, since: int) -> ProcessRow:
    if type(process) is not Process or type(process.token) is not str:
        check_kind("process", process, Process)
        check_kind("token", process.token, str)
    start = _start_time(process.start_time)
    return _row(ProcessRow, [container_id, position, sandbox_id, process.token or None, process.pid, *start, since])


# all rows of a table are converted in one call, for which msgspec knows only classes by heart
class _Mounts(msgspec.Struct, array_like=True):
    rows: list[MountRow]


class _DeviceMaps(msgspec.Struct, array_like=True):
    rows: list[DeviceMapRow]


_UTC = TimeDelta()


def _start_time(start: OffsetDateTime | None) -> list[object]:
    """Return UTC to the microsecond, the last three digits of the nanoseconds, and the minutes east of UTC."""
    if start is None:
        return [None, None, None]
    check_kind("start_time", start, OffsetDateTime)
    offset = start.offset.total("seconds")
    if offset % 60:
        raise InvalidValue("start_time", start, "an offset is a number of whole minutes (RFC 3339)")
    utc = start.to_fixed_offset(_UTC)
    text = f"{utc.date()} {utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.nanosecond // 1000:06}"
    return [text, utc.nanosecond % 1000, int(offset // 60)]


def _row(kind: type[R], values: list[Any]) -> R:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError:
        raise _invalid(kind, "", values) from None


_BEYOND = {
    Key: f"longer than {KEY_LENGTH} characters",
    Token: f"longer than {TOKEN_LENGTH} characters",
    Int32: "not a signed 32-bit number",
    Int64: "not a signed 64-bit number",
    Uint32: "not an unsigned 32-bit number",
}


def _first_invalid(kind: type[Row], rows: Iterable[list[Any]], where: str) -> InvalidValue:
    """Find the first row of which a column can't hold a value; ``where`` names what it is a row of."""
    for values in rows:
        try:
            msgspec.convert(values, kind)
        except msgspec.ValidationError:
            return _invalid(kind, where.format(values), values)
    raise AssertionError


def _invalid(kind: type[Row], where: str, values: list[Any]) -> InvalidValue:
    """Find the first value that its column can't hold, and say why."""
    for field, value in zip(msgspec.structs.fields(kind), values, strict=True):
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            reason = _reason(list(_parts(field.type)), value)
            return InvalidValue(where + field.encode_name, value, reason)
    raise AssertionError


def _parts(annotation: Any) -> Iterable[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _reason(parts: Sequence[Any], value: object) -> str:
    kind = next(part for part in parts if part in (str, int, bool))
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        return f"must be of type {kind.__name__}, not {type(value).__name__}"
    return next(_BEYOND[part] for part in parts if part in _BEYOND)


# --- checks ahead of a save


def check_sandbox(record: SandboxState) -> None:
    """Refuse a sandbox that a save would refuse for its own record.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    encode([sandbox_row("", record, 0, "")])


def check_container(cid: str, record: ContainerState, origin: Origin) -> None:
    """Refuse a container that a save would refuse.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    check_id("cid", cid)
    encode([container_row(None, None, cid, record, origin, 0, "", "")])
    for rows in children(0, 0, record):
        encode(rows)
