"""The one definition of a valid ID, key, number and text: what every engine can store.

Pure: nothing here touches a database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

import msgspec

from .errors import NO_ZONE, InvalidValue
from .records import ContainerState, Origin, Process, SandboxState, SandboxWrite

KEY_LENGTH = 255
"""The longest ``host``, ``sid`` or ``cid``, in characters; an ID is no longer in bytes, since it names a folder."""
TOKEN_LENGTH = 512
"""The longest process token, in characters: MariaDB's longest index key is 3072 bytes, four a character."""

FILE_NAMES = frozenset(
    {
        "persist.json",
        "lock",
        "config.json",
        "state.json",
        "devices.json",
        "network.json",
        "hypervisor.json",
        "agent.json",
    }
)
"""The names of files that runtimes keep beside the folders that IDs name."""

UINT32 = range(1 << 32)
INT32 = range(-(1 << 31), 1 << 31)
INT64 = range(-(1 << 63), 1 << 63)
_LONGEST_WAIT = 1_000_000  # seconds; the engines take milliseconds as 32 bits
# MariaDB takes JSON of a depth of less than 32 only (its JSON_DEPTH_LIMIT).
_DEEPEST = 31
# strings too, so that a bracket in one is passed over
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def utc(at: datetime) -> datetime:
    """Convert a time to UTC; raises :class:`ValueError` for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} {NO_ZONE}")
    return at.astimezone(UTC)


def check_zoned(name: str, at: object) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` for what is no time, and for one without a time zone."""
    check_kind(name, at, datetime)
    if isinstance(at, datetime) and at.tzinfo is None:
        raise InvalidValue(name, at, NO_ZONE)


def check_text(value: str) -> None:
    """Refuse a value that is not text, or text with a NUL or half of a surrogate pair, which not every engine can hold.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    if not isinstance(value, str):
        raise InvalidValue("text", value, f"must be of type str, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidValue("text", value, "a NUL character cannot be stored")
    if not _is_utf8(value):
        raise InvalidValue("text", value, "half of a surrogate pair is no character")


def _is_utf8(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_kind(name: str, value: object, kind: type) -> None:
    """Refuse a value of another type; a bool is no int."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidValue(name, value, f"must be of type {kind.__name__}, not {type(value).__name__}")


def check_several(name: str, value: object) -> None:
    """Refuse what is no collection of texts; a text is one of its characters."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidValue(name, value, "must be several texts, such as a list")


def check_key(name: str, value: str) -> None:
    """Refuse an empty key, and one that is too long for its column."""
    if not value:
        raise InvalidValue(name, value, "must not be empty")
    check_length(name, value)


def check_sort(sort: str, known: Iterable[str]) -> str:
    """Return the column to sort by, without the ``-`` that reverses the order; refuse one that is not known."""
    name = sort.removeprefix("-")
    names = list(known)
    if name not in names:
        raise InvalidValue("sort", sort, f"unknown; use one of {', '.join(names)}, with - before it for the reverse")
    return name


def check_host(name: str) -> None:
    """Refuse a text that no host's name can be: empty, too long, or one that not every engine can hold."""
    check_key("host", name)
    check_text(name)


def check_id(name: str, value: str) -> None:
    """Refuse a value that is no ID of a sandbox or container (:func:`invalid_id`)."""
    if not isinstance(value, str):
        check_kind(name, value, str)
    reason = invalid_id(value)
    if reason is not None:
        raise InvalidValue(name, value, reason)


def invalid_id(value: str) -> str | None:
    """Return why a text is no ID of a sandbox or container, ``None`` if it is one.

    An ID names a folder in a runtime's tree and is a part of ``SID/CID``: what no tree can hold is refused here, not
    when it is exported.
    """
    if not value:
        return "an ID cannot be empty"
    if value.startswith("."):
        return "an ID cannot begin with a dot"
    if "/" in value or "\0" in value:
        return "an ID cannot hold a path separator or NUL"
    if value in FILE_NAMES:
        return "an ID cannot be the name of a runtime's file, beside which its folder would be"
    if value.isascii():
        size = len(value)
    elif _is_utf8(value):
        size = len(value.encode())
    else:
        return "an ID must be valid UTF-8"
    if size > KEY_LENGTH:
        return f"an ID cannot be longer than {KEY_LENGTH} bytes, as the name of a folder"
    return None


