"""Named locks: the callers' own, and the one that a change of the schema takes.

They belong to the whole server, so the database's name is part of a lock's name. They end with their session.
"""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from .. import waiting
from ..bounded import unbounded
from ..locks import SCHEMA_CHANGE, ConnectionLock, LockUnavailable, StillLocked, close_detached, detach, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

    from ..deadlines import Bounded

# GET_LOCK knows exclusive locks only: a shared lock is one of these many slots, an exclusive one is all of them.
_SLOTS = 64


def _name(database: str | None, name: str) -> str:
    """Return the server's name for a lock, of which it takes 64 characters."""
    return "persistdb:" + digest(f"{database}\0{name}").hex()[:40]


def take(engine: Engine, name: str, *, shared: bool, timeout: float, bounded: Callable[..., Bounded]) -> ConnectionLock:
    """Take the named locks that stand for a lock, in a separate session.

    Raises :class:`~persistdb.engines.locks.LockUnavailable`.
    """
    prefix = _name(engine.url.database, name)
    gate, slots = f"{prefix}:gate", [f"{prefix}:{i}" for i in range(_SLOTS)]
    deadline = time.monotonic() + timeout
    connection = unbounded(engine.connect())  # but see bounded() below
    driver = detach(connection)
    try:
        with bounded(connection, timeout):
            held = _get_locks(connection, [gate], deadline)
            if held and shared:
                held = _get_any_lock(connection, slots, deadline)
                connection.execute(text("SELECT RELEASE_LOCK(:gate)"), {"gate": gate})
            elif held:
                held = _get_locks(connection, slots, deadline)
            holders = [] if held else _holders(connection, [gate, *slots])
    except BaseException:
        close_detached(connection, driver)
        raise
    if not held:
        close_detached(connection, driver)
        raise LockUnavailable(holders)
    return ConnectionLock(connection, driver, text("SELECT RELEASE_ALL_LOCKS() > 0"), {}, bounded)


def _get_locks(connection: Connection, names: Sequence[str], deadline: float) -> bool:
    """Take all of these locks; after a failure the locks that were taken end with the connection."""
    for name in names:
        # seconds, to the microsecond; a negative number would mean to wait for ever
        wait = max(0.0, deadline - time.monotonic())
        statement = text("SET STATEMENT max_statement_time = 0 FOR SELECT GET_LOCK(:name, :wait)")
        if connection.execute(statement, {"name": name, "wait": wait}).scalar_one() != 1:
            return False
    return True


def _get_any_lock(connection: Connection, names: Sequence[str], deadline: float) -> bool:
    """Take one of these locks, whichever is free."""
    pause = 0.005
    while True:
        for name in random.sample(names, len(names)):
            if _get_locks(connection, [name], 0.0):
                return True
        if time.monotonic() >= deadline:
            return False
        waiting.pause(pause)


def _holders(connection: Connection, names: Sequence[str]) -> list[str]:
    """Name the sessions that hold any of these locks; the server shows other users' sessions as numbers only."""
    used = ", ".join(f"IS_USED_LOCK(:n{i})" for i in range(len(names)))
    row = connection.execute(
        text(f"SELECT CONNECTION_ID(), {used}"), {f"n{i}": name for i, name in enumerate(names)}
    ).one()
    return _named(connection, {session for session in row if session is not None} - {row[0]})


def _named(connection: Connection, sessions: set[int]) -> list[str]:
    names = []
    for session in sorted(sessions):
        who = connection.execute(
            text("SELECT user, host FROM information_schema.processlist WHERE id = :id"), {"id": session}
        ).one_or_none()
        names.append(f"session {session}" + (f" of {who[0]} from {who[1]}" if who else ""))
    return names


def blockers(engine: Engine, session: int) -> list[str]:
    """Name the sessions that hold what a session waits for.

    Rows are locked by transactions, which the server shows to users with the PROCESS right only; a change of the schema
    is a named lock, which it shows to all.
    """
    waits = text(
        "SELECT b.trx_mysql_thread_id FROM information_schema.innodb_lock_waits w"
        " JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id"
        " JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id WHERE r.trx_mysql_thread_id = :session"
    )
    try:
        with engine.connect() as connection:
            lock = _name(engine.url.database, SCHEMA_CHANGE)
            found = {connection.execute(text("SELECT IS_USED_LOCK(:lock)"), {"lock": lock}).scalar_one()}
            with contextlib.suppress(DBAPIError):
                found |= set(connection.execute(waits, {"session": session}).scalars())
            return _named(connection, found - {None, session})
    except (SQLAlchemyError, OSError):
        return []


@contextlib.contextmanager
def exclusive(connection: Connection, wait: float) -> Iterator[None]:
    """Take a named lock for a change of the schema, in autocommit.

    MariaDB commits with each statement of DDL anyway; so does all else then, the version above all.
    Raises :class:`~persistdb.engines.locks.StillLocked`.
    """
    connection.execution_options(persistdb_begin="none")
    try:
        with connection.begin():
            connection.execute(
                text("SET SESSION max_statement_time = 0, lock_wait_timeout = :wait"), {"wait": max(1, round(wait))}
            )
            lock = _name(connection.execute(text("SELECT DATABASE()")).scalar_one(), SCHEMA_CHANGE)
            taken = connection.execute(text("SELECT GET_LOCK(:lock, :wait)"), {"lock": lock, "wait": wait})
            if taken.scalar_one() != 1:
                raise StillLocked
        yield
        connection.commit()
    finally:
        # the lock ends with the session, and its settings must not reach the next user of the connection
        if not (connection.closed or connection.invalidated):
            connection.invalidate()
