"""The named lock that a change of the schema takes.

It belongs to the whole server, so the database's name is part of its name, and ends with its session.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..locks import SCHEMA_CHANGE, StillLocked, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection


def _name(database: str | None) -> str:
    """Return the server's name for the lock of a database, of which it takes 64 characters."""
    return "persistdb:" + digest(f"{database}\0{SCHEMA_CHANGE}").hex()[:40]


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
            lock = _name(engine.url.database)
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
            lock = _name(connection.execute(text("SELECT DATABASE()")).scalar_one())
            taken = connection.execute(text("SELECT GET_LOCK(:lock, :wait)"), {"lock": lock, "wait": wait})
            if taken.scalar_one() != 1:
                raise StillLocked
        yield
        connection.commit()
    finally:
        # the lock ends with the session, and its settings must not reach the next user of the connection
        if not (connection.closed or connection.invalidated):
            connection.invalidate()
