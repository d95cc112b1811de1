"""Events written by hand: rows as a change writes them, in transactions that are committed when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from persistdb.schema.names import HISTORY
from persistdb.store.encoding import utc_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from persistdb import Database

# of a dialect's own: how a transaction's number gets into its events
_TRANSACTION = {"postgresql": "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"}
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def forget(database: Database) -> None:
    """Delete all history, and what is known of its removal."""
    with database.engine.begin() as connection:
        for table in HISTORY:
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE retention SET seconds = 2592000, pruned_transaction_id = 0, pruned_id = 0"))


def live(database: Database, *sandboxes: tuple[str, str], at: datetime = START) -> None:
    """Let sandboxes have a lifetime, numbered from 1 on; a host and an ID each."""
    with database.engine.begin() as connection:
        for number, (host, sid) in enumerate(sandboxes, 1):
            connection.execute(
                text("INSERT INTO sandbox_lifetime (id, host, sid, created_at) VALUES (:id, :host, :sid, :at)"),
                {"id": number, "host": host, "sid": sid, "at": utc_text(at)},
            )


def happen(
    connection: Connection, reason: str, *, sandbox: int = 1, kind: str = "changed", at: datetime = START
) -> None:
    """Write an event as changes do: with INSERT … SELECT."""
    transaction = _TRANSACTION.get(connection.dialect.name, "NULL")
    connection.execute(
        text(
            "INSERT INTO event (sandbox_id, kind, revision, at, new_state, cause, reason, transaction_id)"
            f" SELECT id, :kind, 1, CAST(:at AS {_timestamp(connection)}), 'running', 'api', :reason, {transaction}"
            " FROM sandbox_lifetime WHERE id = :sandbox"
        ),
        {"kind": kind, "at": utc_text(at), "reason": reason, "sandbox": sandbox},
    )


def _timestamp(connection: Connection) -> str:
    return {"postgresql": "timestamptz", "sqlite": "text"}.get(connection.dialect.name, "datetime(6)")
