"""Who holds a host's device is found by its numbers, and by its path on the host, whichever the runtime.

Kata makes an ID for each device of a sandbox; devices of OCI runtimes have the kernel's numbers for one (``c 10:229``).
Two indexes of ``sandbox_device`` lead from the numbers, and from a block device's path, to Kata's IDs. The views
``devices``, ``sandbox_devices`` and ``devices_over_time`` get the column ``host_device``, the same for all runtimes.

Downgrade: loses nothing.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Engines keep indexes, whoever writes.
MIN_READER = "0011"
MIN_WRITER = "0017"
LOSES: dict[str, str] = {}

HAS_PATH = sa.text("host_path <> ''")
INDEXED = ops.table(
    "sandbox_device",
    sa.Column("kind", ops.key(16), nullable=True),
    sa.Column("major", ops.BIGINT, nullable=True),
    sa.Column("minor", ops.BIGINT, nullable=True),
    sa.Column("host_path", ops.TEXT, nullable=True),
    sa.Index("ix_sandbox_device_major_minor_kind", "major", "minor", "kind"),
    sa.Index(
        "ix_sandbox_device_host_path",
        "host_path",
        sqlite_where=HAS_PATH,
        postgresql_where=HAS_PATH,
        postgresql_using="spgist",
        mysql_length=255,
        mariadb_length=255,
    ),
)


def upgrade() -> None:
    """Create the indexes, and the views again."""
    ops.drop_views(down_revision)
    ops.create_indexes(INDEXED)
    ops.create_views(revision)


def downgrade() -> None:
    """Drop the indexes, and create the views again as they were."""
    ops.drop_views(revision)
    for index in sorted(INDEXED.indexes, key=lambda index: str(index.name)):
        ops.drop_index(str(index.name), "sandbox_device")
    ops.create_views(down_revision)
