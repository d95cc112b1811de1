"""A connection of the pool, used through its driver.

SQLAlchemy's own Connection costs more than most of our queries take (it builds result metadata, events and transactions
for each of them), so fixed statements go straight to the driver's cursor. The engine, its pool and its dialect are
SQLAlchemy's, and so are sessions and selects that are put together on demand; a file needs none of them
(:mod:`..engines.plain`).
"""

from __future__ import annotations

import logging
from contextlib import nullcontext, suppress
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ..engines.deadlines import InFlight
from ..engines.plain import Connections
from ..validation import check_text
from .work import Answer, Call, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

    from ..engines import Backend

T = TypeVar("T")


class Connection(InFlight):
    """A connection in autocommit, until ``begin``, for one unit of work."""

    __slots__ = ("_alone", "_backend", "_begin", "_engine", "_errors", "_observed", "_plain", "_pooled", "driver")

    _engine: Engine | None
    _plain: Connections
    _pooled: PoolProxiedConnection

    def __init__(
        self,
        source: Engine | Connections,
        backend: Backend,
        errors: tuple[type[Exception], ...],
        deadline: float,
    ) -> None:
        self.deadline = deadline
        self.expired = False
        self._backend = backend
        self._errors = errors
        self._begin = self._alone = ""
        self.driver: Any = None
        self._observed: object = False
        if isinstance(source, Connections):
            self._plain, self._engine = source, None
            return
        self._engine = source
        # Listeners of the engine and of all engines; to ask for the truth of these lists would be two calls for a get.
        before, after = source.dispatch.before_cursor_execute, source.dispatch.after_cursor_execute
        self._observed = (
            before.listeners
            or before.parent_listeners
            or after.listeners
            or after.parent_listeners
            or source.logger.isEnabledFor(logging.INFO)
        )

    def checkout(self, again: bool) -> PoolProxiedConnection:
        """Take a connection from the pool to use it; ``again``: the work is run again if it turns out to be lost."""
        if self._engine is None:
            pooled = self._pooled = self._plain.connect()
        else:
            place = None if self._observed else self._backend.take(self._engine, again)
            pooled = self._pooled = place or self._backend.checkout(self._engine, self.deadline, again)
        self.driver = pooled.dbapi_connection
        return pooled

    def use(self, pooled: PoolProxiedConnection) -> None:
        """Use a connection that somebody else has taken from the pool, and returns."""
        self._pooled = pooled
        self.driver = pooled.dbapi_connection

    def interrupt(self) -> bool:
        """Interrupt what the driver is doing; to take a connection from the pool has timeouts of its own."""
        if self.driver is None:
            return False
        self._backend.interrupt(self.driver)
        return True

    def begin(self, sql: str) -> None:
        """Start a transaction with the engine's word for it, together with the first statement where the driver can."""
        self._begin = sql

    def begin_alone(self, sql: str) -> None:
        """Let the first statements commit on their own: one does, of several the engine's word starts a transaction."""
        self._alone = sql

    def commit(self) -> None:
        """Commit the transaction."""
        if self._observed and self._engine is not None:
            from . import observers

            observers.echo(self._engine, "COMMIT")
        self.driver.commit()

    def end(self, sql: str) -> None:
        """End what ``begin`` started with the engine's word for that; nothing is sent if nothing was before."""
        if self._begin:
            self._begin = ""
        else:
            self._send(sql, ()).close()

    def run(self, work: Work[T]) -> T:
        """Run a unit of work to its end and return its result.

        Errors of the driver, and rows that cannot be decoded, are raised where it yields.
        """
        in_turn = self._backend.is_in_process and not self._observed
        answers: Sequence[Answer]
        try:
            calls = next(work)
            while True:
                try:
                    if in_turn:
                        answers = self._in_turn(calls)
                    elif len(calls) != 1:
                        answers = self._answers(calls)
                    else:
                        answers = (self.answer(self._execute(calls[0]), calls[0].decode),)
                except self._errors as error:
                    calls = work.throw(error)
                else:
                    calls = work.send(answers)
        except StopIteration as end:
            result: T = end.value
            return result

    def _answers(self, calls: Sequence[Call]) -> Sequence[Answer]:
        alone, self._alone = self._alone, ""
        if self._backend.combines and not self._observed:
            combined = self._are_combined(calls)
            if all(combined):
                self._begin_by_itself()
                return self._execute_together(calls, alone) if calls else ()
            if not alone:
                return self._combined(calls, combined)
        if alone:
            self._begin = alone
        with self._together():
            cursors, checked = [], None
            for call in calls:
                cursors.append(self._execute(call, checked))
                checked = call.parameters
        answers = [self.answer(cursor, call.decode) for cursor, call in zip(cursors, calls, strict=True)]
        if alone:
            self.commit()
        return answers

    def _in_turn(self, calls: Sequence[Call]) -> list[Answer]:
        """Run statements with one cursor, where nothing is gained by sending them together.

        What others do in a call for each statement is here in one loop: a save has nine of them.
        """
        answers: list[Answer] = []
        rows: list[Any]
        values: Any = ()
        cursor, checked, sql = self.driver.cursor(), None, self._begin
        execute = cursor.execute
        try:
            if sql:
                self._begin = ""
                execute(sql)
            for call in calls:
                statement, parameters = call.statement, call.parameters
                if parameters is not checked and not call.is_checked:
                    _check(parameters)
                    checked = parameters
                sql, order = statement.sql, statement.order
                values = parameters if order is None else order(parameters)
                execute(sql, values)
                if cursor.description:
                    if call.decode is None:
                        rows = cursor.fetchall()
                    else:
                        rows, decode = [], call.decode
                        # a comprehension would be a call of its own before Python 3.12
                        for (payload,) in cursor:
                            rows.append(decode(payload))
                    answers.append(Answer(rows, len(rows)))
                else:
                    answers.append(Answer((), cursor.rowcount))
        except Exception as error:
            if isinstance(error, self._errors[0]):  # the driver's: of a row that cannot be read nobody is told
                self._tell(error, cursor, sql, values)
            self._close(cursor)
            if isinstance(error, UnicodeDecodeError):
                raise self._backend.unworded(error) from error
            raise
        cursor.close()
        return answers

    def _close(self, cursor: Any) -> None:
        """Close the cursor of a statement that failed, where the connection's cursors share compiled statements.

        The error's traceback keeps the cursor. When that is collected, the cursor would reset its statement while
        somebody else runs it, or wait until that is done.
        """
        if self._backend.shares_statements:
            with suppress(Exception):  # the connection may have gone
                cursor.close()

    def _combined(self, calls: Sequence[Call], combined: Sequence[bool]) -> Sequence[Answer]:
        """Send statements in as few round trips as the engine can."""
        self._begin_by_itself()
        answers: list[Answer] = []
        for together, group in groupby(zip(combined, calls, strict=True), itemgetter(0)):
            some = [call for _, call in group]
            if together and len(some) > 1:
                answers += self._execute_together(some, "")
            else:
                answers += [self.answer(self._execute(call), call.decode) for call in some]
        return answers

    def _begin_by_itself(self) -> None:
        """Start a transaction with a statement that a proxy in between sees."""
        if self._begin:
            begin, self._begin = self._begin, ""
            self._send(begin, ()).close()

    def _are_combined(self, calls: Sequence[Call]) -> list[bool]:
        """Return, for each statement, whether it may go to the server together with others."""
        combined, seen, short = [], None, True
        for call in calls:
            if call.parameters is not seen:  # several may have the same ones
                seen = call.parameters
                short = self._backend.are_short(seen.values())
            combined.append(short and self._backend.is_combined(call.statement.sql))
        return combined

    def _execute_together(self, calls: Sequence[Call], begin: str) -> list[Answer]:
        statements, checked = [], None
        for call in calls:
            statements.append((call.statement.sql, _values(call, checked)))
            checked = call.parameters
        cursor = self.driver.cursor()
        try:
            answers = self._backend.execute_together(cursor, statements, self._pooled, begin)
        except self._errors as error:
            self._tell(error, cursor, "; ".join(sql for sql, _ in statements), None)
            raise
        cursor.close()
        return [Answer(rows, number) for rows, number in answers]

    def _execute(self, call: Call, checked: Mapping[str, object] | None = None) -> Any:
        sql, values = call.statement.sql, _values(call, checked)
        return self._send_first(sql, values) if self._begin else self._send(sql, values)

    def _send_first(self, sql: str, values: Any) -> Any:
        """Send a transaction's first statement together with the one that begins it."""
        begin, self._begin = self._begin, ""
        with self._together():
            self._send(begin, ()).close()
            return self._send(sql, values)

    def _together(self) -> AbstractContextManager[object]:
        """Send statements together where the driver can, unless somebody listens, who could not tell which failed."""
        return nullcontext() if self._observed else self._backend.pipeline(self.driver)

    def _send(self, sql: str, values: Any) -> Any:
        kept = None if self._observed else self._backend.kept_cursor(self._pooled, sql)
        cursor = self.driver.cursor() if kept is None else kept
        try:
            if self._observed and self._engine is not None:
                from . import observers

                observers.execute(self._engine, self._pooled, cursor, sql, values, self._run)
            elif self._backend.prepares:
                self._backend.execute(cursor, sql, values, self._pooled)
            else:
                cursor.execute(sql, values)
        except Exception as error:
            if isinstance(error, self._errors) and not self._observed:
                self._tell(error, cursor, sql, values)
            self._close(cursor)
            if isinstance(error, UnicodeDecodeError):
                raise self._backend.unworded(error) from error
            raise
        return cursor

    def _tell(self, error: Exception, cursor: Any, sql: str, values: Any) -> None:
        """Tell those who listen of errors only."""
        if self._engine is not None:
            from . import observers

            observers.fail(self._engine, error, cursor, sql, values)

    def _run(self, cursor: Any, sql: str, values: Any) -> None:
        if self._backend.prepares:
            self._backend.execute(cursor, sql, values, self._pooled)
        else:
            cursor.execute(sql, values)

    @staticmethod
    def answer(cursor: Any, decode: Callable[[str], Any] | None) -> Answer:
        """Read a cursor to its end: SQLite would compile a statement again that is left open."""
        rows: Sequence[Any]
        try:
            if decode is not None:
                rows = decoded = []
                # a comprehension would be a call of its own before Python 3.12
                for (payload,) in cursor:
                    decoded.append(decode(payload))
                number = len(rows)
            elif cursor.description:
                rows = cursor.fetchall()
                number = len(rows)
            else:
                rows, number = (), cursor.rowcount
        finally:
            cursor.close()
        return Answer(rows, number)


def _values(call: Call, checked: Mapping[str, object] | None = None) -> Any:
    """Return a statement's parameters as the driver takes them, after a look at each text unless they were checked."""
    order, parameters = call.statement.order, call.parameters
    if parameters is not checked and not call.is_checked:
        _check(parameters)
    return parameters if order is None else order(parameters)


def _check(parameters: Mapping[str, object]) -> None:
    # what is ASCII without a NUL is in order, and most parameters are texts or NULL: to look at each by itself took a
    # thirtieth of a change of state
    try:
        text = "".join(filter(None, parameters.values()))  # type: ignore[arg-type]  # it raises
    except TypeError:
        pass
    else:
        if text.isascii() and "\0" not in text:
            return
    for value in parameters.values():
        if isinstance(value, str):
            check_text(value)
