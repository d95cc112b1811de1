"""The baseline: Kata's persist data of 2018.

A sandbox has its state; a container has the block device and the file system type of its rootfs, its mounts in the
order of the OCI specification from position 0 on, its device maps and its processes. There is one host, so the sandbox
ID is unique.

Downgrade: drops the tables, and with them everything.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LOSES = {
    "sandbox": "SELECT count(*) FROM sandbox",
    "container": "SELECT count(*) FROM container",
    "mount": "SELECT count(*) FROM mount",
    "device_map": "SELECT count(*) FROM device_map",
    "process": "SELECT count(*) FROM process",
}

SANDBOX = ops.table(
    "sandbox",
    sa.Column("id", ops.ID, nullable=False),
    sa.Column("sid", ops.key(), nullable=False),
    sa.Column("state", ops.key(), nullable=False),
    sa.Column("cgroup_path", ops.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
    sa.UniqueConstraint("sid", name="uq_sandbox_sid"),
)
CONTAINER = ops.table(
    "container",
    sa.Column("id", ops.ID, nullable=False),
    sa.Column("sandbox_id", ops.ID, nullable=False),
    sa.Column("cid", ops.key(), nullable=False),
    sa.Column("state", ops.key(), nullable=False),
    sa.Column("rootfs_block_device_id", ops.TEXT, nullable=False),
    sa.Column("rootfs_fs_type", ops.TEXT, nullable=False),
    sa.Column("cgroup_path", ops.TEXT, nullable=False),
    sa.Column("bundle_path", ops.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_container"),
    sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
    sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
)
MOUNT = ops.table(
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
DEVICE_MAP = ops.table(
    "device_map",
    sa.Column("container_id", ops.ID, nullable=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("device_id", ops.TEXT, nullable=False),
    sa.Column("container_path", ops.TEXT, nullable=False),
    sa.Column("file_mode", ops.BIGINT, nullable=False),
    sa.Column("uid", ops.BIGINT, nullable=False),
    sa.Column("gid", ops.BIGINT, nullable=False),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_device_map"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_device_map_container", ondelete="CASCADE"),
    sa.CheckConstraint("file_mode BETWEEN 0 AND 4294967295", name="ck_device_map_file_mode"),
    sa.CheckConstraint("uid BETWEEN 0 AND 4294967295", name="ck_device_map_uid"),
    sa.CheckConstraint("gid BETWEEN 0 AND 4294967295", name="ck_device_map_gid"),
    sa.CheckConstraint("position >= 0", name="ck_device_map_position"),
    rowid=False,
)
PROCESS = ops.table(
    "process",
    sa.Column("container_id", ops.ID, nullable=False),
    sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
    sa.Column("token", ops.key(512), nullable=False),
    sa.Column("pid", ops.BIGINT, nullable=False),
    sa.Column("start_time", ops.MOMENT),
    sa.Column("start_time_ns", ops.SMALLINT),
    sa.Column("start_time_offset", ops.SMALLINT),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_process"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_process_container", ondelete="CASCADE"),
    sa.CheckConstraint("start_time_ns BETWEEN 0 AND 999", name="ck_process_start_time_ns"),
    sa.CheckConstraint("start_time_offset BETWEEN -1439 AND 1439", name="ck_process_start_time_offset"),
    sa.CheckConstraint(
        "(start_time IS NULL) = (start_time_ns IS NULL) AND (start_time IS NULL) = (start_time_offset IS NULL)",
        name="ck_process_start_time_whole",
    ),
    sa.CheckConstraint("position >= 0", name="ck_process_position"),
    rowid=False,
)


def upgrade() -> None:
    """Create the tables."""
    ops.create(SANDBOX, CONTAINER, MOUNT, DEVICE_MAP, PROCESS)


def downgrade() -> None:
    """Drop the tables, children first."""
    ops.drop("process", "device_map", "mount", "container", "sandbox")
