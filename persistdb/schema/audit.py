"""The tables of audits: what was compared with a host, and what differed. They refer to no live row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from . import core_audit as core
from .tables import Base


class AuditRun(Base):
    """A comparison of a host with its records.

    ``checks`` are the names of the ones that were made, ``findings`` is how many things they found. ``roots`` says
    where the host's file systems were mounted, and is NULL for the machine's own.
    """

    __table__ = core.audit_run

    id: Mapped[int]
    host: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    checks: Mapped[list[str]]
    roots: Mapped[dict[str, str] | None]
    findings: Mapped[int]
    boot_id: Mapped[str | None]


class AuditFinding(Base):
    """A thing in which a host differs from its records: one row however often it is found.

    ``subject`` tells it from the others of its check, ``subject_hash`` is its SHA-256, which an index can hold.
    ``began_at`` is since when it is so by the record, NULL where that does not say. ``times_seen`` counts how often it
    appeared. ``gone_at`` is when a run with the check first missed it, NULL if the last one found it.
    """

    __table__ = core.audit_finding

    id: Mapped[int]
    host: Mapped[str]
    check_name: Mapped[str]
    subject: Mapped[str]
    subject_hash: Mapped[str]
    sid: Mapped[str | None]
    cid: Mapped[str | None]
    recorded: Mapped[str]
    observed: Mapped[str]
    advice: Mapped[str]
    began_at: Mapped[datetime | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    first_run_id: Mapped[int]
    last_run_id: Mapped[int]
    times_seen: Mapped[int]
    gone_at: Mapped[datetime | None]
