"""Statements that the server prepares, each once for a connection.

The server takes as long to parse a SELECT that builds documents as to run it. PyMySQL knows no prepared statements, so
they are SQL's own: PREPARE and EXECUTE … USING, with any expression since MariaDB 10.2.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OFTEN = 3
"""The runs on one connection after which a statement is prepared: a command with one query prepares none."""

MOST = 100
"""The most statements that one connection prepares; a server has 16,382 for all (max_prepared_stmt_count)."""

# PyMySQL's parameters have names, asyncmy's have an order
_MARK = re.compile(r"%\((\w+)\)s|%s|%%")
# ER_MAX_PREPARED_STMT_COUNT_REACHED
_FULL = 1461
# ER_UNKNOWN_STMT_HANDLER, from behind a proxy that switched to another server, and ER_NEED_REPREPARE, from a server
# whose table cache is too small: nothing was run
GONE = frozenset({1243, 1615})


class Prepared:
    """The prepared statements of one connection."""

    __slots__ = ("_most", "_ready", "_runs")

    def __init__(self) -> None:
        self._runs: dict[str, int] = {}
        self._ready: dict[str, str] = {}
        self._most = MOST

    def execute(self, cursor: Any, sql: str, values: Mapping[str, object] | Sequence[object]) -> None:
        """Run a statement with parameters: prepared if it comes often, unprepared where the server prepares no more."""
        ready = self.text(cursor, sql)
        try:
            cursor.execute(ready, values)
        except Exception as error:  # the driver's own, of whichever it is
            if ready is sql or not error.args or error.args[0] not in GONE:
                raise
            self.forget()
            cursor.execute(sql, values)

    def text(self, cursor: Any, sql: str) -> str:
        """Return what runs a statement: itself, or where it comes often the prepared one, with the same parameters."""
        ready = self._ready.get(sql)
        if ready is None:
            ready = self._prepare(cursor, sql) if self._is_often(sql) else sql
        return ready

    def forget(self) -> None:
        """Forget the statements that the server has lost."""
        self._ready.clear()

    def _is_often(self, sql: str) -> bool:
        if len(self._ready) >= self._most:
            return False
        runs = self._runs.pop(sql, 0) + 1
        if runs > OFTEN:
            return True
        if len(self._runs) >= MOST:  # many kinds of statements: frequent ones will be counted again
            self._runs.clear()
        self._runs[sql] = runs
        return False

    def _prepare(self, cursor: Any, sql: str) -> str:
        marks: list[str] = []

        def mark(match: re.Match[str]) -> str:
            if match[0] == "%%":
                return "%"
            marks.append("%s" if match[1] is None else f"%({match[1]})s")
            return "?"

        text = _MARK.sub(mark, sql)
        name = f"persistdb_{len(self._ready)}"
        try:
            cursor.execute(f"PREPARE {name} FROM %s", (text,))
        except Exception as error:  # the same
            if not error.args or error.args[0] != _FULL:
                raise
            self._most = len(self._ready)
            return sql
        # USING without a parameter is a syntax error
        ready = f"EXECUTE {name} USING {', '.join(marks)}" if marks else f"EXECUTE {name}"
        self._ready[sql] = ready
        return ready
