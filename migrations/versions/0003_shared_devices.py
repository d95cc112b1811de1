"""Device maps say whether their device is shared.

A shared device stays when one of the containers that use it stops; Kata writes the flag from 3.28 on (kata-containers
a4fd32a29a). Existing device maps are not shared.

Downgrade: loses ``shared``.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOVES = ("device_map",)
LOSES = {"device_map.shared": "SELECT count(*) FROM device_map WHERE shared"}


def _device_map(*shared: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "device_map",
        sa.Column("container_id", ops.ID, nullable=False),
        sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
        sa.Column("device_id", ops.TEXT, nullable=False),
        sa.Column("container_path", ops.TEXT, nullable=False),
        sa.Column("file_mode", ops.BIGINT, nullable=False),
        sa.Column("uid", ops.BIGINT, nullable=False),
        sa.Column("gid", ops.BIGINT, nullable=False),
        *shared,
        sa.PrimaryKeyConstraint("container_id", "position", name="pk_device_map"),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_device_map_container", ondelete="CASCADE"),
        sa.CheckConstraint("file_mode BETWEEN 0 AND 4294967295", name="ck_device_map_file_mode"),
        sa.CheckConstraint("uid BETWEEN 0 AND 4294967295", name="ck_device_map_uid"),
        sa.CheckConstraint("gid BETWEEN 0 AND 4294967295", name="ck_device_map_gid"),
        sa.CheckConstraint("position >= 0", name="ck_device_map_position"),
        rowid=False,
    )


OLD = _device_map()
NEW = _device_map(sa.Column("shared", ops.BOOLEAN, nullable=False))


def upgrade() -> None:
    """Add the column."""
    ops.change(OLD, NEW, {"shared": "false"})


def downgrade() -> None:
    """Remove the column."""
    ops.change(NEW, OLD)
