"""JSON as Go's encoding/json writes it, and its times.

Go escapes ``<``, ``>``, ``&``, U+2028 and U+2029 so that JSON can stand in HTML and JavaScript, and writes no space.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from whenever import OffsetDateTime

from ...errors import InvalidValue

ZERO_TIME: Final = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set."""

_encoder = msgspec.json.Encoder()
# None of these can stand outside a string, so replacing bytes is safe.
_HTML = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)
# msgspec writes \b and \f, Go before 1.22 wrote \u0008 and \u000c, and nearly all Kata releases were built with that.
# Only an unescaped backslash counts: the pair \\ is matched first and left alone.
_SHORT = re.compile(rb"\\[\\bf]")
_LONG = {b"\\\\": b"\\\\", b"\\b": b"\\u0008", b"\\f": b"\\u000c"}

# Go's strict RFC 3339: whenever's parser alone would take basic formats, commas, a lower-case t and a leap second.
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-5][0-9])"
)


def encode(value: object) -> bytes:
    """Encode to JSON as ``json.Marshal`` of Go does; structs keep the order of their fields."""
    out = _encoder.encode(value)
    for plain, escaped in _HTML:
        if plain in out:
            out = out.replace(plain, escaped)
    if b"\\b" in out or b"\\f" in out:
        out = _SHORT.sub(lambda match: _LONG[match[0]], out)
    return out


def write_time(moment: OffsetDateTime | None) -> str:
    """Write a time as Go's RFC3339Nano: trailing zeros trimmed, ``Z`` for UTC; ``None`` is Go's zero time.

    Raises :class:`~persistdb.errors.InvalidValue` for an offset with seconds, which RFC 3339 cannot write.
    """
    if moment is None:
        return ZERO_TIME
    text = moment.format_iso()
    if text.endswith("+00:00"):
        return text[:-6] + "Z"
    if _RFC3339.fullmatch(text) is None:
        raise InvalidValue("start_time", text, "RFC 3339 has no seconds in a UTC offset")
    return text


def read_time(text: str) -> OffsetDateTime | None:
    """Read a time as Go does; the zero time of UTC is ``None``.

    Digits beyond nanoseconds are cut off, as Go does. Raises :class:`ValueError` with a sentence when the text is no
    RFC 3339 time, or one whose UTC moment is outside the years 1 to 9999.
    """
    if text == ZERO_TIME:
        return None
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"is no RFC 3339 time: {shown(text)}")
    seconds, fraction, offset = match.groups()
    plain = seconds + (f".{fraction[:9]}" if fraction else "") + offset
    try:
        moment = OffsetDateTime.parse_iso(plain)
    except ValueError:
        raise ValueError(f"is no time in the years 1 to 9999 of UTC: {shown(text)}") from None
    return None if moment.format_iso() == "0001-01-01T00:00:00+00:00" else moment


def shown(text: str) -> str:
    """Quote text for an error message, shortened."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
