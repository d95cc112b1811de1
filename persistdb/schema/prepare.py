"""What a program does before it uses a database: see to it that the schema is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import SchemaOutdated, SchemaTooNew
from .version import HEAD, REVISIONS, current, refuse_foreign

if TYPE_CHECKING:
    from ..db.database import Database


def prepare(database: Database) -> None:
    """See to it that the database has the program's schema: an empty one gets it, any other is refused.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.prepared:
        return
    found = current(database)
    if found is None:
        refuse_foreign(database)
        from .migrate import upgrade  # Alembic takes longer to import than most commands to run

        upgrade(database)
    elif found != HEAD:
        raise (SchemaOutdated if found in REVISIONS else SchemaTooNew)(database.url, found, HEAD)
    database.prepared = True
