"""Audits are stored: runs, and what they found of a host; and events may be of a host as a whole.

``audit_run`` has a row for each comparison of a host with its records, ``audit_finding`` one for each thing in which
they differed, however often it is found: so what comes and goes is told from what stays. An event without a sandbox has
the host's name: a gap, in which the watcher may have missed changes.

Downgrade: loses the runs, the findings and the gaps.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A program of before passes over a gap when it reads events, and writes events of sandboxes as ever.
MIN_READER = "0011"
MIN_WRITER = "0015"
LOSES = {
    "audit_run": "SELECT count(*) FROM audit_run",
    "audit_finding": "SELECT count(*) FROM audit_finding",
    "event": "SELECT count(*) FROM event WHERE sandbox_id IS NULL",
}

RUN = ops.table(
    "audit_run",
    sa.Column("id", ops.ID, nullable=False),
    sa.Column("host", ops.key(), nullable=False),
    sa.Column("started_at", ops.MOMENT, nullable=False),
    sa.Column("finished_at", ops.MOMENT, nullable=False),
    sa.Column("checks", ops.JSON, nullable=False),
    sa.Column("roots", ops.JSON, nullable=True),
    sa.Column("findings", ops.INTEGER, nullable=False),
    sa.Column("boot_id", ops.key(64), nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_audit_run"),
    sa.Index("ix_audit_run_host_id", "host", "id"),
)
FINDING = ops.table(
    "audit_finding",
    sa.Column("id", ops.ID, nullable=False),
    sa.Column("host", ops.key(), nullable=False),
    sa.Column("check_name", ops.key(32), nullable=False),
    sa.Column("subject", ops.TEXT, nullable=False),
    sa.Column("subject_hash", ops.key(64), nullable=False),
    sa.Column("sid", ops.key(), nullable=True),
    sa.Column("cid", ops.key(), nullable=True),
    sa.Column("recorded", ops.TEXT, nullable=False),
    sa.Column("observed", ops.TEXT, nullable=False),
    sa.Column("advice", ops.TEXT, nullable=False),
    sa.Column("began_at", ops.MOMENT, nullable=True),
    sa.Column("first_seen", ops.MOMENT, nullable=False),
    sa.Column("last_seen", ops.MOMENT, nullable=False),
    sa.Column("first_run_id", ops.ID, nullable=False),
    sa.Column("last_run_id", ops.ID, nullable=False),
    sa.Column("times_seen", ops.INTEGER, nullable=False),
    sa.Column("gone_at", ops.MOMENT, nullable=True),
    sa.PrimaryKeyConstraint("id", name="pk_audit_finding"),
    sa.UniqueConstraint("host", "check_name", "subject_hash", name="uq_audit_finding_host_check_name_subject_hash"),
    sa.Index("ix_audit_finding_check_name_host", "check_name", "host"),
)


def _event(*more: sa.Column[object], of_host: bool) -> sa.Table:
    return ops.table(
        "event",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=of_host),
        sa.Column("container_id", ops.ID, nullable=True),
        sa.Column("kind", ops.key(16), nullable=False),
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("at", ops.MOMENT, nullable=False),
        sa.Column("old_state", ops.key(), nullable=True),
        sa.Column("new_state", ops.key(), nullable=True),
        sa.Column("cause", ops.key(16), nullable=False),
        sa.Column("actor", ops.key(), nullable=True),
        sa.Column("reason", ops.TEXT, nullable=True),
        sa.Column("transaction_id", ops.BIGINT, nullable=True),
        *more,
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.Index("ix_event_sandbox_id_id", "sandbox_id", "id"),
        sa.Index(
            "ix_event_transaction_id_id", "transaction_id", "id", sqlite_where=sa.text("transaction_id IS NOT NULL")
        ),
    )


BEFORE = _event(of_host=False)
AFTER = _event(
    sa.Column("host", ops.key(), nullable=True), sa.Column("began_at", ops.MOMENT, nullable=True), of_host=True
)
VIEWS = ("findings", "audit_runs")


def upgrade() -> None:
    """Create the tables, and let events be without a sandbox."""
    ops.drop_views(down_revision)
    ops.alter(BEFORE, AFTER)
    ops.create(RUN, FINDING)
    ops.create_views(revision)
    for table in (RUN, FINDING):
        ops.let_write(table.name, "container")
        ops.let_number(table.name, "container")
    for name in VIEWS:
        ops.let_read(name, "persistdb_version")


def downgrade() -> None:
    """Drop them, with the events that have no sandbox."""
    ops.drop_views(revision)
    _skip_gaps()
    op.execute("DELETE FROM event WHERE sandbox_id IS NULL")
    ops.alter(AFTER, BEFORE)
    ops.drop("audit_finding", "audit_run")
    ops.create_views(down_revision)


def _skip_gaps() -> None:
    """Tell who has read a gap that it is gone: on SQLite the next event would get its number, and be passed over."""
    if op.get_context().dialect.name == "postgresql":
        place, last = "(pruned_transaction_id, pruned_id)", "transaction_id, id"
    else:
        place, last = "pruned_id", "id + 1"
    found = f"(SELECT {last} FROM event WHERE sandbox_id IS NULL ORDER BY transaction_id DESC, id DESC LIMIT 1)"
    op.execute(f"UPDATE retention SET {place} = {found} WHERE {place} < {found}")
