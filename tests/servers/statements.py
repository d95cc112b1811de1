"""What went to a database: its statements, and apart from them what a transaction costs anyway."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# SQLite's BEGIN is a statement that persistdb sends; the other drivers begin without telling.
_CONTROL = re.compile(
    r"\s*((SET STATEMENT wsrep_sync_wait = 1 FOR )?START\s+TRANSACTION|BEGIN|COMMIT|ROLLBACK(?!\s+TO)|END)\b",
    re.IGNORECASE,
)
_INSERT = re.compile(r"\s*(INSERT|REPLACE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One call of a driver's ``execute`` or ``executemany``."""

    text: str
    #: The sets of values that it was called with; 1 for ``execute``.
    sets: int
    #: The times that it went over the network.
    round_trips: int


@dataclass
class Statements:
    """What an engine sent since the recording began, or since the last ``clear()``."""

    statements: list[Statement] = field(default_factory=list)
    begins: int = 0
    commits: int = 0
    rollbacks: int = 0
    pings: int = 0

    @property
    def texts(self) -> list[str]:
        """The statements' SQL, without BEGIN, COMMIT and ROLLBACK."""
        return [statement.text for statement in self.statements]

    @property
    def round_trips(self) -> int:
        """The statements' round trips, without BEGIN, COMMIT, ROLLBACK and pings."""
        return sum(statement.round_trips for statement in self.statements)

    def clear(self) -> None:
        """Forget everything."""
        self.statements.clear()
        self.begins = self.commits = self.rollbacks = self.pings = 0

    @contextmanager
    def recording(self, engine: Engine) -> Iterator[Statements]:
        """Record what this engine sends while the block runs."""
        ping = engine.dialect.do_ping

        def on_statement(
            _connection: Connection, _cursor: Any, text: str, parameters: Any, _context: Any, executemany: bool
        ) -> None:
            if not _CONTROL.match(text):
                sets = len(parameters) if executemany else 1
                # PyMySQL makes one INSERT of many sets of values, and sends any other statement once for each;
                # psycopg sends all in one pipeline.
                each = executemany and engine.dialect.driver == "pymysql" and not _INSERT.match(text)
                self.statements.append(Statement(text, sets, sets if each else 1))

        def on_begin(_connection: Connection) -> None:
            self.begins += 1

        def on_commit(_connection: Connection) -> None:
            self.commits += 1

        def on_rollback(_connection: Connection) -> None:
            self.rollbacks += 1

        def on_ping(connection: Any) -> bool:
            self.pings += 1
            return ping(connection)

        listeners: list[tuple[str, Callable[..., None]]] = [
            ("before_cursor_execute", on_statement),
            ("begin", on_begin),
            ("commit", on_commit),
            ("rollback", on_rollback),
        ]
        for name, listener in listeners:
            event.listen(engine, name, listener)
        # No event tells of pings.
        engine.dialect.do_ping = on_ping  # type: ignore[method-assign]
        try:
            yield self
        finally:
            del engine.dialect.do_ping  # the instance's, so that the class's shows again
            for name, listener in listeners:
                event.remove(engine, name, listener)
