"""Records as the rows to write: each is checked as it is made.

Python does not look at the types of a record's fields, and engines make different things of them.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

import msgspec
from whenever import OffsetDateTime, TimeDelta

from ..annotations import NO_NAMES, Names
from ..documents import runtime_of
from ..errors import InvalidValue
from ..records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from ..validation import KEY_LENGTH, TOKEN_LENGTH, check_extra, check_id, check_kind
from ..virtual_machines import UNKNOWN, SandboxDevice, VirtualMachine
from .encoding import Row, encode, encode_json
from .rows import (
    AnnotationRow,
    ChildRows,
    ContainerChange,
    ContainerRow,
    DeviceMapRow,
    Int32,
    Int64,
    Key,
    MountRow,
    ProcessRow,
    SandboxAnnotationRow,
    SandboxChange,
    SandboxDeviceRow,
    SandboxRow,
    Token,
    Uint32,
    VFIODeviceRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

R = TypeVar("R", bound="Row")
T = TypeVar("T")
A = TypeVar("A", AnnotationRow, SandboxAnnotationRow)


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
    if type(origin) is not Origin:
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
    mounts: Iterable[tuple[int, Mount]] = enumerate([record.rootfs, *record.mounts])
    device_maps: Iterable[tuple[int, DeviceMap]] = enumerate(record.device_maps)
    processes: Iterable[tuple[int, Process]] = enumerate(record.processes)
    if old is not None:
        mounts = _differing(mounts, [old.rootfs, *old.mounts])
        device_maps = _differing(device_maps, old.device_maps)
        processes = _differing(processes, old.processes)
    return ChildRows(
        _mounts(container_id, mounts, since),
        _device_maps(container_id, device_maps, since),
        [_process(container_id, position, sandbox_id, process, since) for position, process in processes],
    )


def _differing(new: Iterable[tuple[int, T]], old: Sequence[T]) -> Iterable[tuple[int, T]]:
    known = len(old)
    return ((position, value) for position, value in new if position >= known or value != old[position])


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
        options = mount.options
        try:
            text = None if options is None else _list_text(tuple(options)) if type(options) is list else _text(options)
        except TypeError:  # no key of a cache, or refused by it
            text = _text(options)
        values.append(
            [
                container_id,
                position,
                position == 0,
                mount.source,
                mount.destination,
                mount.type,
                text,
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


# most mounts have one of a few lists
@lru_cache(maxsize=256)
def _list_text(options: tuple[str, ...]) -> str:
    """Write texts as a list in JSON; raises :class:`TypeError` for others, and for a caller's subclass of text."""
    if not _TEXT.issuperset(map(type, options)):
        raise TypeError
    return _text(list(options))


def _text(options: object) -> str:
    check_kind("options", options, list)
    for option in cast("list[object]", options):
        check_kind("options", option, str)
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
    if type(start) is not OffsetDateTime:
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
