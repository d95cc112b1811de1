"""The baseline: Kata's persist data of 2018.

A sandbox has its state; a container has the block device and the file system type of its rootfs, its mounts in the
order of the OCI specification from position 0 on, its device maps and its processes. There is one host, and the sandbox
ID is the key.

Downgrade: drops the tables, and with them everything.
"""

import sqlalchemy as sa

from persistdb.engines import ddl

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

SANDBOX = ddl.table(
    "sandbox",
    sa.Column("id", ddl.ID, nullable=False),
    sa.Column("sid", ddl.key(), nullable=False),
    sa.Column("state", ddl.key(), nullable=False),
    sa.Column("cgroup_path", ddl.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
    sa.UniqueConstraint("sid", name="uq_sandbox_sid"),
)
CONTAINER = ddl.table(
    "container",
    sa.Column("id", ddl.ID, nullable=False),
    sa.Column("sandbox_id", ddl.ID, nullable=False),
    sa.Column("cid", ddl.key(), nullable=False),
    sa.Column("state", ddl.key(), nullable=False),
    sa.Column("rootfs_block_device_id", ddl.TEXT, nullable=False),
    sa.Column("rootfs_fs_type", ddl.TEXT, nullable=False),
    sa.Column("cgroup_path", ddl.TEXT, nullable=False),
    sa.Column("bundle_path", ddl.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_container"),
    sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
    sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
)
MOUNT = ddl.table(
    "mount",
    sa.Column("container_id", ddl.ID, nullable=False),
    sa.Column("position", ddl.INTEGER, nullable=False, autoincrement=False),
    sa.Column("source", ddl.TEXT, nullable=False),
    sa.Column("destination", ddl.TEXT, nullable=False),
    sa.Column("type", ddl.TEXT, nullable=False),
    sa.Column("options", ddl.JSON),
    sa.Column("host_path", ddl.TEXT, nullable=False),
    sa.Column("block_device_id", ddl.TEXT, nullable=False),
    sa.Column("read_only", ddl.BOOLEAN, nullable=False),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_mount"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_mount_container", ondelete="CASCADE"),
    sa.CheckConstraint("position >= 0", name="ck_mount_position"),
    rowid=False,
)
DEVICE_MAP = ddl.table(
    "device_map",
    sa.Column("container_id", ddl.ID, nullable=False),
    sa.Column("position", ddl.INTEGER, nullable=False, autoincrement=False),
    sa.Column("device_id", ddl.TEXT, nullable=False),
    sa.Column("container_path", ddl.TEXT, nullable=False),
    sa.Column("file_mode", ddl.BIGINT, nullable=False),
    sa.Column("uid", ddl.BIGINT, nullable=False),
    sa.Column("gid", ddl.BIGINT, nullable=False),
    sa.PrimaryKeyConstraint("container_id", "position", name="pk_device_map"),
    sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_device_map_container", ondelete="CASCADE"),
    sa.CheckConstraint("file_mode BETWEEN 0 AND 4294967295", name="ck_device_map_file_mode"),
    sa.CheckConstraint("uid BETWEEN 0 AND 4294967295", name="ck_device_map_uid"),
    sa.CheckConstraint("gid BETWEEN 0 AND 4294967295", name="ck_device_map_gid"),
    sa.CheckConstraint("position >= 0", name="ck_device_map_position"),
    rowid=False,
)
PROCESS = ddl.table(
    "process",
    sa.Column("container_id", ddl.ID, nullable=False),
    sa.Column("position", ddl.INTEGER, nullable=False, autoincrement=False),
    sa.Column("token", ddl.key(512), nullable=False),
    sa.Column("pid", ddl.BIGINT, nullable=False),
    sa.Column("start_time", ddl.MOMENT),
    sa.Column("start_time_ns", ddl.SMALLINT),
    sa.Column("start_time_offset", ddl.SMALLINT),
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
    ddl.create(SANDBOX, CONTAINER, MOUNT, DEVICE_MAP, PROCESS)


def downgrade() -> None:
    """Drop them, children first."""
    ddl.drop("process", "device_map", "mount", "container", "sandbox")