def check_count(name: str, value: int, least: int) -> None:
    """Refuse a count that is no whole number, too small, or beyond 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < INT64.stop:
        raise InvalidValue(name, value, f"not a whole number from {least} on")


def check_seconds(name: str, value: float) -> None:
    """Refuse a time that is no number of seconds, or more than the engines can wait."""
    if not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_WAIT:
        raise InvalidValue(name, value, f"must be a number of seconds from 0 to {_LONGEST_WAIT}")


def check_path(name: str, value: str | os.PathLike[str]) -> None:
    """Refuse a value that is no path: of another type, or with a character that no file's name can hold."""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidValue(name, value, f"must be a path, not {type(value).__name__}")
    try:
        encoded = os.fsencode(value)
    except UnicodeEncodeError:
        raise InvalidValue(name, value, "half of a surrogate pair is in no path") from None
    if b"\0" in encoded:
        raise InvalidValue(name, value, "a NUL character is in no path")


def check_length(name: str, value: str, most: int = KEY_LENGTH) -> None:
    """Refuse a value that is not text, or text that is too long for its column."""
    if not isinstance(value, str):
        check_kind(name, value, str)
    if len(value) > most:
        raise InvalidValue(name, value, f"longer than {most} characters")


def check_extra(text: str) -> None:
    """Refuse JSON text that is not an object, or nested too deep for MariaDB."""
    depth, key = 0, '""'
    for part in _TOKENS.findall(text):
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
        elif depth == 1:
            key = part  # or a value: a deep one comes right after its key
        if depth > _DEEPEST:
            raise InvalidValue(f"extra: {key}", text, f"nested more than {_DEEPEST} deep")
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise InvalidValue("extra", text, f"not a JSON object, or one with half of a surrogate pair: {error}") from None


def check_shape(record: ContainerState) -> None:
    """Refuse a value that is no record, or a record whose lists are not lists, which can't be compared.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    if type(record) is not ContainerState:
        check_kind("record", record, ContainerState)
    if type(record.device_maps) is not list or type(record.mounts) is not list or type(record.processes) is not list:
        for name in ("device_maps", "mounts", "processes"):
            check_kind(name, getattr(record, name), list)
    for process in record.processes:
        if type(process) is not Process:
            check_kind("process", process, Process)


def check_write(write: SandboxWrite) -> None:
    """Refuse a value that is no write of a sandbox, or one of its containers by :func:`check_shape`.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    check_kind("sandbox", write, SandboxWrite)
    check_kind("sid", write.sid, str)
    containers: Mapping[str, ContainerState] = {} if write.containers is None else write.containers
    for name, value, usual, kind in (
        ("containers", containers, dict, Mapping),
        ("origins", write.origins, dict, Mapping),
        ("keep", write.keep, frozenset, AbstractSet),
    ):
        if type(value) is not usual:  # to ask an abstract class takes as long as all other checks
            check_kind(name, value, kind)
    if write.containers is None and write.keep:
        raise InvalidValue("keep", write.keep, "without containers all stay; to remove the others, give containers={}")
    if write.revision is not None:
        check_kind("revision", write.revision, int)
    if write.record is not None:
        check_kind("record", write.record, SandboxState)
        if write.record.document is not None:
            check_kind("document", write.record.document, str)
    for record in containers.values():
        check_shape(record)
    for origin in write.origins.values():
        check_kind("origin", origin, Origin)
        if origin.document is not None:
            check_kind("document", origin.document, str)


def check_ids(sid: object, cid: object = "", revision: object = None) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` unless ``sid`` and ``cid`` are text, and ``revision`` a number."""
    if not (isinstance(sid, str) and isinstance(cid, str)):  # each get comes here: no call where all is well
        check_kind("sid", sid, str)
        check_kind("cid", cid, str)
    if revision is not None:
        check_kind("revision", revision, int)


def check_unseen(source: object, before: object, layouts: object, keep: object) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` for what cannot say which sandboxes an import did not find."""
    check_kind("source", source, str)
    check_text(str(source))
    check_zoned("before", before)
    if layouts is not None:
        check_several("layouts", layouts)
    check_several("keep", keep)


def check_version(at: object, revision: object) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` for a time and a revision together, and as :func:`check_zoned`."""
    if at is None:
        return
    if revision is not None:
        raise InvalidValue("at", at, "is given together with a revision: give one of them")
    check_zoned("at", at)
