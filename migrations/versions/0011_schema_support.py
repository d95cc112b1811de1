"""The database says which programs may read and write it, and which rows a change is still to fill.

Before, a program took no revision but its own, so that all programs of a fleet had to be stopped for a change of the
schema. ``schema_support`` has one row: the oldest revisions whose programs may read and write. ``schema_backfill`` has
a row for each table that is being filled in batches after a change, with the place that it has come to.

Downgrade: loses both tables; the older programs take no database of another revision.
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The programs before look at the revision only, and take no other than theirs.
MIN_READER = "0011"
MIN_WRITER = "0011"
LOSES: dict[str, str] = {}

SUPPORT = ops.table(
    "schema_support",
    sa.Column("id", ops.SMALLINT, nullable=False, autoincrement=False),
    sa.Column("min_reader", ops.key(32), nullable=False),
    sa.Column("min_writer", ops.key(32), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_schema_support"),
    sa.CheckConstraint("id = 1", name="ck_schema_support_single"),
)
BACKFILL = ops.table(
    "schema_backfill",
    sa.Column("revision", ops.key(32), nullable=False),
    sa.Column("table_name", ops.key(64), nullable=False),
    sa.Column("behind", ops.BIGINT, nullable=False),
    sa.PrimaryKeyConstraint("revision", "table_name", name="pk_schema_backfill"),
)


def upgrade() -> None:
    """Create the tables, and the row that a change of the schema writes from here on."""
    ops.create(SUPPORT, BACKFILL)
    op.execute(
        f"INSERT INTO schema_support (id, min_reader, min_writer) SELECT 1, '{MIN_READER}', '{MIN_WRITER}'"
        " WHERE NOT EXISTS (SELECT 1 FROM schema_support)"
    )
    for name in ("schema_support", "schema_backfill"):
        ops.let_read(name, "persistdb_version")


def downgrade() -> None:
    """Drop them."""
    ops.drop("schema_backfill", "schema_support")
