"""Records as rows: the values of a table's columns, each one that every engine can hold, and how statements get them.

Pure: nothing here touches a database. A row is a list in the order of the statement's columns (see ``statements.py``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from whenever import OffsetDateTime, TimeDelta

from ..errors import InvalidValue
from ..records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from ..validation import INT32, INT64, TOKEN_LENGTH, UINT32, check_extra, check_id, check_kind, check_length, number

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = list[object]

_UTC = TimeDelta()


def check_sandbox(record: SandboxState) -> None:
    """Refuse a sandbox that a save would refuse for what is in its own record.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    encode([sandbox_values(record)])


def check_container(cid: str, record: ContainerState, origin: Origin) -> None:
    """Refuse a container that a save would refuse for what is in it.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    check_id("cid", cid)
    mounts = [mount_values(mount) for mount in (record.rootfs, *record.mounts)]
    devices = [device_map_values(device) for device in record.device_maps]
    processes = [process_values(process) for process in record.processes]
    encode([[cid, *container_values(record, origin)], *mounts, *devices, *processes])


# --- the values of a table's columns
#
# Python does not look at the types of a record's fields, and engines make different things of them. Mounts and devices
# are many: what is in order is told without a call for each value.


def sandbox_values(record: SandboxState) -> Row:
    """The values of a row of ``sandbox`` that come from the record."""
    check_kind("record", record, SandboxState)
    check_id("sid", record.sid)
    check_length("state", record.state)
    check_length("layout", record.layout)
    version = record.persist_version
    if version is not None:
        version = number("persist_version", version, INT32, "a signed 32-bit number")
    row: Row = [record.sid, record.state, version, record.cgroup_path, record.layout, record.document]
    return row if tuple(map(type, row)) in _SANDBOX else _plain("sandbox", _SANDBOX_NAMES, row, _SANDBOX)


def container_values(record: ContainerState, origin: Origin) -> Row:
    """The values of a row of ``container`` that come from the record."""
    check_kind("origin", origin, Origin)
    check_length("state", record.state)
    check_length("layout", origin.layout)
    row: Row = [record.state, record.cgroup_path, record.bundle_path, origin.layout, origin.extra, origin.document]
    if tuple(map(type, row)) not in _CONTAINER:
        row = _plain("container", _CONTAINER_NAMES, row, _CONTAINER)
    if origin.extra is not None:
        check_extra(origin.extra)
    return row


def mount_values(mount: Mount) -> Row:
    """The values of a row of ``mount`` that come from the record."""
    if type(mount) is not Mount:
        check_kind("mount", mount, Mount)
    options = None if mount.options is None else _json_text(mount.options)
    row: Row = [
        mount.source,
        mount.destination,
        mount.type,
        options,
        mount.host_path,
        mount.block_device_id,
        mount.read_only,
        mount.mounted,
    ]
    if tuple(map(type, row)) in _MOUNT:
        return row
    return _plain(f"mount {mount.destination!r}", _MOUNT_NAMES, row, _MOUNT)


def _json_text(value: list[str]) -> str:
    if type(value) is not list or not _TEXT.issuperset(map(type, value)):
        check_kind("options", value, list)
        for option in value:
            check_kind("options", option, str)
    try:
        return _encode(value).decode()
    except UnicodeEncodeError as error:
        raise InvalidValue("options", error.object, "half of a surrogate pair is no character") from None


def device_map_values(device: DeviceMap) -> Row:
    """The values of a row of ``device_map`` that come from the record."""
    if type(device) is not DeviceMap:
        check_kind("device map", device, DeviceMap)
    row: Row = [device.id, device.container_path, device.file_mode, device.uid, device.gid, device.shared]
    if tuple(map(type, row)) not in _DEVICE_MAP:
        row = _plain(f"device map {device.id!r}", _DEVICE_MAP_NAMES, row, _DEVICE_MAP)
    if not (0 <= device.file_mode < 1 << 32 and 0 <= device.uid < 1 << 32 and 0 <= device.gid < 1 << 32):
        for name in ("file_mode", "uid", "gid"):
            number(f"device map {device.id!r}: {name}", getattr(device, name), UINT32, "an unsigned 32-bit number")
    return row


def process_values(process: Process) -> Row:
    """The values of a row of ``process`` that come from the record."""
    check_kind("process", process, Process)
    pid = number("pid", process.pid, INT64, "a signed 64-bit number")
    check_length("token", process.token, TOKEN_LENGTH)
    token = str.__str__(process.token) or None
    start = process.start_time
    if start is None:
        return [token, pid, None, None, None]
    check_kind("start_time", start, OffsetDateTime)
    offset = start.offset.total("seconds")
    if offset % 60:
        raise InvalidValue("start_time", start, "an offset is a number of whole minutes (RFC 3339)")
    utc = start.to_fixed_offset(_UTC)
    moment = f"{utc.date()} {utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.nanosecond // 1000:06}"
    return [token, pid, moment, utc.nanosecond % 1000, int(offset // 60)]


Kinds = tuple[type, ...]


def _kinds(*kinds: type, optional: tuple[int, ...] = ()) -> tuple[Kinds, ...]:
    """The types that a row's values may have: these, and None in some places."""
    found = [kinds]
    for at in optional:
        found += [(*each[:at], type(None), *each[at + 1 :]) for each in found]
    return tuple(found)


