"""One statement that only reads: a cursor that takes nothing but a query, and functions that do more than read."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from ..deadlines import answered
from .roles import HARMFUL, HIDING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

# PostgreSQL's lexical structure (docs/current/sql-syntax-lexical.html and scan.l): in names and tags any character
# beyond ASCII counts as a letter; comments nest and are taken out before.
_LETTER = r"a-zA-Z_\x80-\U0010ffff"
_TOKEN = re.compile(
    r"""(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'"""
    rf"""|\$(?P<tag>(?:[{_LETTER}][{_LETTER}0-9]*)?)\$.*?\$(?P=tag)\$)"""
    rf"""|(?P<escaped>[uU]&")|"(?P<quoted>(?:[^"]|"")*)"|(?P<name>[{_LETTER}][{_LETTER}0-9$]*)"""
    r"""|(?P<comment>--[^\r\n]*|/\*)|(?P<other>\S)""",
    re.DOTALL,
)
_HARMFUL = (
    f"SELECT DISTINCT CAST(p.proname AS text) FROM pg_catalog.pg_proc AS p WHERE {HARMFUL}"
    " AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')"
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


@contextlib.contextmanager
def cursor(engine: Engine, timeout: float, interrupt: Callable[[Any], None]) -> Iterator[Any]:
    """Declare a cursor in a READ ONLY transaction: only a query can be one, and it is sent as one statement.

    READ ONLY alone would let COPY … TO PROGRAM and DO pass. ``interrupt`` ends what a connection waits for.
    """
    pooled = engine.raw_connection()
    pooled.detach()
    connection: Any = pooled.dbapi_connection
    driver: Any = engine.dialect.loaded_dbapi
    try:
        with answered(timeout, lambda: interrupt(connection), driver.errors.QueryCanceled):
            # not set_config, which a reader may not call; to compile what views compute took 3.7 of a report's 3.8 s
            connection.execute(
                "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on; SET LOCAL jit = off;"
                f" SET LOCAL statement_timeout = {max(1, int(timeout * 1000))}"
            )
            with connection.cursor(name="persistdb") as cursor:
                yield cursor
    finally:
        connection.close()


def effect(cursor: Any, sql: str) -> str:
    """Name a function in the statement that has effects and that this user may call.

    The server refuses functions that this user may not call, and the read-only transaction what writes tables. For a
    reader nothing is left, so the text is not even looked at.
    """
    with cursor.connection.cursor() as other:
        other.execute(_HARMFUL)
        harmful = {name for (name,) in other.fetchall()}
    if not harmful:
        return ""
    names, hidden = _called(sql)
    if hidden:
        return hidden
    return next((f"the function {name}" for name in names if name in harmful or name in HIDING), "")


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
