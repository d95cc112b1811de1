"""Rows and timestamps as the text that statements take.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import InvalidValue
from ..validation import INT64

if TYPE_CHECKING:
    from collections.abc import Sequence


NO_PID: Final = INT64[0]
"""What stands for no process where containers are sorted by pid: engines differ in where they sort NULL."""

_LISTS = frozenset({"options"})
"""The columns whose text is a list of texts in JSON."""

_NUL = "a NUL character cannot be stored"
_SURROGATE = "half of a surrogate pair is no character"


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row of a statement, of plain values."""

    def place(self) -> str:
        """Say which of a record's values the row is, before the name of a column."""
        return ""


def encode(rows: Sequence[Row]) -> str:
    """Write rows as the JSON parameter of a statement.

    Raises :class:`InvalidValue` for text that not every engine can hold, with its column: with a NUL, or with half of a
    surrogate pair.
    """
    try:
        text = encode_json(rows)
    except InvalidValue:
        _refuse_bad_text(rows)
        raise
    if "\\u0000" in text:
        _refuse_bad_text(rows)
    return text


# of a value of these types, and of ASCII text without a NUL, nothing need be checked
_PLAIN = frozenset({int, bool, type(None)})


def values_of(row: Row) -> dict[str, object]:
    """Return a row's values by name, as the parameters of a statement for one row.

    Raises :class:`InvalidValue` as :func:`encode` does.
    """
    values = msgspec.structs.asdict(row)
    for value in values.values():
        kind = type(value)
        if (not value.isascii() or "\0" in value) if kind is str else kind not in _PLAIN:
            # through JSON, which checks the text, and makes plain values of a caller's subclasses
            (plain,) = msgspec.json.decode(encode([row]))
            return dict(zip(values, plain, strict=True))
    return values


def utc_text(time: datetime) -> str:
    """Write a timestamp as every engine reads it: UTC, to the microsecond."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def now_text() -> str:
    """Write the time as it is now, in the same way."""
    seconds, nanoseconds = divmod(time_ns(), 1_000_000_000)
    return f"{_to_the_second(seconds)}.{nanoseconds // 1000:06}"


# a twentieth of a change of state was to write the whole of it again
@lru_cache(maxsize=1)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")[: len("YYYY-MM-DD HH:MM:SS")]


def _plain(value: object) -> object:
    """Write a subclass of str or int as what it is made of."""
    return str.__str__(value) if isinstance(value, str) else int.__int__(value)  # type: ignore[arg-type]  # none but these pass


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode_json(value: object) -> str:
    """Write a value as JSON.

    Raises :class:`~persistdb.errors.InvalidValue` for half of a surrogate pair.
    """
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError as error:
        raise InvalidValue("text", error.object, _SURROGATE) from None


def _refuse_bad_text(rows: Sequence[Row]) -> None:
    # What looks like an escaped NUL may be a backslash before the text "u0000", so each value is looked at. A list is
    # JSON in JSON: there the backslash is doubled. In any other column such JSON is text.
    for row in rows:
        for name, value in zip(row.__struct_fields__, msgspec.structs.astuple(row), strict=True):
            if isinstance(value, str) and (reason := _reason(value, is_list=name in _LISTS)):
                raise InvalidValue(row.place() + name, value, reason)


def _reason(value: str, *, is_list: bool) -> str:
    if "\0" in value or (is_list and _has_escaped_nul(value)):
        return _NUL
    return "" if value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value) else _SURROGATE


def _has_escaped_nul(value: str) -> bool:
    return "\\u0000" in value and any("\0" in item for item in msgspec.json.decode(value, type=list[str]))
