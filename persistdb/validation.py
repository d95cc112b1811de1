"""What a value must be to be stored on every engine: the one definition of a valid ID, key, number and text.

Pure: nothing here touches a database.
"""

from __future__ import annotations

import re

import msgspec

from .errors import InvalidValue
from .records import ContainerState, Origin, Process, SandboxState, SandboxWrite

KEY_LENGTH = 255
"""Characters in a ``host``, ``sid`` or ``cid``: NAME_MAX, for they are names of folders."""
TOKEN_LENGTH = 512
"""Characters in a process token: MariaDB's longest index key is 3072 bytes, four a character."""

UINT32 = range(1 << 32)
INT32 = range(-(1 << 31), 1 << 31)
INT64 = range(-(1 << 63), 1 << 63)
# MariaDB takes JSON of a depth of less than 32 only (its JSON_DEPTH_LIMIT).
_DEEPEST = 31
# strings too, so that a bracket in one is passed over
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def check_text(value: str) -> None:
    """Refuse what is no text, and text that not every engine can hold: with a NUL, or with half of a surrogate pair.

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


def number(name: str, value: object, numbers: range, what: str) -> int:
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
    """Refuse a value that is no ID of a sandbox or container (:func:`invalid_id`)."""
    check_kind(name, value, str)
    reason = invalid_id(value)
    if reason is not None:
        raise InvalidValue(name, value, reason)


def invalid_id(value: str) -> str | None:
    """Return why a text is no ID of a sandbox or container, ``None`` if it is one.

    An ID names a folder in a runtime's tree and is a part of ``SID/CID``.
    """
    if not value:
        return "an ID cannot be empty"
    if value.startswith("."):
        return "an ID cannot begin with a dot"
    if "/" in value or "\0" in value:
        return "an ID cannot hold a path separator or NUL"
    if len(value) > KEY_LENGTH:
        return f"an ID cannot be longer than {KEY_LENGTH} characters"
    return None if _is_utf8(value) else "an ID must be valid UTF-8"


def check_count(name: str, value: int, least: int) -> None:
    """Refuse a number of things that is none, too small, or beyond 64 bits."""
    number(name, value, range(least, 1 << 63), f"a whole number from {least} on")


def check_length(name: str, value: str, most: int = KEY_LENGTH) -> None:
    """Refuse what is no text, and text that is too long for its column."""
    check_kind(name, value, str)
    if len(value) > most:
        raise InvalidValue(name, value, f"longer than {most} characters")


def check_extra(text: str) -> None:
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


def check_shape(record: ContainerState) -> None:
    """Refuse what is no record, or one whose lists are none: what is compared before its values are looked at.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    check_kind("record", record, ContainerState)
    for name in ("device_maps", "mounts", "processes"):
        check_kind(name, getattr(record, name), list)
    for process in record.processes:
        check_kind("process", process, Process)


def check_write(write: SandboxWrite) -> None:
    """Refuse what is no write of a sandbox, as :func:`check_shape` does each of its containers.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    check_kind("sandbox", write, SandboxWrite)
    if write.record is not None:
        check_kind("record", write.record, SandboxState)
        if write.record.document is not None:
            check_kind("document", write.record.document, str)
    for record in write.containers.values():
        check_shape(record)
    for origin in write.origins.values():
        check_kind("origin", origin, Origin)
        if origin.document is not None:
            check_kind("document", origin.document, str)
