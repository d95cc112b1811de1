"""One database serves many hosts: a sandbox has a host.

Its ID is unique on that host. The sandboxes that are there already are given the host that the upgrade was told
(``persistdb --host NAME db upgrade``, ``alembic -x host=NAME upgrade head``), or ``''`` if it was told none.

Downgrade: loses ``host``. It cannot be done while two hosts have a sandbox of the same ID.
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
    "sandboxes of the same ID on more than one host; without hosts an ID can be there once": (
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
    """Go back to the narrow key, which fails before anything is changed if it would not be unique."""
    ops.change(NEW, OLD)
