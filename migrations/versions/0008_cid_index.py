"""Containers are found by their ID alone: an index on ``cid``.

The ID, or the beginning of it, is what people have at hand; the sandbox that the container is in they don't know.

Downgrade: loses nothing.
"""

from persistdb.engines import ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LOSES: dict[str, str] = {}


def upgrade() -> None:
    """Create the index."""
    ddl.create_index("ix_container_cid", "container", "cid")


def downgrade() -> None:
    """Drop it."""
    ddl.drop_index("ix_container_cid", "container")
