"""One statement that only reads: a READ ONLY transaction, and statements that do more than read in spite of it."""

from __future__ import annotations

import contextlib
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ..deadlines import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

_FUNCTIONS = "get_lock|release_lock|release_all_locks|load_file|nextval|setval|sys_exec|sys_eval|sys_set"
# Texts, quoted names and comments as the server reads them in the modes that a session has here; a comment that begins
# with ! or M! is executed, and the name of a function may be quoted.
_QUOTED = re.compile(
    r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|`(?!(?:"""
    + _FUNCTIONS
    + r""")`)(?:[^`]|``)*`|--(?=[\x00-\x20\x7f]|$)[^\n]*|\#[^\n]*"""
    r"""|/\*(?!M?!).*?\*/""",
    re.DOTALL | re.IGNORECASE,
)
_EXECUTED_COMMENT = re.compile(r"/\*M?!")
# After a number, and after \N for NULL, a word needs no blank before it.
_EFFECT = re.compile(
    r"(?<![\w$])(?:[0-9]\w*?|N)?into\b|\bfor\s+update\b|\block\s+in\s+share\s+mode\b|\bnext\s+value\s+for\b"
    rf"|\b(?:{_FUNCTIONS})`?\s*\(",
    re.IGNORECASE,
)


@contextlib.contextmanager
def cursor(engine: Engine, timeout: float, limit: int | None, interrupt: Callable[[Any], None]) -> Iterator[Any]:
    """Start a READ ONLY transaction; the driver sends one statement at a time.

    The server cuts the result, for the driver reads it to its end, also when it is closed. ``interrupt`` ends what a
    connection waits for.
    """
    pooled = engine.raw_connection()
    pooled.detach()
    connection: Any = pooled.dbapi_connection
    too_late = partial(connection.OperationalError, 1969)
    try:
        with answered(timeout, lambda: interrupt(connection), too_late), connection.cursor() as cursor:
            cursor.execute("SET SESSION max_statement_time = %s", [timeout])
            if limit is not None:
                cursor.execute("SET SESSION sql_select_limit = %s", [limit + 1])
            cursor.execute("START TRANSACTION READ ONLY")
            start = time.monotonic()
            yield cursor
            if time.monotonic() - start >= timeout:
                # benchmark() is stopped, and returns a row as if it had come to its end
                raise too_late("Query execution was interrupted (max_statement_time exceeded)")
    finally:
        connection.close()


def effect(sql: str) -> str:
    """Name a part of a statement that writes a file or takes locks; the read-only transaction stops neither."""
    plain = _QUOTED.sub(" ", sql)
    if _EXECUTED_COMMENT.search(plain):
        return "a comment that is executed"
    part = _EFFECT.search(plain)
    return " ".join(part[0].split()).upper().rstrip("(` ") if part else ""
