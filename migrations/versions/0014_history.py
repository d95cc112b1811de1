"""What was is kept: an event for each change, and past versions of sandboxes, containers and what belongs to them.

Before, a removed container had never been, and a changed one had always been so. Rows that are there begin their
history with an event ``created``, at their ``created_at``. What they were before the upgrade is not known, so nothing
before it can be asked for (``retention.horizon``). A mount, device map or process has the revision of its container in
which it came to be what it is, ``since``: 0 is from the container's creation on.

Downgrade: loses all history, and the setting of how long it is kept.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# A program that does not record what it changes must not change it.
MIN_READER = "0011"
MIN_WRITER = "0014"
LIFETIMES = ("sandbox_lifetime", "container_lifetime")
VERSIONS = ("sandbox_history", "container_history", "mount_history", "device_map_history", "process_history")
LOSES = {
    **{name: f"SELECT count(*) FROM {name}" for name in (*LIFETIMES, "event", *VERSIONS)},
    **{f"{name}.since": f"SELECT count(*) FROM {name} WHERE since <> 0" for name in ("mount", "device_map", "process")},
    "retention": "SELECT count(*) FROM retention WHERE seconds IS NULL OR seconds <> 2592000",
}
DAYS_30 = 2592000


def _index(table: str, column: str, holds: str | None = None, *, long: bool = False) -> sa.Index:
    options: dict[str, object] = {}
    if holds is not None:
        options |= {"sqlite_where": sa.text(holds), "postgresql_where": sa.text(holds)}
    if long:
        options |= {"postgresql_using": "spgist", "mysql_length": 255, "mariadb_length": 255}
    return sa.Index(f"ix_{table}_{column}", column, **options)  # type: ignore[arg-type]  # each dialect names its own


def _whole(table: str, owner: str) -> sa.Index:
    where = {"sqlite_where": sa.text("whole = 1"), "postgresql_where": sa.text("whole")}
    return sa.Index(f"ix_{table}_whole", owner, "whole", "revision", **where)  # type: ignore[arg-type]


def _version(table: str, owner: str, *columns: sa.Column[object]) -> sa.Table:
    return ops.table(
        table,
        sa.Column(owner, ops.ID, nullable=False, autoincrement=False),
        sa.Column("valid_to", ops.MOMENT, nullable=False),
        sa.Column("revision", ops.BIGINT, nullable=False, autoincrement=False),
        *columns,
        sa.Column("valid_from", ops.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(owner, "valid_to", "revision", name=f"pk_{table}"),
        _whole(table, owner),
        rowid=False,
    )


def _child(table: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        table,
        sa.Column("container_id", ops.ID, nullable=False, autoincrement=False),
        sa.Column("position", ops.INTEGER, nullable=False, autoincrement=False),
        sa.Column("until", ops.BIGINT, nullable=False, autoincrement=False),
        *items,
        sa.Column("since", ops.BIGINT, nullable=False),
        sa.Column("valid_from", ops.MOMENT, nullable=False),
        sa.Column("valid_to", ops.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("container_id", "position", "until", name=f"pk_{table}"),
        rowid=False,
    )


TABLES = (
    ops.table(
        "sandbox_lifetime",
        sa.Column("id", ops.ID, nullable=False, autoincrement=False),
        sa.Column("host", ops.key(), nullable=False),
        sa.Column("sid", ops.key(), nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("removed_at", ops.MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_lifetime"),
        sa.Index("ix_sandbox_lifetime_host_sid", "host", "sid"),
    ),
    ops.table(
        "container_lifetime",
        sa.Column("id", ops.ID, nullable=False, autoincrement=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("cid", ops.key(), nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("removed_at", ops.MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_container_lifetime"),
        sa.Index("ix_container_lifetime_cid_sandbox_id", "cid", "sandbox_id"),
        _index("container_lifetime", "sandbox_id"),
    ),
    ops.table(
        "event",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("container_id", ops.ID, nullable=True),
        sa.Column("kind", ops.key(16), nullable=False),
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("at", ops.MOMENT, nullable=False),
        sa.Column("old_state", ops.key(), nullable=True),
        sa.Column("new_state", ops.key(), nullable=True),
        sa.Column("cause", ops.key(16), nullable=False),
        sa.Column("actor", ops.key(), nullable=True),
        sa.Column("reason", ops.TEXT, nullable=True),
        sa.Column("transaction_id", ops.BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.Index("ix_event_sandbox_id_id", "sandbox_id", "id"),
        sa.Index(
            "ix_event_transaction_id_id", "transaction_id", "id", sqlite_where=sa.text("transaction_id IS NOT NULL")
        ),
    ),
    _version(
        "sandbox_history",
        "sandbox_id",
        sa.Column("number", ops.BIGINT, nullable=False),
        sa.Column("whole", ops.BOOLEAN, nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("persist_version", ops.INTEGER, nullable=True),
        sa.Column("cgroup_path", ops.TEXT, nullable=True),
        sa.Column("layout", ops.key(), nullable=True),
        sa.Column("document", ops.DOCUMENT, nullable=True),
    ),
    _version(
        "container_history",
        "container_id",
        sa.Column("whole", ops.BOOLEAN, nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=True),
        sa.Column("bundle_path", ops.TEXT, nullable=True),
        sa.Column("layout", ops.key(), nullable=True),
        sa.Column("extra", ops.JSON, nullable=True),
        sa.Column("document", ops.DOCUMENT, nullable=True),
    ),
    _child(
        "mount_history",
        sa.Column("is_rootfs", ops.BOOLEAN, nullable=False),
        sa.Column("source", ops.TEXT, nullable=False),
        sa.Column("destination", ops.TEXT, nullable=False),
        sa.Column("type", ops.TEXT, nullable=False),
        sa.Column("options", ops.JSON, nullable=True),
        sa.Column("host_path", ops.TEXT, nullable=False),
        sa.Column("block_device_id", ops.TEXT, nullable=False),
        sa.Column("read_only", ops.BOOLEAN, nullable=False),
        sa.Column("mounted", ops.BOOLEAN, nullable=False),
        _index("mount_history", "source", "source >= '/' AND source < '0'", long=True),
        _index("mount_history", "host_path", "host_path <> ''", long=True),
        _index("mount_history", "block_device_id", "block_device_id <> ''", long=True),
    ),
    _child(
        "device_map_history",
        sa.Column("device_id", ops.TEXT, nullable=False),
        sa.Column("container_path", ops.TEXT, nullable=False),
        sa.Column("file_mode", ops.BIGINT, nullable=False),
        sa.Column("uid", ops.BIGINT, nullable=False),
        sa.Column("gid", ops.BIGINT, nullable=False),
        sa.Column("shared", ops.BOOLEAN, nullable=False),
        _index("device_map_history", "device_id", long=True),
    ),
    _child(
        "process_history",
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("token", ops.key(512), nullable=True),
        sa.Column("pid", ops.BIGINT, nullable=False),
        sa.Column("start_time", ops.MOMENT, nullable=True),
        sa.Column("start_time_ns", ops.SMALLINT, nullable=True),
        sa.Column("start_time_offset", ops.SMALLINT, nullable=True),
        _index("process_history", "token"),
        _index("process_history", "pid", "pid > 0"),
    ),
    ops.table(
        "retention",
        sa.Column("id", ops.SMALLINT, nullable=False, autoincrement=False),
        sa.Column("seconds", ops.BIGINT, nullable=True),
        sa.Column("horizon", ops.MOMENT, nullable=False),
        sa.Column("pruned_transaction_id", ops.BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("pruned_id", ops.BIGINT, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_retention"),
        sa.CheckConstraint("id = 1", name="ck_retention_single"),
    ),
)
SINCE = sa.Column("since", ops.BIGINT, nullable=False, server_default=sa.text("0"))
CHILDREN = ("mount", "device_map", "process")
VIEWS = ("events", *(f"{name}_over_time" for name in ("sandboxes", "containers", "mounts", "devices", "processes")))


def upgrade() -> None:
    """Create the tables, begin the history of what is there, and create the views of it."""
    ops.drop_views(down_revision)
    for name in CHILDREN:
        ops.add_column(name, SINCE)
    ops.create(*TABLES)
    is_postgresql = op.get_context().dialect.name == "postgresql"
    op.execute(
        "INSERT INTO sandbox_lifetime (id, host, sid, created_at) SELECT id, host, sid, created_at FROM sandbox"
        " WHERE NOT EXISTS (SELECT 1 FROM sandbox_lifetime)"
    )
    op.execute(
        "INSERT INTO container_lifetime (id, sandbox_id, cid, created_at)"
        " SELECT id, sandbox_id, cid, created_at FROM container"
        " WHERE NOT EXISTS (SELECT 1 FROM container_lifetime)"
    )
    transaction = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)" if is_postgresql else "NULL"
    # a sandbox before its containers, where they have one time; each began at revision 1
    op.execute(
        "INSERT INTO event (sandbox_id, container_id, kind, revision, at, new_state, cause, transaction_id)"
        f" SELECT sandbox_id, container_id, 'created', revision, created_at, state, 'upgrade', {transaction} FROM ("
        "SELECT s.id AS sandbox_id, NULL AS container_id, s.state, s.created_at, 0 AS place,"
        " 1 AS revision FROM sandbox AS s"
        " UNION ALL SELECT c.sandbox_id, c.id, c.state, c.created_at, 1, c.revision FROM container AS c"
        ") AS there WHERE NOT EXISTS (SELECT 1 FROM event) ORDER BY created_at, place, sandbox_id, container_id"
    )
    now = ops.moment_literal(datetime.now(UTC))
    op.execute(
        f"INSERT INTO retention (id, seconds, horizon) SELECT 1, {DAYS_30}, {now}"
        " WHERE NOT EXISTS (SELECT 1 FROM retention)"
    )
    ops.create_views(revision)
    for table in TABLES:
        ops.let_write(table.name, "container")
    ops.let_number("event", "container")
    for name in (*VIEWS, "retention"):
        ops.let_read(name, "persistdb_version")


def downgrade() -> None:
    """Drop them."""
    ops.drop_views(revision)
    ops.drop(*(table.name for table in reversed(TABLES)))
    for name in CHILDREN:
        ops.drop_column(name, "since")
    ops.create_views(down_revision)
