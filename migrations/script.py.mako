"""${message}

Downgrade: loses …
"""

import sqlalchemy as sa
from alembic import op

from persistdb.schema import ops
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

# "table.column" → a SELECT that counts the rows of which the downgrade loses something
LOSES: dict[str, str] = {}


def upgrade() -> None:
    """…"""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """…"""
    ${downgrades if downgrades else "pass"}
