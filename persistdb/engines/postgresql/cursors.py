"""Cursors of psycopg that connections keep, one for each statement.

psycopg looks for the dumpers and loaders of a new cursor again, and of one that comes to another statement: a seventh
of a get. It finds the parameters of a statement again each time that has more than 4 kB, as a creation has. So the
statements have numbers for their parameters here, put in once for all connections.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import psycopg

MOST = 32
"""The cursors that a connection keeps."""
_FEW = 20
"""The rows that one may hold until its next statement."""
_PARAMETER = re.compile(r"%(?:%|\((\w+)\)s)")


@lru_cache(512)
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with numbers for its parameters, and the names of these in order."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match[1]
        return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PARAMETER.sub(number, sql).encode(), tuple(numbers)


class _Kept(psycopg.RawCursor[Any]):
    """A cursor for one statement, which is used again when it is closed."""

    is_free = False

    def __init__(self, driver: psycopg.Connection[Any], sql: str) -> None:
        super().__init__(driver)
        self._text, self._names = _numbered(sql)

    # the statement is the cursor's own
    def execute(self, _sql: Any, values: Any) -> None:  # type: ignore[override]
        """Run the statement with values by name."""
        super().execute(self._text, [values[name] for name in self._names])

    @property
    def description(self) -> Any:
        """Whether there are rows, which is all that is asked: a list of columns takes as long as to read one row."""
        return self.rownumber is not None

    def close(self) -> None:
        """Stay open, unless it holds many rows: whoever closes it has read them."""
        if self.rowcount > _FEW:
            super().close()
        self.is_free = True


def kept_cursor(driver: psycopg.Connection[Any], kept: dict[str, Any], sql: str) -> Any:
    """Return the cursor for a statement, of the ones that are kept unless it is in use, as twice in a pipeline."""
    cursor = kept.get(sql)
    if cursor is None or cursor.closed:
        if len(kept) >= MOST:
            kept.clear()
        cursor = kept[sql] = _Kept(driver, sql)
    elif cursor.is_free:
        cursor.is_free = False
    else:
        cursor = _Kept(driver, sql)
    return cursor
