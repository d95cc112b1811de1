<%
    def quoted(value):
        return f'"{value}"' if isinstance(value, str) else repr(value)

    body = f"{upgrades or ''}{downgrades or ''}"
    views = config.attributes.get("views", False)
%>\
"""${message[:1].upper()}${message[1:].rstrip(".")}.

Why, and what becomes of the rows that exist already.

Downgrade: loses nothing.
"""
% if "sa." in body:

import sqlalchemy as sa
% endif
% if "op." in body:
${"" if "sa." in body else chr(10)}from alembic import op
% endif
% if views:

from persistdb.schema import ops
% endif
% if imports:
${imports}
% endif

revision = ${quoted(up_revision)}
down_revision = ${quoted(down_revision)}
branch_labels = ${quoted(branch_labels)}
depends_on = ${quoted(depends_on)}

# The oldest revisions whose programs may read the database, and write it: the ones of the revision before, where their
# programs do no harm; else "${up_revision}", before which they are refused.
MIN_READER = ${quoted(config.attributes.get("min_reader", up_revision))}
MIN_WRITER = ${quoted(config.attributes.get("min_writer", up_revision))}
# "table.column" → a SELECT that counts the rows of which the downgrade loses something
LOSES: dict[str, str] = {}


def upgrade() -> None:
    """Change the tables."""
% if views:
    ops.drop_views(down_revision)
    # Change the tables here, with ops.
    ops.create_views(revision)
% endif
% if upgrades and upgrades != "pass":
    ${upgrades}
% endif


def downgrade() -> None:
    """Change them back."""
% if views:
    ops.drop_views(revision)
    # Change the tables back here.
    ops.create_views(down_revision)
% endif
% if downgrades and downgrades != "pass":
    ${downgrades}
% endif
