"""Rows and timestamps as the text that statements take.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ..errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Sequence


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A row of a statement."""


def encode(rows: Sequence[Row]) -> str:
    """Write rows as the JSON parameter of a statement.

    Raises :class:`InvalidValue` for text that not every engine can hold: with a NUL, or with half of a surrogate pair.
    """
    text = encode_json(rows)
    if "\\u0000" in text:
        _refuse_nul(rows)
    return text


def utc_text(time: datetime) -> str:
    """Write a timestamp as every engine reads it: UTC, to the microsecond."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


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
        raise InvalidValue("text", error.object, "half of a surrogate pair is no character") from None


def _refuse_nul(rows: Sequence[Row]) -> None:
    # What looks like an escaped NUL may be a backslash before the text "u0000", so each value is looked at. Options are
    # JSON in JSON: there the backslash is doubled.
    for row in rows:
        for value in msgspec.structs.astuple(row):
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
