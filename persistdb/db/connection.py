"""A connection of the pool, used through its driver.

SQLAlchemy's own Connection costs more than most of our queries take (its result metadata, events and transactions are
made anew for each of them), so fixed statements go straight to the driver's cursor. The engine, its pool and its
dialect are SQLAlchemy's, and so are sessions and selects that are put together on demand.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy.engine import Connection as SQLAlchemyConnection

from ..validation import check_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine, TextClause
    from sqlalchemy.engine import Dialect
    from sqlalchemy.pool import PoolProxiedConnection

    from ..engines import Backend

T = TypeVar("T")


class Statement:
    """A fixed statement in the driver's own words; its parameters have names."""

    __slots__ = ("names", "sql")

    def __init__(self, clause: TextClause, dialect: Dialect) -> None:
        compiled = clause.compile(dialect=dialect)
        self.sql = compiled.string
        positions: list[str] | None = getattr(compiled, "positiontup", None)
        self.names: tuple[str, ...] | None = None if positions is None else tuple(positions)
        """The parameters in their order, for a driver that numbers them; ``None`` for one that knows names."""


Call = tuple[Statement, "Mapping[str, object]"]


class Answer(NamedTuple):
    """What a statement gave: the rows that it returns, and how many rows it changed or gave."""

    rows: Sequence[tuple[Any, ...]]
    number: int


class Connection:
    """A connection in autocommit, until ``begin``."""

    __slots__ = ("_backend", "_begin", "_engine", "_pooled", "driver")

    def __init__(self, engine: Engine, backend: Backend, pooled: PoolProxiedConnection) -> None:
        self._engine = engine
        self._backend = backend
        self._pooled = pooled
        self._begin = ""
        self.driver: Any = pooled.dbapi_connection

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
        """Run a statement and give all rows that it returns."""
        cursor = self._run(statement, parameters)
        # all of them: a statement that is not read to its end stays open, and SQLite would have to compile it again
        found: Sequence[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        return found

    def documents(self, statement: Statement, parameters: Mapping[str, object], decode: Callable[[str], T]) -> list[T]:
        """Run a statement that gives one document a row, and decode each as it comes, in the CPU's cache still."""
        cursor = self._run(statement, parameters)
        found = [decode(document) for (document,) in cursor]
        cursor.close()
        return found

    def value(self, statement: Statement, parameters: Mapping[str, object]) -> Any:
        """Run a statement and give the first value of its one row, ``None`` without a row."""
        found = self.rows(statement, parameters)
        return found[0][0] if found else None

    def change(self, statement: Statement, parameters: Mapping[str, object]) -> int:
        """Run a statement and give the number of rows that it changed."""
        cursor = self._run(statement, parameters)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def pipeline(self, calls: Sequence[Call]) -> list[Answer]:
        """Run statements that don't need each other's answers, in one round trip where the driver can."""
        with self._backend.pipeline(self.driver) if len(calls) > 1 else nullcontext():
            cursors = [self._run(statement, parameters) for statement, parameters in calls]
        answers = []
        for cursor in cursors:
            rows = cursor.fetchall() if cursor.description else ()
            answers.append(Answer(rows, len(rows) if cursor.description else cursor.rowcount))
            cursor.close()
        return answers

    def begin(self, sql: str) -> None:
        """Start a transaction with the engine's word for it, together with the first statement where the driver can."""
        self._begin = sql

    def commit(self) -> None:
        """Commit the transaction."""
        self.driver.commit()

    def _run(self, statement: Statement, parameters: Mapping[str, object]) -> Any:
        for value in parameters.values():
            if isinstance(value, str):
                check_text(value)
        names = statement.names
        values = parameters if names is None else tuple(parameters[name] for name in names)
        if not self._begin:
            return self._send(statement.sql, values)
        begin, self._begin = self._begin, ""
        with self._backend.pipeline(self.driver):
            self._send(begin, ()).close()
            return self._send(statement.sql, values)

    def _send(self, sql: str, values: Any) -> Any:
        cursor = self.driver.cursor()
        self._announce(cursor, sql, values)
        self._backend.execute(cursor, sql, values, self._pooled)
        return cursor

    def _announce(self, cursor: Any, sql: str, values: Any) -> None:
        """Tell those who listen to the engine's statements, such as tracing tools, as SQLAlchemy would."""
        listeners = self._engine.dispatch.before_cursor_execute
        if listeners:
            connection = SQLAlchemyConnection(self._engine, connection=self._pooled)
            for listener in listeners:
                listener(connection, cursor, sql, values, SimpleNamespace(), False)
