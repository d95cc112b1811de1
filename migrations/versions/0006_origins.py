"""An import can be written back byte for byte.

Sandboxes and containers keep the layout of their files, the keys in them that persistdb does not know, and the whole
text where the columns cannot reproduce it. Existing rows did not come from a file: their layout is ``''``.

Downgrade: loses ``layout``, ``extra``, ``document`` and ``persist_version``.
"""

import sqlalchemy as sa

from persistdb.schema import ops

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOVES = ("sandbox", "container")
LOSES = {
    "sandbox.layout": "SELECT count(*) FROM sandbox WHERE layout <> ''",
    "sandbox.document": "SELECT count(*) FROM sandbox WHERE document IS NOT NULL",
    "sandbox.persist_version": "SELECT count(*) FROM sandbox WHERE persist_version IS NOT NULL",
    "container.layout": "SELECT count(*) FROM container WHERE layout <> ''",
    "container.extra": "SELECT count(*) FROM container WHERE extra IS NOT NULL",
    "container.document": "SELECT count(*) FROM container WHERE document IS NOT NULL",
}


def _sandbox(*, version: list[sa.schema.SchemaItem], origin: list[sa.schema.SchemaItem]) -> sa.Table:
    return ops.table(
        "sandbox",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("host", ops.key(), nullable=False),
        sa.Column("sid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        *version,
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        *origin,
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("updated_at", ops.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox"),
        sa.UniqueConstraint("host", "sid", name="uq_sandbox_host_sid"),
    )


def _container(*origin: sa.schema.SchemaItem) -> sa.Table:
    return ops.table(
        "container",
        sa.Column("id", ops.ID, nullable=False),
        sa.Column("sandbox_id", ops.ID, nullable=False),
        sa.Column("cid", ops.key(), nullable=False),
        sa.Column("state", ops.key(), nullable=False),
        sa.Column("cgroup_path", ops.TEXT, nullable=False),
        sa.Column("bundle_path", ops.TEXT, nullable=False),
        *origin,
        sa.Column("revision", ops.BIGINT, nullable=False),
        sa.Column("created_at", ops.MOMENT, nullable=False),
        sa.Column("updated_at", ops.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_container"),
        sa.ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], name="fk_container_sandbox", ondelete="CASCADE"),
        sa.UniqueConstraint("sandbox_id", "cid", name="uq_container_sandbox_id_cid"),
    )


OLD_SANDBOX = _sandbox(version=[], origin=[])
NEW_SANDBOX = _sandbox(
    version=[sa.Column("persist_version", ops.INTEGER)],
    origin=[sa.Column("layout", ops.key(), nullable=False), sa.Column("document", ops.DOCUMENT)],
)
OLD_CONTAINER = _container()
NEW_CONTAINER = _container(
    sa.Column("layout", ops.key(), nullable=False), sa.Column("extra", ops.JSON), sa.Column("document", ops.DOCUMENT)
)


def upgrade() -> None:
    """Add the columns."""
    nothing = {"persist_version": "NULL", "layout": "''", "extra": "NULL", "document": "NULL"}
    ops.change(OLD_SANDBOX, NEW_SANDBOX, nothing)
    ops.change(OLD_CONTAINER, NEW_CONTAINER, nothing)


def downgrade() -> None:
    """Remove the columns."""
    ops.change(NEW_CONTAINER, OLD_CONTAINER)
    ops.change(NEW_SANDBOX, OLD_SANDBOX)
