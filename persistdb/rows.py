"""Records as rows: the values of a table's columns, each one that every engine can hold, and how statements get them.

Pure: nothing here touches a database. A row is a list in the order of the statement's columns (see ``queries.py``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from whenever import TimeDelta

from .engines.types import KEY_LENGTH, TOKEN_LENGTH
from .errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .state import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState

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
    check_key("cid", cid)
    mounts = [mount_values(mount) for mount in (record.rootfs, *record.mounts)]
    devices = [device_map_values(device) for device in record.device_maps]
    processes = [process_values(process) for process in record.processes]
    encode([[cid, *container_values(record, origin)], *mounts, *devices, *processes])


# --- the values of a table's columns


def sandbox_values(record: SandboxState) -> Row:
    """The values of a row of ``sandbox`` that come from the record."""
    check_key("sid", record.sid)
    check_length("state", record.state)
    check_length("layout", record.layout)
    if record.persist_version is not None and record.persist_version not in _INT32:
        raise InvalidValue("persist_version", record.persist_version, "not a signed 32-bit number")
    return [record.sid, record.state, record.persist_version, record.cgroup_path, record.layout, record.document]


def container_values(record: ContainerState, origin: Origin) -> Row:
    """The values of a row of ``container`` that come from the record."""
    check_length("state", record.state)
    check_length("layout", origin.layout)
    if origin.extra is not None:
        _check_extra(origin.extra)
    return [record.state, record.cgroup_path, record.bundle_path, origin.layout, origin.extra, origin.document]


def mount_values(mount: Mount) -> Row:
    """The values of a row of ``mount`` that come from the record."""
    options = None if mount.options is None else _json_text(mount.options)
    return [
        mount.source,
        mount.destination,
        mount.type,
        options,
        mount.host_path,
        mount.block_device_id,
        mount.read_only,
        mount.mounted,
    ]


def _json_text(value: list[str]) -> str:
    try:
        return _encode(value).decode()
    except UnicodeEncodeError as error:
        raise InvalidValue("options", error.object, "half of a surrogate pair is no character") from None


def device_map_values(device: DeviceMap) -> Row:
    """The values of a row of ``device_map`` that come from the record."""
    for name in ("file_mode", "uid", "gid"):
        value = getattr(device, name)
        if value not in _UINT32:
            raise InvalidValue(f"device map {device.id!r}: {name}", value, "not an unsigned 32-bit number")
    return [device.id, device.container_path, device.file_mode, device.uid, device.gid, device.shared]


def process_values(process: Process) -> Row:
    """The values of a row of ``process`` that come from the record."""
    if process.pid not in _INT64:
        raise InvalidValue("pid", process.pid, "not a signed 64-bit number")
    check_length("token", process.token, TOKEN_LENGTH)
    token = process.token or None
    start = process.start_time
    if start is None:
        return [token, process.pid, None, None, None]
    offset = start.offset.total("seconds")
    if offset % 60:
        raise InvalidValue("start_time", start, "an offset is a number of whole minutes (RFC 3339)")
    utc = start.to_fixed_offset(_UTC)
    moment = f"{utc.date()} {utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.nanosecond // 1000:06}"
    return [token, process.pid, moment, utc.nanosecond % 1000, int(offset // 60)]


def check_key(name: str, value: str) -> None:
    """Refuse what cannot identify anything: no text at all, or too long a text."""
    if not value:
        raise InvalidValue(name, value, "must not be empty")
    check_length(name, value)


def check_length(name: str, value: str, most: int = KEY_LENGTH) -> None:
    """Refuse text that is too long for its column."""
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
