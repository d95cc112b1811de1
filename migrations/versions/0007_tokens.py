"""A token names one process of its sandbox.

So that a process can be found by its token, it has the ``sandbox_id`` of its container, which a foreign key of both
columns keeps the same. A container that was never started has no token: NULL replaces Go's ``""``, which need not be
unique.

Downgrade: loses nothing.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOVES = ("container", "process")
LOSES: dict[str, str] = {}
BLOCKS_UPGRADE = {
    "processes of one sandbox with the same token; a token must be unique in its sandbox": (
        "SELECT sandbox.sid, container.cid, process.position, process.token FROM process"
        " JOIN container ON container.id = process.container_id JOIN sandbox ON sandbox.id = container.sandbox_id"
        " JOIN (SELECT its.sandbox_id, twin.token FROM process twin JOIN container its ON its.id = twin.container_id"
        " WHERE twin.token <> '' GROUP BY its.sandbox_id, twin.token HAVING count(*) > 1) twins"
        " ON twins.sandbox_id = container.sandbox_id AND twins.token = process.token"
        " ORDER BY sandbox.sid, process.token, container.cid, process.position"
    )
}


def _container(*key: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "container",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("cid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        sa.Column("bundle_path", ops.TEXT, nullable=False),
        sa.Column("layout", ops.key(), nullable=False),
        sa.Column("extra", ops.JSON),
        sa.Column("document", ops.DOCUMENT),
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("updated_at", ops.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_container"),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
        sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
        *key,
    )


def _process(*, sandbox: list[sa.schema.SchemaItem], nullable: bool, keys: list[sa.schema.SchemaItem]) -> sa.Table:
    return ops.table(
        "process",
        sa.Column("container_id", ops.ID, nullable=False),
        sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
        *sandbox,
        sa.Column("token", ops.key(512), nullable=nullable),
        sa.Column("pid", ops.BIGINT, nullable=False),
        sa.Column("start_time", ops.MOMENT),
        sa.Column("start_time_ns", ops.SMALLINT),
        sa.Column("start_time_offset", ops.SMALLINT),
        sa.PrimaryKeyConstraint("container_id", "position", name="pk_process"),
        *keys,
        sa.CheckConstraint("start_time_ns BETWEEN 0 AND 999", name="ck_process_start_time_ns"),
        sa.CheckConstraint("start_time_offset BETWEEN -1439 AND 1439", name="ck_process_start_time_offset"),
        sa.CheckConstraint(
            "(start_time IS NULL) = (start_time_ns IS NULL) AND (start_time IS NULL) = (start_time_offset IS NULL)",
            name="ck_process_start_time_whole",
        ),
        sa.CheckConstraint("position >= 0", name="ck_process_position"),
        rowid=False,
    )


OLD_CONTAINER = _container()
NEW_CONTAINER = _container(sa.UniqueConstraint("sandbox_id", "id", name="uq_container_sandbox_id_id"))
OLD_PROCESS = _process(
    sandbox=[],
    nullable=False,
    keys=[sa.ForeignKeyConstraint(["container_id"], ["container.id"], name="fk_process_container", ondelete="CASCADE")],
)
NEW_PROCESS = _process(
    sandbox=[sa.Column("sandbox_id", ops.ID, nullable=False)],
    nullable=True,
    keys=[
        sa.ForeignKeyConstraint(
            ["sandbox_id", "container_id"],
            ["container.sandbox_id", "container.id"],
            name="fk_process_container",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("sandbox_id", "token", name="uq_process_sandbox_id_token"),
        sa.CheckConstraint("token <> ''", name="ck_process_token"),
    ],
)


def upgrade() -> None:
    """Create the key that the new foreign key refers to, then copy the processes with their sandbox."""
    ops.change(OLD_CONTAINER, NEW_CONTAINER)
    ops.rebuild(
        NEW_PROCESS,
        "SELECT container_id, position, container.sandbox_id, nullif(token, ''), pid, start_time, start_time_ns,"
        " start_time_offset FROM process JOIN container ON container.id = process.container_id",
    )


def downgrade() -> None:
    """Copy the processes without their sandbox, then drop the key."""
    ops.rebuild(
        OLD_PROCESS,
        "SELECT container_id, position, coalesce(token, ''), pid, start_time, start_time_ns, start_time_offset"
        " FROM process",
    )
    ops.change(NEW_CONTAINER, OLD_CONTAINER)
