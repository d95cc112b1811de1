"""How each engine lets one program at a time change the schema, and keeps or undoes the whole change."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import Connection

_LOCK = "persistdb: change of schema"


class StillLocked(Exception):
    """Another program is changing the schema, and the time to wait for it is over."""


class Orphans(Exception):
    """Rows whose parent is missing after the change: ``(table, rowid, parent, foreign key)`` each, the first few."""

    def __init__(self, rows: list[tuple[object, ...]]) -> None:
        super().__init__(rows)
        self.rows = rows


@contextlib.contextmanager
def _sqlite(connection: Connection, wait: float) -> Iterator[None]:
    """One transaction, with the write lock from its start and foreign keys off.

    With foreign keys on, a table that is made anew takes the rows of its children along when the old one is dropped;
    the pragma does nothing within a transaction, so it is set before (sqlite.org/lang_altertable.html, step 1).
    """
    cursor = connection.connection.cursor()
    # a move of many rows takes longer than any other write, so whoever comes second waits longer, too
    usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
    cursor.execute(f"PRAGMA busy_timeout = {round(wait * 1000)}")
    cursor.execute("PRAGMA foreign_keys = OFF")
    # what a statement would need to undo itself grows with the table: it goes to a file, not to memory
    cursor.execute("PRAGMA temp_store = FILE")
    try:
        with connection.begin():
            yield
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(10)
            if orphans:
                raise Orphans([tuple(row) for row in orphans])
        # what was written lies in the log: give its space back now rather than when the log is next reset
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        if not (connection.closed or connection.invalidated):
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA temp_store = MEMORY")
            cursor.execute(f"PRAGMA busy_timeout = {usual}")
            cursor.close()


@contextlib.contextmanager
def _postgresql(connection: Connection, wait: float) -> Iterator[None]:
    """One transaction, under an advisory lock that ends with it."""
    key = int.from_bytes(hashlib.sha256(_LOCK.encode()).digest()[:8], "big", signed=True)
    with connection.begin():
        connection.execute(
            text(
                "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', :wait, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            ),
            {"wait": str(max(1, round(wait * 1000)))},
        )
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        yield


@contextlib.contextmanager
def _mariadb(connection: Connection, wait: float) -> Iterator[None]:
    """A named lock of the session; each revision commits, for MariaDB commits with each statement of DDL."""
    # MariaDB commits with each statement of DDL anyway; so does all else then, the version above all
    connection.execution_options(persistdb_begin="none")
    try:
        with connection.begin():
            connection.execute(
                text("SET SESSION max_statement_time = 0, lock_wait_timeout = :wait"), {"wait": max(1, round(wait))}
            )
            # named locks are the whole server's
            name = connection.execute(text("SELECT DATABASE()")).scalar_one()
            lock = hashlib.sha256(f"{_LOCK}\0{name}".encode()).hexdigest()
            if (
                connection.execute(text("SELECT GET_LOCK(:lock, :wait)"), {"lock": lock, "wait": wait}).scalar_one()
                != 1
            ):
                raise StillLocked
        yield
        connection.commit()
    finally:
        # the lock ends with the session, and what was set for this one is not for the next user of the connection
        if not (connection.closed or connection.invalidated):
            connection.invalidate()


ALONE: Mapping[str, Callable[[Connection, float], AbstractContextManager[None]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
}
"""By the engine's name: have the database to oneself, on a connection that is in no transaction."""
