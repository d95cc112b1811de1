"""Times as Go reads and writes them in JSON: RFC 3339 with nanoseconds."""

from __future__ import annotations

import re
from typing import Final

from whenever import OffsetDateTime

from ...errors import InvalidValue

ZERO_TIME: Final = "0001-01-01T00:00:00Z"
"""The text that Go writes for a time that was never set."""

# Go's strict RFC 3339: whenever's parser also takes basic formats, commas, a lower-case t and a leap second.
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-5][0-9])"
)


def write_time(time: OffsetDateTime | None) -> str:
    """Write a time as Go's RFC3339Nano: trailing zeros trimmed, ``Z`` for UTC; ``None`` is Go's zero time.

    Raises :class:`~persistdb.errors.InvalidValue` for a UTC offset with seconds, which RFC 3339 cannot write.
    """
    if time is None:
        return ZERO_TIME
    text = time.format_iso()
    if text.endswith("+00:00"):
        return text[:-6] + "Z"
    if _RFC3339.fullmatch(text) is None:
        raise InvalidValue("start_time", text, "its UTC offset has seconds, which RFC 3339 cannot write")
    return text


def read_time(text: str) -> OffsetDateTime | None:
    """Read a time as Go does; its zero time is ``None``.

    Digits beyond nanoseconds are cut off, as Go does. Raises :class:`ValueError` with a sentence when the text is not
    an RFC 3339 time, or when the time converted to UTC is outside the years 1 to 9999.
    """
    if text == ZERO_TIME:
        return None
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"is no RFC 3339 time: {_quoted_excerpt(text)}")
    seconds, fraction, offset = match.groups()
    plain = seconds + (f".{fraction[:9]}" if fraction else "") + offset
    try:
        time = OffsetDateTime.parse_iso(plain)
    except ValueError:
        raise ValueError(f"is no time in the years 1 to 9999 of UTC: {_quoted_excerpt(text)}") from None
    return None if time.format_iso() == "0001-01-01T00:00:00+00:00" else time


def _quoted_excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
