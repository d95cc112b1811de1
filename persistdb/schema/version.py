"""The revision of the schema that the program works with, and the database's: one statement, and no Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..db.work import Statement, value
from ..errors import SchemaMissing

if TYPE_CHECKING:
    from ..db.database import Database
    from ..db.work import Work

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
)
"""Every revision of the schema, oldest first; a test compares them with the migrations."""
HEAD = REVISIONS[-1]

_VERSION = text("SELECT version_num FROM alembic_version")


def current(database: Database) -> str | None:
    """Return the database's revision; ``None`` if it has no schema of ours, or does not exist: nothing is created."""
    if database.backend.would_create():
        return None
    statement = Statement(_VERSION, database.engine.dialect)

    def read() -> Work[str | None]:
        try:
            revision: str | None = yield from value(statement, {})
        except database.driver_error as error:
            if database.backend.is_missing_table(error):
                return None
            raise
        return revision

    return database.read(read)


def refuse_foreign(database: Database) -> None:
    """Refuse a database without our schema that holds other tables.

    Raises :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.backend.would_create():
        return
    try:
        with database.reader.connect() as connection:
            tables = set(inspect(connection).get_table_names())
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
    # with both of these, another program is creating the schema now
    if tables - {"alembic_version"} and not {"alembic_version", "sandbox"} <= tables:
        raise SchemaMissing(database.url, None, HEAD)
