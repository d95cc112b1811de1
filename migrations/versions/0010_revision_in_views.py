"""A sandbox's revision: in the view it is the one that the repository gives, which grows with each container's, too.

The view had the part of it that is in the sandbox's own row, which gets less when a container is added. The view's text
but for that column is beside this file.

Downgrade: loses nothing.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LOSES: dict[str, str] = {}

OF_CONTAINERS = "(SELECT coalesce(sum(c.revision), 0) FROM container AS c WHERE c.sandbox_id = s.id)"


def _make(column: str) -> None:
    op.execute("DROP VIEW IF EXISTS sandboxes")
    text = Path(__file__).with_suffix(".sql").read_text("utf-8").rstrip("\n")
    op.execute("CREATE VIEW sandboxes AS\n" + text.replace("{revision}", column))


def upgrade() -> None:
    """Make the view anew."""
    int64 = "bigint" if op.get_context().dialect.name == "postgresql" else "integer"
    _make(f"(s.revision + CAST({OF_CONTAINERS} AS {int64})) AS revision")


def downgrade() -> None:
    """Make it as it was."""
    _make("s.revision")
