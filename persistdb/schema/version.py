"""The revision of the schema that the program works with, and the database's: one statement, and no Alembic."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..db.work import Statement, value
from ..errors import AccessDenied, SchemaMissing
from .names import EARLIER_VERSION, VERSION

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from sqlalchemy.engine import Connection

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

OURS = "SELECT version_num FROM persistdb_version"
EARLIER = "SELECT version_num FROM alembic_version"
"""The revision under the earlier name of the table; where no table of ours is beside it, it is another program's."""

_OURS, _EARLIER, _ANY = text(OURS), text(EARLIER), text("SELECT 1 FROM alembic_version LIMIT 1")
_EARLIER_BESIDE_OURS = text(f"{EARLIER} WHERE NOT EXISTS (SELECT 1 FROM container WHERE id IS NULL)")  # noqa: S608  ours


def current(database: Database) -> str | None:
    """Return the database's revision; ``None`` if it has no schema of ours, or does not exist: nothing is created."""
    if database.backend.would_create():
        return None
    return database.read(partial(_read, database))


def _read(database: Database) -> Work[str | None]:
    denied: Exception | None = None
    # Readers may see no table but the version's; and MariaDB denies them what does not exist.
    for query in (_OURS, _EARLIER_BESIDE_OURS, _EARLIER):
        try:
            revision: str | None = yield from value(Statement(query, database.engine.dialect), {})
        except database.driver_error as error:
            if database.backend.is_missing_table(error):
                if query is _OURS:
                    continue
                break
            rule = database.backend.rule(error)
            if rule is None or not issubclass(rule.error, AccessDenied):
                raise
            denied = denied or error
        else:
            return revision if query is _OURS or revision in REVISIONS else None
    if denied is not None:
        raise denied
    return None


def rename(database: Database, connection: Connection) -> None:
    """Give the table of the version its name in a database that an older program made, which nobody else changes."""
    tables = set(inspect(connection).get_table_names())
    if is_earlier(connection, tables):
        database.backend.rename_table(connection, EARLIER_VERSION, VERSION)


def is_earlier(connection: Connection, tables: AbstractSet[str]) -> bool:
    """Return whether a database with these tables has our schema, and its version under the earlier name."""
    if VERSION in tables or not {EARLIER_VERSION, "sandbox", "container"} <= tables:
        return False
    stored = connection.execute(_EARLIER).scalars().all()
    return len(stored) == 1 and stored[0] in REVISIONS


def refuse_foreign(database: Database) -> None:
    """Refuse a database without our schema that holds other tables.

    Raises :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.backend.would_create():
        return
    try:
        with database.reader.connect() as connection:
            tables = others(connection, set(inspect(connection).get_table_names()))
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
    # with both of these, another program is creating the schema now
    if tables - {VERSION} and not {VERSION, "sandbox"} <= tables:
        raise SchemaMissing(database.url, None, HEAD)


def others(connection: Connection, tables: AbstractSet[str]) -> AbstractSet[str]:
    """Return tables without an empty version's of the earlier name, which a downgrade to no schema left."""
    if EARLIER_VERSION in tables and not connection.execute(_ANY).first():
        return tables - {EARLIER_VERSION}
    return tables