_TEXT = frozenset({str})
_SANDBOX_NAMES = ("sid", "state", "persist_version", "cgroup_path", "layout", "document")
_SANDBOX = _kinds(str, str, int, str, str, str, optional=(2, 5))
_CONTAINER_NAMES = ("state", "cgroup_path", "bundle_path", "layout", "extra", "document")
_CONTAINER = _kinds(str, str, str, str, str, str, optional=(4, 5))
_MOUNT_NAMES = ("source", "destination", "type", "options", "host_path", "block_device_id", "read_only", "mounted")
_MOUNT = _kinds(str, str, str, str, str, str, bool, bool, optional=(3,))
_DEVICE_MAP_NAMES = ("id", "container_path", "file_mode", "uid", "gid", "shared")
_DEVICE_MAP = _kinds(str, str, int, int, int, bool)


def _plain(what: str, names: tuple[str, ...], row: Row, kinds: tuple[Kinds, ...]) -> Row:
    """Make plain texts and numbers of those whose types are made of them (StrEnum); refuse all else."""
    for at, (name, kind) in enumerate(zip(names, kinds[0], strict=True)):
        value = row[at]
        if type(value) in {each[at] for each in kinds}:
            continue
        check_kind(f"{what}: {name}", value, kind)
        row[at] = str.__str__(value) if kind is str else int.__int__(value)  # type: ignore[arg-type]  # just checked
    return row


# --- rows as parameters


def encode(rows: Sequence[Row]) -> str:
    """Write rows as the JSON parameter of a statement.

    Raises :class:`InvalidValue` for text that not every engine can hold: with a NUL, or with half of a surrogate pair.
    """
    try:
        text = _encode(rows).decode()
    except UnicodeEncodeError as error:
        raise InvalidValue("text", error.object, "half of a surrogate pair is no character") from None
    if "\\u0000" in text:
        _refuse_nul(rows)
    return text


def utc_text(moment: datetime) -> str:
    """Write a moment as every engine reads it: UTC, to the microsecond."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


_encode = msgspec.json.Encoder().encode


def _refuse_nul(rows: Sequence[Row]) -> None:
    # What looks like an escaped NUL may be a backslash before the text "u0000", so each value is looked at. Options are
    # JSON in JSON: there the backslash is doubled.
    for row in rows:
        for value in row:
            if isinstance(value, str) and ("\0" in value or _has_escaped_nul(value)):
                raise InvalidValue("text", value, "a NUL character cannot be stored")


def _has_escaped_nul(value: str) -> bool:
    if "\\u0000" not in value:
        return False
    try:
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return False
    return isinstance(decoded, list) and any("\0" in item for item in decoded)
