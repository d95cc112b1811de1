"""Statements of SQLAlchemy's own connections, which sessions and checks use, on a server that may stop answering.

The server's own timeout ends a statement that takes too long, but a frozen server ends nothing. Units of work have
deadlines of their own (:mod:`persistdb.db.connection`).
"""

from __future__ import annotations

import weakref
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from .deadlines import Bounded, after

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

# The driver's connections whose statements take as long as they take
_unbounded: weakref.WeakSet[Any] = weakref.WeakSet()


def unbounded(connection: Connection) -> Connection:
    """Let statements and commits take as long as they take: of a change of the schema, of a wait for a lock."""
    with suppress(TypeError):  # SQLite's connections take no weak reference, and are never bounded here
        _unbounded.add(connection.connection.driver_connection)
    return connection


def bounded_again(connection: Connection) -> None:
    """Undo :func:`unbounded` for the next user of the pool's connection."""
    if not (connection.closed or connection.invalidated):  # else the pool opens another one
        with suppress(TypeError):
            _unbounded.discard(connection.connection.driver_connection)


def bound(engine: Engine, interrupt: Callable[[Any], None], seconds: float) -> None:
    """Interrupt what has no answer after so many seconds: then it fails as on a lost connection."""
    dialect: Any = engine.dialect

    def limit(driver: Any) -> Bounded:
        return Bounded(after(seconds), partial(interrupt, driver))

    def listen(name: str) -> None:
        execute = getattr(dialect, name)

        def run(cursor: Any, *arguments: Any) -> bool:
            context = arguments[-1]
            driver = None if context is None else context.root_connection.connection.driver_connection
            if driver is None or driver in _unbounded:
                return False
            with limit(driver):
                execute(cursor, *arguments)
            return True

        event.listen(engine, name, run)

    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        listen(name)

    def wrap(end: Callable[[Any], None]) -> Callable[[Any], None]:
        def run(connection: Any) -> None:
            driver = connection.driver_connection
            with nullcontext() if driver in _unbounded else limit(driver):
                end(connection)

        return run

    # There are no events around these two.
    dialect.do_commit, dialect.do_rollback = wrap(dialect.do_commit), wrap(dialect.do_rollback)
