"""Sandboxes and containers say when they were changed, and how often.

So a writer can tell that somebody else came in between, and a report can tell what is stale. Of the rows that are there
already none of this is known: they start at revision 1, at the moment of the upgrade.

Downgrade: loses ``revision``, ``created_at`` and ``updated_at``.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.engines import ddl

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
        sa.Column("revision", ddl.BIGINT, nullable=False),
        sa.Column("created_at", ddl.MOMENT, nullable=False),
        sa.Column("updated_at", ddl.MOMENT, nullable=False),
    ]


def _sandbox(*changes: sa.schema.SchemaItem) -> sa.Table:
    return ddl.table(
        "sandbox",
        sa.Column("id", ddl.ID, nullable=False),
        sa.Column("host", ddl.key(), nullable=False),
        sa.Column("sid", ddl.key(), nullable=False),
        sa.Column("state", ddl.key(), nullable=False),
        sa.Column("cgroup_path", ddl.TEXT, nullable=False),
        *changes,
        sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
        sa.UniqueConstraint("host", "sid", name="uq_sandbox_host_sid"),
    )


def _container(*changes: sa.schema.SchemaItem) -> sa.Table:
    return ddl.table(
        "container",
        sa.Column("id", ddl.ID, nullable=False),
        sa.Column("sandbox_id", ddl.ID, nullable=False),
        sa.Column("cid", ddl.key(), nullable=False),
        sa.Column("state", ddl.key(), nullable=False),
        sa.Column("cgroup_path", ddl.TEXT, nullable=False),
        sa.Column("bundle_path", ddl.TEXT, nullable=False),
        *changes,
        sa.PrimaryKeyConstraint("id", name="pk_container"),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
        sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
    )


OLD_SANDBOX, NEW_SANDBOX = _sandbox(), _sandbox(*_changes())
OLD_CONTAINER, NEW_CONTAINER = _container(), _container(*_changes())


def upgrade() -> None:
    """Add the columns."""
    moment = ddl.moment_literal(op.get_context().opts["moment"])
    fill = {"revision": "1", "created_at": moment, "updated_at": moment}
    ddl.change(OLD_SANDBOX, NEW_SANDBOX, fill)
    ddl.change(OLD_CONTAINER, NEW_CONTAINER, fill)


def downgrade() -> None:
    """Remove them."""
    ddl.change(NEW_CONTAINER, OLD_CONTAINER)
    ddl.change(NEW_SANDBOX, OLD_SANDBOX)
