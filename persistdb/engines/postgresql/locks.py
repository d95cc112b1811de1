"""Advisory locks: the callers' own, and the one that a change of the schema takes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..bounded import unbounded
from ..locks import SCHEMA_CHANGE, ConnectionLock, LockUnavailable, close_detached, detach, digest
from . import grants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

    from ..deadlines import Bounded

_LOCK_NOT_AVAILABLE = "55P03"

# Advisory locks are a whole database's, in which several schemas may have tables of ours.
_PREPARE = text(
    "SELECT (SELECT CAST(CAST(relnamespace AS regnamespace) AS text) FROM pg_class"
    " WHERE oid = to_regclass('container')),"
    " set_config('statement_timeout', '0', false), set_config('lock_timeout', :wait, false)"
)


def _key(name: str) -> int:
    """Return the number that stands for a lock's name."""
    return int.from_bytes(digest(name)[:8], "big", signed=True)


def take(engine: Engine, name: str, *, shared: bool, timeout: float, bounded: Callable[..., Bounded]) -> ConnectionLock:
    """Take an advisory lock of a separate session, so that it ends with the session.

    Raises :class:`~persistdb.engines.locks.LockUnavailable`.
    """
    suffix = "_shared" if shared else ""
    connection = unbounded(engine.connect())  # but see bounded() below
    driver = detach(connection)
    try:
        with bounded(connection, timeout):
            milliseconds = max(1, int(timeout * 1000))  # 0 would mean to wait for ever
            home = connection.execute(_PREPARE, {"wait": str(milliseconds)}).scalar_one()
            key = _key(name if home in (None, "public") else f"{home}.{name}")
            try:
                connection.execute(text(f"SELECT pg_advisory_lock{suffix}(:key)"), {"key": key})
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise LockUnavailable(_holders(connection, key)) from None
    except BaseException:
        close_detached(connection, driver)
        raise
    return ConnectionLock(connection, driver, text(f"SELECT pg_advisory_unlock{suffix}(:key)"), {"key": key}, bounded)


def _holders(connection: Connection, key: int) -> list[str]:
    """Name the holders of an advisory lock; pg_locks shows the key's halves (its documentation, "objsubid")."""
    rows = connection.execute(
        text(
            "SELECT a.application_name, host(a.client_addr), l.pid FROM pg_locks l"
            " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND l.classid = :high AND l.objid = :low"
        ),
        {"high": (key >> 32) & 0xFFFFFFFF, "low": key & 0xFFFFFFFF},
    )
    return [_session(*row) for row in rows]


def _session(application: str | None, address: str | None, pid: int) -> str:
    return f"{application or 'a session'} (server process {pid}{', from ' + address if address else ''})"


def blockers(engine: Engine, pid: int) -> list[str]:
    """Name the sessions that hold what a session waits for; of other users' the server shows the number only."""
    statement = text(
        "SELECT a.application_name, host(a.client_addr), b.pid FROM unnest(pg_blocking_pids(:pid)) AS b(pid)"
        " LEFT JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY b.pid"
    )
    try:
        with engine.connect() as connection:
            return [_session(*row) for row in connection.execute(statement, {"pid": pid})]
    except (SQLAlchemyError, OSError):
        return []


@contextlib.contextmanager
def exclusive(connection: Connection, wait: float) -> Iterator[None]:
    """Begin one transaction for a change of the schema, under an advisory lock that ends with it; rights are kept."""
    with connection.begin():
        connection.execute(
            text(
                "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', :wait, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            ),
            {"wait": str(max(1, round(wait * 1000)))},
        )
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(SCHEMA_CHANGE)})
        with grants.kept(connection):
            yield
