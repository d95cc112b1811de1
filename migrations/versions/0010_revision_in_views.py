"""The view of sandboxes has the repository's revision, which grows with each change of a container, too.

Before, the view had the part that is in the sandbox's own row, which decreases when a container is added. The text of
the view, except for that column, is ``0010_revision_in_views.sql``; the other texts beside this file are all views of
this revision, for a later revision to return to.

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
    """Create the view with the sum."""
    int64 = "bigint" if op.get_context().dialect.name == "postgresql" else "integer"
    _make(f"(s.revision + CAST({OF_CONTAINERS} AS {int64})) AS revision")


def downgrade() -> None:
    """Create the view with the row's own revision."""
    _make("s.revision")
