"""The check of the schema that a program makes before it uses a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DatabaseMissing, SchemaOutdated, SchemaTooNew
from .version import HEAD, REVISIONS, current, refuse_foreign

if TYPE_CHECKING:
    from ..db.database import Database


def prepare(database: Database, *, create: bool = True) -> None:
    """Make sure that the database has this program's schema: create it in an empty one, refuse any other.

    Without ``create`` an empty one is refused, too. Raises :class:`~persistdb.errors.SchemaOutdated`,
    :class:`~persistdb.errors.DatabaseMissing`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.prepared:
        return
    revision = current(database)
    if revision is None:
        refuse_foreign(database)
        if not create:
            refuse_missing(database)
            raise SchemaOutdated(database.url, None, HEAD)
        from .migrate import upgrade  # for start-up: Alembic takes longer to import than most commands to run

        upgrade(database)
    elif revision != HEAD:
        raise (SchemaOutdated if revision in REVISIONS else SchemaTooNew)(database.url, revision, HEAD)
    database.prepared = True


def refuse_missing(database: Database) -> None:
    """Raise :class:`~persistdb.errors.DatabaseMissing` for a file that does not exist, or is empty."""
    if database.backend.would_create():
        raise DatabaseMissing(database.url, None, HEAD)
