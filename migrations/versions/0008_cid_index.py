"""Containers are found by their ID alone: an index on ``cid``.

The ID, or the beginning of it, is what people have at hand; the sandbox that the container is in they don't know.

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
    """Drop it."""
    ops.drop_index("ix_container_cid", "container")
