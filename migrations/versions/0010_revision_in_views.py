"""A sandbox's revision: in the view it is the one that the repository gives, which grows with each container's, too.

The view had the part of it that is in the sandbox's own row, which gets less when a container is added. Views are
dropped and made again as a whole, from the texts beside this file.

Downgrade: loses nothing.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LOSES: dict[str, str] = {}

VIEWS = ("sandboxes", "containers", "mounts", "devices", "processes", "sandbox_devices")


def _make(name: str) -> None:
    dialect = op.get_context().dialect.name
    engine = "mariadb" if dialect == "mysql" else dialect
    for view in reversed(VIEWS):
        op.execute(f"DROP VIEW IF EXISTS {view}")
    for statement in Path(__file__).with_name(f"{name}.{engine}.sql").read_text("utf-8").split("\n;\n"):
        if statement:
            op.execute(statement)


def upgrade() -> None:
    """Make the views anew."""
    _make("0010_revision_in_views")


def downgrade() -> None:
    """Make those of before."""
    _make("0009_views")
