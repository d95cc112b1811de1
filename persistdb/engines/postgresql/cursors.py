"""Cursors of psycopg that connections keep, one for each statement.

psycopg looks for the dumpers and loaders of a new cursor again, and of one that comes to another statement: a seventh
of a get. It finds the parameters of a statement again each time that has more than 4 kB, as a creation has. So the
statements have numbers for their parameters here, put in once for all connections.

A cursor holds the values of its statement until this comes again, also when it is closed. So one that was given a large
one is not kept.
"""

from __future__ import annotations

import re
import weakref
from functools import lru_cache
from typing import Any

import psycopg

MOST = 32
"""The cursors that a connection keeps."""
LARGE = 16_384
"""The characters of a value from which the cursor that it was given is not kept."""
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

    def __init__(self, driver: psycopg.Connection[Any], sql: str, among: weakref.ref[Cursors]) -> None:
        super().__init__(driver)
        self._sql, self._among = sql, among
        self._text, self._names = _numbered(sql)

    # the statement is the cursor's own
    def execute(self, _sql: Any, values: Any) -> None:  # type: ignore[override]
        """Run the statement with values by name."""
        given = [values[name] for name in self._names]
        for value in given:
            if type(value) is str and len(value) >= LARGE:
                self._leave()
                break
        super().execute(self._text, given)

    @property
    def description(self) -> Any:
        """Whether there are rows, in the place of DB-API's list of columns, which takes as long as to read one row."""
        return self.rownumber is not None

    def close(self) -> None:
        """Stay open, without rows: whoever closes it has read them."""
        result = self.pgresult
        if result is not None:  # in a pipeline it may be yet to come
            result.clear()
        self.is_free = True

    def _leave(self) -> None:
        among = self._among()
        if among is not None and among.get(self._sql) is self:
            del among[self._sql]


class Cursors(dict[str, _Kept]):
    """The cursors that a connection keeps, by their statements."""

    def take(self, driver: psycopg.Connection[Any], sql: str) -> _Kept:
        """Return a statement's cursor, a new one where that is in use, as twice in a pipeline, or met an error."""
        cursor = self.get(sql)
        if cursor is not None and cursor.is_free:
            cursor.is_free = False
        else:
            if len(self) >= MOST:
                self.clear()
            # the cursors hold their connection: were they to hold these, too, it would outlive its last use
            cursor = self[sql] = _Kept(driver, sql, weakref.ref(self))
        return cursor
