"""Records as rows: the values of a table's columns, each one that every engine can hold, and how statements get them.

Pure: nothing here touches a database. A row is a list in the order of the statement's columns (see ``queries.py``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from whenever import OffsetDateTime, TimeDelta

from .engines.types import KEY_LENGTH, TOKEN_LENGTH
from .errors import InvalidValue
from .state import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState, SandboxWrite

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = list[object]

_UTC = TimeDelta()
_UINT32 = range(1 << 32)
# MariaDB takes JSON of a depth of less than 32 only (its JSON_DEPTH_LIMIT).
_DEEPEST = 31
# strings too, so that a bracket in one is passed over
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_INT32 = range(-(1 << 31), 1 << 31)
_INT64 = range(-(1 << 63), 1 << 63)


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


def check_shape(record: ContainerState) -> None:
    """Refuse what is no record, or one whose lists are none: what is compared before its values are looked at.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    _check_kind("record", record, ContainerState)
    for name in ("device_maps", "mounts", "processes"):
        _check_kind(name, getattr(record, name), list)
    for process in record.processes:
        _check_kind("process", process, Process)


def check_write(write: SandboxWrite) -> None:
    """Refuse what is no write of a sandbox, as :func:`check_shape` does each of its containers.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    _check_kind("sandbox", write, SandboxWrite)
    if write.record is not None:
        _check_kind("record", write.record, SandboxState)
        if write.record.document is not None:
            _check_kind("document", write.record.document, str)
    for record in write.containers.values():
        check_shape(record)
    for origin in write.origins.values():
        _check_kind("origin", origin, Origin)
        if origin.document is not None:
            _check_kind("document", origin.document, str)


# --- the values of a table's columns
#
# Python does not look at the types of a record's fields, and engines make different things of them. Mounts and devices
# are many: what is in order is told without a call for each value.


def sandbox_values(record: SandboxState) -> Row:
    """The values of a row of ``sandbox`` that come from the record."""
    _check_kind("record", record, SandboxState)
    check_id("sid", record.sid)
    check_length("state", record.state)
    check_length("layout", record.layout)
    version = record.persist_version
    if version is not None:
        version = _number("persist_version", version, _INT32, "a signed 32-bit number")
    row: Row = [record.sid, record.state, version, record.cgroup_path, record.layout, record.document]
    return row if tuple(map(type, row)) in _SANDBOX else _plain("sandbox", _SANDBOX_NAMES, row, _SANDBOX)


def container_values(record: ContainerState, origin: Origin) -> Row:
    """The values of a row of ``container`` that come from the record."""
    _check_kind("origin", origin, Origin)
    check_length("state", record.state)
    check_length("layout", origin.layout)
    row: Row = [record.state, record.cgroup_path, record.bundle_path, origin.layout, origin.extra, origin.document]
    if tuple(map(type, row)) not in _CONTAINER:
        row = _plain("container", _CONTAINER_NAMES, row, _CONTAINER)
    if origin.extra is not None:
        _check_extra(origin.extra)
    return row


def mount_values(mount: Mount) -> Row:
    """The values of a row of ``mount`` that come from the record."""
    if type(mount) is not Mount:
        _check_kind("mount", mount, Mount)
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
        _check_kind("options", value, list)
        for option in value:
            _check_kind("options", option, str)
    try:
        return _encode(value).decode()
    except UnicodeEncodeError as error:
        raise InvalidValue("options", error.object, "half of a surrogate pair is no character") from None


def device_map_values(device: DeviceMap) -> Row:
    """The values of a row of ``device_map`` that come from the record."""
    if type(device) is not DeviceMap:
        _check_kind("device map", device, DeviceMap)
    row: Row = [device.id, device.container_path, device.file_mode, device.uid, device.gid, device.shared]
    if tuple(map(type, row)) not in _DEVICE_MAP:
        row = _plain(f"device map {device.id!r}", _DEVICE_MAP_NAMES, row, _DEVICE_MAP)
    if not (0 <= device.file_mode < 1 << 32 and 0 <= device.uid < 1 << 32 and 0 <= device.gid < 1 << 32):
        for name in ("file_mode", "uid", "gid"):
            _number(f"device map {device.id!r}: {name}", getattr(device, name), _UINT32, "an unsigned 32-bit number")
    return row


def process_values(process: Process) -> Row:
    """The values of a row of ``process`` that come from the record."""
    _check_kind("process", process, Process)
    pid = _number("pid", process.pid, _INT64, "a signed 64-bit number")
    check_length("token", process.token, TOKEN_LENGTH)
    token = str.__str__(process.token) or None
    start = process.start_time
    if start is None:
        return [token, pid, None, None, None]
    _check_kind("start_time", start, OffsetDateTime)
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
        _check_kind(f"{what}: {name}", value, kind)
        row[at] = str.__str__(value) if kind is str else int.__int__(value)  # type: ignore[arg-type]  # just checked
    return row


def _check_kind(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidValue(name, value, f"must be of type {kind.__name__}, not {type(value).__name__}")


def _number(name: str, value: object, numbers: range, what: str) -> int:
    """Give a number as a plain int; refuse one that is none, or none of these."""
    # not ``in``: a range compares anything but an int itself with each of its numbers
    if not isinstance(value, int) or isinstance(value, bool) or not numbers.start <= value < numbers.stop:
        raise InvalidValue(name, value, f"not {what}")
    return int.__index__(value)


def check_key(name: str, value: str) -> None:
    """Refuse what cannot identify anything: no text at all, or too long a text."""
    if not value:
        raise InvalidValue(name, value, "must not be empty")
    check_length(name, value)


def check_id(name: str, value: str) -> None:
    """Refuse what is no ID: it names a folder among Kata's files, and a part of ``SID/CID``."""
    check_key(name, value)
    if "/" in value:
        raise InvalidValue(name, value, "must not hold a path separator")
    if value in (".", ".."):
        raise InvalidValue(name, value, "names another folder")


def check_count(name: str, value: int, least: int) -> None:
    """Refuse a number of things that is none, too small, or beyond 64 bits."""
    _number(name, value, range(least, 1 << 63), f"a whole number from {least} on")


def check_length(name: str, value: str, most: int = KEY_LENGTH) -> None:
    """Refuse what is no text, and text that is too long for its column."""
    _check_kind(name, value, str)
    if len(value) > most:
        raise InvalidValue(name, value, f"longer than {most} characters")


def _check_extra(text: str) -> None:
    """Refuse what is no JSON object, or one that is too deep for MariaDB."""
    depth, key = 0, '""'
    for part in _TOKENS.findall(text):
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
        elif depth == 1:
            key = part  # or a value: what is deep comes right after its key
        if depth > _DEEPEST:
            raise InvalidValue(f"extra: {key}", text, f"nested more than {_DEEPEST} deep")
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise InvalidValue("extra", text, f"no JSON object, or one with half of a surrogate pair: {error}") from None


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
