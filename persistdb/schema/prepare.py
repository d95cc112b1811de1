"""The check of the schema that a program makes before it uses a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import SchemaOutdated, SchemaTooNew
from .version import HEAD, REVISIONS, current, refuse_foreign

if TYPE_CHECKING:
    from ..db.database import Database


def prepare(database: Database) -> None:
    """Make sure that the database has this program's schema: create it in an empty one, refuse any other.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.prepared:
        return
    revision = current(database)
    if revision is None:
        refuse_foreign(database)
        from .migrate import upgrade  # for start-up: Alembic takes longer to import than most commands to run

        upgrade(database)
    elif revision != HEAD:
        raise (SchemaOutdated if revision in REVISIONS else SchemaTooNew)(database.url, revision, HEAD)
    database.prepared = True
