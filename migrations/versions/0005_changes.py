"""Sandboxes and containers say when they were changed, and how often.

A writer can detect a change by another one, and a report can list stale rows. Existing rows start at revision 1, with
the timestamp of the upgrade.

Downgrade: loses ``revision``, ``created_at`` and ``updated_at``.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOVES = ("sandbox", "container")
LOSES = {
    "sandbox.revision": "SELECT count(*) FROM sandbox WHERE revision <> 1",
    "sandbox.created_at": "SELECT count(*) FROM sandbox",
    "sandbox.updated_at": "SELECT count(*) FROM sandbox",
    "container.revision": "SELECT count(*) FROM container WHERE revision <> 1",
    "container.created_at": "SELECT count(*) FROM container",
    "container.updated_at": "SELECT count(*) FROM container",
}


def _changes() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("updated_at", ops.MOMENT, nullable=False),
    ]


def _sandbox(*changes: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "sandbox",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("host", ops.key(), nullable=False),
        sa.Column("sid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        *changes,
        sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
        sa.UniqueConstraint("host", "sid", name="uq_sandbox_host_sid"),
    )


def _container(*changes: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "container",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("cid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        sa.Column("bundle_path", ops.TEXT, nullable=False),
        *changes,
        sa.PrimaryKeyConstraint("id", name="pk_container"),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
        sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
    )


OLD_SANDBOX, NEW_SANDBOX = _sandbox(), _sandbox(*_changes())
OLD_CONTAINER, NEW_CONTAINER = _container(), _container(*_changes())


def upgrade() -> None:
    """Add the columns."""
    moment = ops.moment_literal(op.get_context().opts["moment"])
    fill = {"revision": "1", "created_at": moment, "updated_at": moment}
    ops.change(OLD_SANDBOX, NEW_SANDBOX, fill)
    ops.change(OLD_CONTAINER, NEW_CONTAINER, fill)


def downgrade() -> None:
    """Remove the columns."""
    ops.change(NEW_CONTAINER, OLD_CONTAINER)
    ops.change(NEW_SANDBOX, OLD_SANDBOX)
