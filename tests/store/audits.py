"""Audits written by hand: a run, and what it found, as rows."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, insert

from persistdb.schema.audit import AuditFinding, AuditRun

if TYPE_CHECKING:
    from persistdb import Database

_run: Table = AuditRun.__table__  # type: ignore[assignment]  # declared as FromClause, a Table in fact
_finding: Table = AuditFinding.__table__  # type: ignore[assignment]  # the same
FINISHED = datetime(2026, 1, 31, 12, tzinfo=UTC)


def audit(
    database: Database, host: str, *found: tuple[str, str], at: datetime = FINISHED, gone: bool = False, **others: Any
) -> None:
    """Write a run, with a finding for each check and subject, which are ``gone`` or open."""
    times = {"first_seen": at, "last_seen": at, "gone_at": at if gone else None}
    with database.engine.begin() as connection:
        run = {"host": host, "started_at": at, "finished_at": at, "checks": ["mount"], "findings": len(found)}
        (id_,) = connection.execute(insert(_run).values(run)).inserted_primary_key  # type: ignore[misc]  # one row has one
        for check, subject in found:
            values = {"host": host, "check_name": check, "subject": subject}
            values |= {"subject_hash": hashlib.sha256(subject.encode()).hexdigest(), "times_seen": 1}
            values |= {"recorded": "", "observed": "", "advice": "", "first_run_id": id_, "last_run_id": id_}
            connection.execute(insert(_finding).values(values | times | others))
