"""One database serves many hosts: a sandbox has a host.

Its ID is unique on that host. Existing sandboxes get the host that the upgrade names (``persistdb --host NAME db
upgrade``, ``alembic -x host=NAME upgrade head``), or ``''`` if it names none.

Downgrade: loses ``host``. It is impossible while two hosts have a sandbox of the same ID.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOVES = ("sandbox",)
LOSES = {"sandbox.host": "SELECT count(*) FROM sandbox WHERE host <> ''"}
BLOCKS_DOWNGRADE = {
    "sandboxes with the same ID on more than one host; without hosts an ID must be unique": (
        "SELECT sid, host FROM sandbox WHERE sid IN (SELECT sid FROM sandbox GROUP BY sid HAVING count(*) > 1)"
        " ORDER BY sid, host"
    )
}


def _sandbox(*host: sa.schema.SchemaItem, unique: sa.UniqueConstraint) -> sa.Table:
    return ops.table(
        "sandbox",
        sa.Column("id", ops.ID, nullable=False),
        *host,
        sa.Column("sid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
        unique,
    )


OLD = _sandbox(unique=sa.UniqueConstraint("sid", name="uq_sandbox_sid"))
NEW = _sandbox(
    sa.Column("host", ops.key(), nullable=False),
    unique=sa.UniqueConstraint("host", "sid", name="uq_sandbox_host_sid"),
)


def upgrade() -> None:
    """Add the column and the wider key."""
    host = op.get_context().opts.get("host") or ""
    ops.change(OLD, NEW, {"host": ops.text_literal(host)})


def downgrade() -> None:
    """Remove the column, and return to the narrow key."""
    ops.change(NEW, OLD)
