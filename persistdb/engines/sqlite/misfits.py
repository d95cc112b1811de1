"""Values that are not of their column's type: SQLite stores any value in any column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Integer, SmallInteger, String

from ..types import UTCDateTime

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


def condition(column: str, kind: TypeEngine[Any]) -> str:
    """Return the condition for values in a column that are not of its type, or beyond its range."""
    stored = "text"
    if isinstance(kind, Boolean):
        stored, more = "integer", f"{column} NOT IN (0, 1)"
    elif isinstance(kind, Integer):
        if isinstance(kind, BigInteger):  # SQLite's own integers have no more than its 64 bits
            return f"{column} IS NOT NULL AND typeof({column}) <> 'integer'"
        bits = 15 if isinstance(kind, SmallInteger) else 31
        stored, more = "integer", f"{column} NOT BETWEEN {-(1 << bits)} AND {(1 << bits) - 1}"
    elif isinstance(kind, UTCDateTime):
        more = f"datetime({column}) IS NULL"
    elif isinstance(kind, JSON):
        more = f"NOT json_valid({column})"
    else:
        more = f"instr({column}, char(0)) > 0"
        if isinstance(kind, String) and kind.length:
            more += f" OR length({column}) > {kind.length}"
    return f"{column} IS NOT NULL AND (typeof({column}) <> '{stored}' OR {more})"


def doubt(column: str, kind: TypeEngine[Any]) -> str | None:
    """Return the condition for values that are not of a column's type, or that a record may not hold.

    JSON and text are of their type if they are text: what is in them is the reader's to tell.
    """
    if isinstance(kind, UTCDateTime):
        return f"({column} IS NOT NULL AND NOT coalesce({_TIME.format(column)}, 0))"
    if isinstance(kind, Boolean | Integer):
        return f"({condition(column, kind)})"
    too_long = f" OR length({column}) > {kind.length}" if isinstance(kind, String) and kind.length else ""
    return f"({column} IS NOT NULL AND (typeof({column}) <> 'text'{too_long}))"


_DIGITS: Final = "[0-9]" * 6
# As it is stored, and of a day that there is; one of the first or the last year may be beyond a datetime elsewhere. All
# but instr() take the text to end at a NUL, and datetime() leaves an hour of 24 as it is.
_TIME: Final = (
    f"typeof({{0}}) = 'text' AND length({{0}}) = 26 AND substr({{0}}, 20) GLOB '.{_DIGITS}'"
    " AND NOT instr({0}, char(0)) AND datetime({0}) = substr({0}, 1, 19) AND substr({0}, 12, 2) <> '24'"
    " AND {0} BETWEEN '0002-01-01' AND '9998-12-31'"
)
