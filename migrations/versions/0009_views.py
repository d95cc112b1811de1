"""Operators can query: reporting views, and indexes on identifiers and paths.

The views' definitions are the texts beside this file, one for each engine. Where the engine has partial indexes, each
index leaves out values that identify nothing (``''``, a pid that is no process).

Downgrade: loses nothing.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateIndex

from persistdb.schema import ops

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LOSES: dict[str, str] = {}

VIEWS = ("sandboxes", "containers", "mounts", "devices", "processes", "sandbox_devices")


def _index(table: str, column: sa.Column[object], holds: str | None = None, *, long: bool = False) -> sa.Index:
    options: dict[str, object] = {}
    if holds is not None:
        options |= {"sqlite_where": sa.text(holds), "postgresql_where": sa.text(holds)}
    if long:
        # longer than a key may be: a B-tree of PostgreSQL refuses a row of more than 2704 bytes
        options |= {"postgresql_using": "spgist", "mysql_length": 255, "mariadb_length": 255}
    name = f"ix_{table}_{column.name}"
    return sa.Index(name, sa.Table(table, sa.MetaData(), column).c[column.name], **options)  # type: ignore[arg-type]


INDEXES = (
    _index("sandbox", sa.Column("sid", ops.key())),
    _index("container", sa.Column("cgroup_path", ops.TEXT), "cgroup_path <> ''", long=True),
    _index("container", sa.Column("bundle_path", ops.TEXT), "bundle_path <> ''", long=True),
    _index("mount", sa.Column("source", ops.TEXT), "source >= '/' AND source < '0'", long=True),
    _index("mount", sa.Column("host_path", ops.TEXT), "host_path <> ''", long=True),
    _index("mount", sa.Column("block_device_id", ops.TEXT), "block_device_id <> ''", long=True),
    _index("device_map", sa.Column("device_id", ops.TEXT), long=True),
    _index("process", sa.Column("token", ops.key(512))),
    _index("process", sa.Column("pid", ops.BIGINT), "pid > 0"),
)


def _engine() -> str:
    name: str = op.get_context().dialect.name
    return "mariadb" if name == "mysql" else name


def upgrade() -> None:
    """Create the indexes, then the views."""
    for index in INDEXES:
        op.execute(CreateIndex(index, if_not_exists=_engine() == "mariadb"))
    for statement in Path(__file__).with_suffix(f".{_engine()}.sql").read_text("utf-8").split("\n;\n"):
        if statement:
            op.execute(statement)


def downgrade() -> None:
    """Drop the views, then the indexes."""
    for view in reversed(VIEWS):
        op.execute(f"DROP VIEW IF EXISTS {view}")
    if _engine() == "postgresql":
        op.execute("DROP FUNCTION persistdb_json_list(text, text[])")
    for index in INDEXES:
        ops.drop_index(str(index.name), index.table.name)  # type: ignore[union-attr]
