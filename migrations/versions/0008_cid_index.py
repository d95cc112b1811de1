"""Containers are found by their ID alone: an index on ``cid``.

People have the ID at hand, or the beginning of it, and not the ID of the sandbox.

Downgrade: loses nothing.
"""

from persistdb.schema import ops

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LOSES: dict[str, str] = {}


def upgrade() -> None:
    """Create the index."""
    ops.create_index("ix_container_cid", "container", "cid")


def downgrade() -> None:
    """Drop the index."""
    ops.drop_index("ix_container_cid", "container")
