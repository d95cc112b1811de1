"""The advisory lock that a change of the schema takes."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..locks import SCHEMA_CHANGE, digest
from . import grants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

_DEADLOCK = "40P01"
_ATTEMPTS = 30  # the server takes a second to see each deadlock
# an advisory lock's name is a number
_KEY = int.from_bytes(digest(SCHEMA_CHANGE)[:8], "big", signed=True)


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
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})
        with grants.kept(connection):
            yield


def of_tables(connection: Connection, tables: Sequence[str]) -> None:
    """Lock tables for a change of the schema, before it has changed anything: a few deadlocks are no reason to stop."""
    for attempt in itertools.count(1):
        try:
            with connection.begin_nested():
                connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK or attempt == _ATTEMPTS:
                raise
        else:
            return
