"""Run one statement that only reads, written by a user: the engine itself refuses to write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..db.work import Statement
from ..errors import InvalidValue, PersistDBError, TooManyRights
from ..schema.prepare import prepare
from ..validation import INT32, check_seconds, check_text, utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.database import Database

# From here on a limit means all: neither sqlite3 nor PostgreSQL's FETCH can count further.
_ALL = INT32[-1]

# Columns of the views whose type not every engine has: SQLite has no booleans and no timestamps, MariaDB no booleans.
BOOLEANS = frozenset(
    {
        *("is_sandbox", "is_rootfs", "is_bind", "is_init", "has_document", "rootfs_mounted", "mounted", "shared"),
        *("read_only", "nosuid", "nodev", "noexec", "is_open"),
    }
)
TIMESTAMPS = frozenset(
    {
        *("created_at", "updated_at", "started_at", "seen_at", "first_seen", "last_seen", "horizon"),
        *("at", "valid_from", "valid_to", "first_start", "last_start", "removed"),
        *("began_at", "gone_at", "finished_at", "since", "first_since", "last_since"),
    }
)

# Text that may precede the first word: blanks, comments, parentheses.
_BEFORE = re.compile(r"(?:[ \t\r\n\f\v]|\(|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"\w+")
_READS = frozenset({"select", "with", "values"})
# EXPLAIN with its options as the three engines write them; what it explains must read, too.
_EXPLAIN = re.compile(
    r"explain\b(?:\s+(?:query\s+plan|analyze|verbose|extended|partitions|format\s*=\s*\w+)\b"
    r"|\s*\((?!\s*(?:select|with|values)\b)[\w\s,]*\))*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rows:
    """The result of a statement: the names of its columns, its rows, and whether rows beyond the limit were cut."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool


def read(
    database: Database,
    sql: str,
    parameters: Mapping[str, object] | None = None,
    *,
    timeout: float | None = None,
    limit: int | None = None,
    trusted: bool = False,
) -> Rows:
    """Run one statement that only reads, and return at most ``limit`` rows.

    With ``parameters``, ``:name`` in the statement stands for a value. ``timeout`` is in seconds, by default
    ``Timeouts.statement``. A user with rights beyond reading that a SELECT
    can use, a superuser for example, runs ``trusted`` statements only.

    Raises :class:`~persistdb.errors.InvalidValue` for a statement that is neither a SELECT nor EXPLAIN of one, or has
    an effect, :class:`~persistdb.errors.TooManyRights`, :class:`~persistdb.errors.QueryTimeout`,
    :class:`~persistdb.errors.DatabaseError`.
    """
    check_text(sql)
    if database.is_replica:  # a query of another schema would be the engine's error
        prepare(database, create=False)
    timeout = database.timeouts.statement if timeout is None else timeout
    check_seconds("timeout", timeout)
    if not timeout:
        raise InvalidValue("timeout", timeout, "must be more than 0")
    if limit is not None and limit >= _ALL:
        limit = None
    first = first_word(sql)
    explains = None if first is None else _EXPLAIN.match(sql, first.start())
    if explains:
        first = first_word(sql, explains.end())
    if first is None or first[0].lower() not in _READS:
        must = "SELECT, WITH or VALUES, or be EXPLAIN of one"
        raise InvalidValue("query", sql, f"not a statement that only reads: it must begin with {must}")
    text_, values = (sql, None) if parameters is None else bound(database, sql, parameters)
    try:
        with database.backend.read_only(lambda: database.engine, timeout, limit) as cursor:
            rights = [] if trusted else database.backend.rights(cursor)
            if rights:
                raise TooManyRights(database.url, rights=rights)
            effect = database.backend.effect(cursor, sql)
            if effect:
                raise InvalidValue("query", sql, f"{effect} has effects beyond reading")
            if explains:
                cursor = database.backend.explaining(cursor)
            if values is None:
                cursor.execute(text_)
            else:
                cursor.execute(text_, values)
            fetched = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
            names = [column[0] for column in cursor.description]
    except PersistDBError:
        raise
    except database.failures as error:
        raise database.failure(error) from error
    types = [_KINDS.get(name) for name in names]
    rows = [[_typed(value, kind) for value, kind in zip(row, types, strict=True)] for row in fetched[:limit]]
    return Rows(names, rows, limit is not None and len(fetched) > limit)


def first_word(sql: str, start: int = 0) -> re.Match[str] | None:
    """Return the first word of a statement, after blanks, comments and parentheses."""
    return _WORD.match(sql, _BEFORE.match(sql, start).end())  # type: ignore[union-attr]  # it also matches an empty text


def bound(database: Database, sql: str, parameters: Mapping[str, object]) -> tuple[str, Any]:
    """Return a statement in the driver's form, and its values."""
    backend = database.backend
    statement = Statement(sql, backend.style)
    values = {
        name: backend.timestamp(utc(value)) if isinstance(value, datetime) else value
        for name, value in parameters.items()
    }
    if statement.names is not None:
        return statement.sql, [values[name] for name in statement.names]
    return statement.sql, values


_KINDS: dict[str, type] = {**dict.fromkeys(BOOLEANS, bool), **dict.fromkeys(TIMESTAMPS, datetime)}


def _typed(value: Any, kind: type | None) -> Any:
    """Return a value in the form that is the same on all engines."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if kind is bool and value in (0, 1):
        return bool(value)
    if kind is datetime and isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value  # a column of another table with the same name
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
