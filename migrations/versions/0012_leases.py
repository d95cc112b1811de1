"""Locks are rows: leases, with an owner, an expiry and a fencing number.

A lock of a session excludes nobody on the other nodes of a cluster, and nobody behind a pooler.

Downgrade: loses the fencing numbers, which begin again with the next upgrade. It is refused while locks are held.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The programs before lock by other means, which exclude nobody here.
MIN_READER = "0011"
MIN_WRITER = "0012"
LOSES = {"lease": "SELECT count(*) FROM lease", "lease_number": "SELECT count(*) FROM lease_number"}
BLOCKS_DOWNGRADE = {"locks that are held": "SELECT name, mode, host, pid FROM lease WHERE {held}"}

LEASE = ops.table(
    "lease",
    sa.Column("name", ops.key(511), nullable=False),
    sa.Column("number", ops.BIGINT, nullable=False, autoincrement=False),
    sa.Column("mode", ops.key(9), nullable=False),
    sa.Column("owner", ops.key(32), nullable=False),
    sa.Column("host", ops.key(), nullable=False),
    sa.Column("boot_id", ops.key(), nullable=False),
    sa.Column("pid", ops.BIGINT, nullable=False),
    sa.Column("started", ops.BIGINT, nullable=False),
    sa.Column("expires_at", ops.BIGINT, nullable=False),
    sa.PrimaryKeyConstraint("name", "number", name="pk_lease"),
    sa.CheckConstraint("mode IN ('exclusive', 'shared')", name="ck_lease_mode"),
    sa.Index("ix_lease_owner", "owner"),
    rowid=False,
)
NUMBER = ops.table(
    "lease_number",
    sa.Column("bucket", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("number", ops.BIGINT, nullable=False),
    sa.PrimaryKeyConstraint("bucket", name="pk_lease_number"),
    rowid=False,
)


def upgrade() -> None:
    """Create the tables."""
    ops.create(LEASE, NUMBER)
    for new in (LEASE, NUMBER):
        ops.let_write(new.name, "container")


def downgrade() -> None:
    """Drop them."""
    ops.drop("lease_number", "lease")
