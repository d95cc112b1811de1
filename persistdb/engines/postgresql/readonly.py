"""One statement that only reads: a cursor that takes nothing but a query, and functions that do more than read."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

# Volatile, for each call returns another value, and nothing else.
_HARMLESS = ["random", "clock_timestamp", "timeofday", "gen_random_uuid", "statement_timestamp"]
# PostgreSQL's lexical structure (docs/current/sql-syntax-lexical.html); comments nest and are taken out before.
_TOKEN = re.compile(
    r"""(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<escaped>[uU]&")|"(?P<quoted>(?:[^"]|"")*)"|(?P<name>[^\W\d][\w$]*)|(?P<comment>--[^\r\n]*|/\*)|(?P<other>\S)""",
    re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


@contextlib.contextmanager
def cursor(engine: Engine, timeout: float) -> Iterator[Any]:
    """Declare a cursor in a READ ONLY transaction: only a query can be one, and it is sent as one statement.

    READ ONLY alone would let COPY … TO PROGRAM and DO pass.
    """
    pooled = engine.raw_connection()
    pooled.detach()
    connection: Any = pooled.dbapi_connection
    try:
        connection.execute("BEGIN READ ONLY")
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('standard_conforming_strings', 'on', true)",
            [str(max(1, int(timeout * 1000)))],
        )
        with connection.cursor(name="persistdb") as cursor:
            yield cursor
    finally:
        connection.close()


def effect(cursor: Any, sql: str) -> str:
    """Name a function that is volatile: one that ends sessions, reads the server's files, runs SQL in a text.

    The read-only transaction stops functions that write tables, and no others.
    """
    names, hidden = _called(sql)
    if hidden:
        return hidden
    with cursor.connection.cursor() as other:
        other.execute(
            "SELECT min(proname) FROM pg_catalog.pg_proc"
            " WHERE proname = ANY(%s) AND provolatile = 'v' AND NOT proname = ANY(%s)",
            [names, _HARMLESS],
        )
        (volatile,) = other.fetchone()
    return f"the function {volatile}" if volatile else ""


def _called(sql: str) -> tuple[list[str], str]:
    """Name the functions that a statement calls, and a way of spelling names that hides them, if it uses one."""
    names: list[str] = []
    last = ""
    position = 0
    while token := _TOKEN.search(sql, position):
        position = token.end()
        if token["comment"] == "/*":
            depth = 1
            while depth and (mark := _COMMENT_MARK.search(sql, position)):
                depth += 1 if mark[0] == "/*" else -1
                position = mark.end()
        elif token["escaped"]:
            return names, "a name with escapes (U&)"
        elif token["comment"] is None:
            if token["other"] == "(" and last:
                names.append(last)
            quoted = token["quoted"]
            last = (token["name"] or "").lower() if quoted is None else quoted.replace('""', '"')
    return names, ""
