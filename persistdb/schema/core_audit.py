"""The tables of audits (:mod:`.audit`), as :mod:`.core` has those of what is."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from ..engines import types
from .core import IDENTITY, INTEGER, JSON, KEY, METADATA, OWNER, TEXT, TIME, column

audit_run = Table(
    "audit_run",
    METADATA,
    column("id", IDENTITY, primary_key=True),
    column("host", KEY),
    column("started_at", TIME),
    column("finished_at", TIME),
    column("checks", JSON),
    column("roots", JSON, nullable=True),
    column("findings", INTEGER),
    column("boot_id", types.key(64), nullable=True),
    Index("ix_audit_run_host_id", "host", "id"),
)

audit_finding = Table(
    "audit_finding",
    METADATA,
    column("id", IDENTITY, primary_key=True),
    column("host", KEY),
    column("check_name", types.key(32)),
    column("subject", TEXT),
    column("subject_hash", types.key(64)),
    column("sid", KEY, nullable=True),
    column("cid", KEY, nullable=True),
    column("recorded", TEXT),
    column("observed", TEXT),
    column("advice", TEXT),
    column("began_at", TIME, nullable=True),
    column("first_seen", TIME),
    column("last_seen", TIME),
    column("first_run_id", OWNER),
    column("last_run_id", OWNER),
    column("times_seen", INTEGER),
    column("gone_at", TIME, nullable=True),
    UniqueConstraint("host", "check_name", "subject_hash"),
    Index("ix_audit_finding_check_name_host", "check_name", "host"),
)
