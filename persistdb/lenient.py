"""Values of JSON documents that may hold anything: what has not the shape that is looked for is nothing.

Nothing here raises. A NUL, and half of a surrogate pair, which not every engine can hold, becomes U+FFFD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Final = msgspec.Raw(b"null")
"""A value that is not there."""

INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)
_INTEGER: Final = re.compile(rb"(-?)([0-9]+)")
_DIGITS: Final = 19  # of INT64_MAX
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_decode_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def members(raw: str | msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    """Return the members of an object; none of what is no object."""
    if raw is NOTHING:
        return {}
    try:
        return _decode_members(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_members(_whole(raw)) if isinstance(raw, str) and "\\u" in raw else {}


def _whole(document: str) -> str:
    """Return a document without halves of surrogate pairs, which msgspec does not take; else an empty one."""
    import json  # start-up cost, for what few documents have

    try:
        value = json.loads(document)
        text = json.dumps(value if isinstance(value, dict) else {}, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "{}"
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def items(raw: msgspec.Raw) -> list[msgspec.Raw] | None:
    """Return the items of a list; ``None`` for what is no list."""
    if raw is NOTHING:
        return None
    try:
        return _decode_items(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def texts(raw: msgspec.Raw) -> dict[str, str]:
    """Return the members of an object that are texts."""
    pairs = ((storable(name), text(value)) for name, value in members(raw).items())
    return {name: value for name, value in pairs if value is not None}


def text(raw: msgspec.Raw) -> str | None:
    """Return a text; ``None`` for what is none."""
    try:
        return storable(_decode_text(raw))
    except (msgspec.MsgspecError, ValueError):
        return None


def integer(raw: msgspec.Raw) -> int | None:
    """Return an integer, the nearest of 64 bits for one beyond; ``None`` for what is none, or has a fraction."""
    match = _INTEGER.fullmatch(bytes(raw))
    if match is None:
        return None
    minus, digits = match.groups()
    return clamped(int(minus + (digits if len(digits) <= _DIGITS else b"9" * _DIGITS)))


def clamped(number: int) -> int:
    """Return the nearest integer of 64 bits."""
    return number if _INT64_MIN <= number <= INT64_MAX else max(min(number, INT64_MAX), _INT64_MIN)


def storable(text: str) -> str:
    """Return a text that every engine can hold."""
    return text.replace("\0", "\ufffd") if "\0" in text else text
