"""The database says when an import last found each sandbox, in which folder, and when it last read each host.

Before, only changes had a time: a sandbox that ran unchanged for a week could not be told from one that was gone for a
week, and nothing said from which folder's files it came. ``sandbox_seen`` is a table beside ``sandbox``, because each
import writes it, and the rows of ``sandbox`` have whole documents. Sandboxes refer to ``host`` by its name, without a
foreign key: programs of before may save sandboxes of a host that has no row.

Downgrade: loses both tables.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MIN_READER = "0011"
MIN_WRITER = "0012"
LOSES = {
    "host": "SELECT count(*) FROM host",
    "sandbox_seen": "SELECT count(*) FROM sandbox_seen",
}

HOST = ops.table(
    "host",
    sa.Column("name", ops.key(), nullable=False),
    sa.Column("first_seen", ops.MOMENT, nullable=False),
    sa.Column("last_seen", ops.MOMENT, nullable=False),
    sa.Column("boot_id", ops.key(64), nullable=True),
    sa.Column("kernel", ops.TEXT, nullable=True),
    sa.Column("programs", ops.TEXT, nullable=True),
    sa.PrimaryKeyConstraint("name", name="pk_host"),
)
SANDBOX_SEEN = ops.table(
    "sandbox_seen",
    sa.Column("sandbox_id", ops.ID, nullable=False, autoincrement=False),
    sa.Column("seen_at", ops.MOMENT, nullable=False),
    sa.Column("source", ops.TEXT, nullable=False),
    sa.PrimaryKeyConstraint("sandbox_id", name="pk_sandbox_seen"),
    sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_sandbox_seen_sandbox", ondelete="CASCADE"),
)


def upgrade() -> None:
    """Create the tables, and the views that read them."""
    ops.drop_views(down_revision)
    ops.create(HOST, SANDBOX_SEEN)
    ops.create_views(revision)
    for table in (HOST, SANDBOX_SEEN):
        ops.let_write(table.name, "container")
    ops.let_read("hosts", "persistdb_version")


def downgrade() -> None:
    """Drop them."""
    ops.drop_views(revision)
    ops.drop("sandbox_seen", "host")
    ops.create_views(down_revision)
