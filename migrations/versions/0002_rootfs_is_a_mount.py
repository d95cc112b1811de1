"""The container's rootfs becomes a mount.

As in kata-containers/runtime 196661bc (April 2019). It becomes the mount at position 0, and the others move up by one.
The container's columns ``rootfs_block_device_id`` and ``rootfs_fs_type`` become the mount's ``block_device_id`` and
``type``; its other values were never stored, so they are empty. All mounts get ``is_rootfs`` and ``mounted``. It is
unknown whether existing mounts are mounted; the value is false, as Go's decoder has it for a missing key.

Downgrade: the rootfs goes back into the container's columns. Loses ``mounted``, and of each rootfs the source,
destination, options, host path and read-only flag.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOVES = ("mount", "container")
LOSES = {
    "mount.mounted": "SELECT count(*) FROM mount WHERE mounted",
    "mount.source": "SELECT count(*) FROM mount WHERE is_rootfs AND source <> ''",
    "mount.destination": "SELECT count(*) FROM mount WHERE is_rootfs AND destination <> ''",
    "mount.options": "SELECT count(*) FROM mount WHERE is_rootfs AND options IS NOT NULL",
    "mount.host_path": "SELECT count(*) FROM mount WHERE is_rootfs AND host_path <> ''",
    "mount.read_only": "SELECT count(*) FROM mount WHERE is_rootfs AND read_only",
}


def _container(*rootfs: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "container",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("cid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        *rootfs,
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        sa.Column("bundle_path", ops.TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_container"),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
        sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
    )


OLD_CONTAINER = _container(
    sa.Column("rootfs_block_device_id", ops.TEXT, nullable=False),
    sa.Column("rootfs_fs_type", ops.TEXT, nullable=False),
)
NEW_CONTAINER = _container()
OLD_MOUNT = ops.table(
    "mount",
    sa.Column("container_id", ops.ID, nullable=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("source", ops.TEXT, nullable=False),
    sa.Column("destination", ops.TEXT, nullable=False),
    sa.Column("type", ops.TEXT, nullable=False),
    sa.Column("options", ops.JSON),
    sa.Column("host_path", ops.TEXT, nullable=False),
    sa.Column("block_device_id", ops.TEXT, nullable=False),
    sa.Column("read_only", ops.BOOLEAN, nullable=False),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_mount"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_mount_container", ondelete="CASCADE"),
    sa.CheckConstraint("position >= 0", name="ck_mount_position"),
    rowid=False,
)
NEW_MOUNT = ops.table(
    "mount",
    sa.Column("container_id", ops.ID, nullable=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("is_rootfs", ops.BOOLEAN, nullable=False),
    sa.Column("source", ops.TEXT, nullable=False),
    sa.Column("destination", ops.TEXT, nullable=False),
    sa.Column("type", ops.TEXT, nullable=False),
    sa.Column("options", ops.JSON),
    sa.Column("host_path", ops.TEXT, nullable=False),
    sa.Column("block_device_id", ops.TEXT, nullable=False),
    sa.Column("read_only", ops.BOOLEAN, nullable=False),
    sa.Column("mounted", ops.BOOLEAN, nullable=False),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_mount"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_mount_container", ondelete="CASCADE"),
    sa.CheckConstraint("is_rootfs = (position = 0)", name="ck_mount_rootfs_is_first"),
    sa.CheckConstraint("position >= 0", name="ck_mount_position"),
    rowid=False,
)


def upgrade() -> None:
    """Copy the mounts, with the rootfs first; then drop the container's columns."""
    ops.rebuild(
        NEW_MOUNT,
        "SELECT container_id, position + 1, false, source, destination, type, options, host_path, block_device_id,"
        " read_only, false FROM mount",
        "SELECT id, 0, true, '', '', rootfs_fs_type, NULL, '', rootfs_block_device_id, false, false FROM container",
    )
    ops.change(OLD_CONTAINER, NEW_CONTAINER)


def downgrade() -> None:
    """Add the container's columns and fill them; then copy the mounts without the rootfs."""
    ops.change(NEW_CONTAINER, OLD_CONTAINER, {"rootfs_block_device_id": "''", "rootfs_fs_type": "''"})
    # after an interrupted downgrade that has copied the mounts, the one at position 0 is not the rootfs
    if ops.has_column("mount", "is_rootfs"):
        rootfs = "(SELECT {0} FROM mount WHERE mount.container_id = container.id AND mount.position = 0)"
        op.execute(
            "UPDATE container SET"
            f" rootfs_block_device_id = coalesce({rootfs.format('block_device_id')}, ''),"
            f" rootfs_fs_type = coalesce({rootfs.format('type')}, '')"
        )
    ops.rebuild(
        OLD_MOUNT,
        "SELECT container_id, position - 1, source, destination, type, options, host_path, block_device_id, read_only"
        " FROM mount WHERE position > 0",
    )
