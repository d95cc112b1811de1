"""The check of the schema that a program makes before it uses a database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..errors import DatabaseMissing, ReplicaSchemaError, SchemaError, SchemaOutdated
from .version import HEAD, read_support, refuse_foreign, support

if TYPE_CHECKING:
    from ..db.database import Database
    from ..db.work import Work
    from ..errors import PersistDBError
    from .version import Support


def prepare(database: Database, *, create: bool = True) -> None:
    """Make sure that the database has a schema that this program may read: create it in an empty one.

    Without ``create`` an empty one is refused, too, and so is an empty replica. Raises
    :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.DatabaseMissing`,
    :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`, and
    :class:`~persistdb.errors.ReplicaSchemaError` for any of them at a replica.
    """
    if database.prepared:
        return
    found = support(database)
    if found is None and not database.is_replica:
        refuse_foreign(database)
        if not create:
            refuse_missing(database)
            raise SchemaOutdated(database.url, None, HEAD)
        from .migrate import upgrade  # for start-up: Alembic takes longer to import than most commands to run

        upgrade(database)
    elif refusal := _refusal(database, found, write=False):
        raise refusal
    accept(database)


def accept(database: Database) -> None:
    """Use a database whose schema was looked at; it is looked at again with each new connection and after errors."""
    database.prepared, database.look = True, partial(_look, database)


def _look(database: Database, write: bool) -> Work[PersistDBError | None]:
    """Return why this program may no longer read the database, or ``write`` it."""
    found = yield from read_support(database)
    return _refusal(database, found, write=False) or (_refusal(database, found, write=True) if write else None)


def _refusal(database: Database, found: Support | None, *, write: bool) -> PersistDBError | None:
    url = database.url
    refusal = SchemaOutdated(url, None, HEAD) if found is None else found.refusal(url, write=write)
    if database.is_replica and isinstance(refusal, SchemaError):  # whose remedies are for the primary
        return ReplicaSchemaError(url, refusal.found, refusal.expected)
    return refusal


def refuse_missing(database: Database) -> None:
    """Raise :class:`~persistdb.errors.DatabaseMissing` for a file that does not exist, or is empty."""
    if database.backend.would_create():
        raise DatabaseMissing(database.url, None, HEAD)
