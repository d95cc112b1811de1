"""The revision of the schema that the program works with, and the database's: one statement, and no Alembic.

A program takes a newer database, too, if the database says so: beside its revision it has the oldest ones whose
programs may read it, and write it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..db.work import Statement, rows
from ..errors import AccessDenied, Busy, SchemaMissing, SchemaOutdated, SchemaTooNew
from .names import CHANGE_LEASES, EARLIER_VERSION, SUPPORT, VERSION

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..db.work import Work
    from ..engines import Backend
    from ..errors import PersistDBError

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
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    "0018",
)
"""Every revision of the schema, oldest first; a test compares them with the migrations."""
HEAD = REVISIONS[-1]

OURS = "SELECT version_num FROM persistdb_version"
# The version's table comes first, and may have been emptied by a downgrade to no schema.
SUPPORT_TOO = f"SELECT version_num, min_reader, min_writer FROM {VERSION} CROSS JOIN {SUPPORT}"  # noqa: S608  ours
EARLIER = "SELECT version_num FROM alembic_version"
"""The revision under the earlier name of the table; where no table of ours is beside it, it is another program's."""

_ANY = "SELECT 1 FROM alembic_version LIMIT 1"
_EARLIER_BESIDE_OURS = f"{EARLIER} WHERE NOT EXISTS (SELECT 1 FROM container WHERE id IS NULL)"  # noqa: S608  ours


CLOSED = "~"
"""What stands for the oldest writer in a database whose change is not over, before the revision that it leads to.

It is greater than each revision.
"""


class Support(NamedTuple):
    """A database's revision, and the oldest ones whose programs may read it, and write it."""

    revision: str
    min_reader: str
    min_writer: str

    @classmethod
    def of_one(cls, revision: str) -> Support:
        """Return what holds for a database that says no more than its revision."""
        return cls(revision, revision, revision)

    def refusal(self, url: str, *, write: bool) -> PersistDBError | None:
        """Return the error for this program's use of the database, ``None`` if it may read it, or ``write`` it."""
        minimum = self.min_writer if write else self.min_reader
        if minimum.startswith(CLOSED):
            return Busy(url, "the schema is being changed; if that was interrupted, start the same change again")
        if minimum > HEAD:
            return SchemaTooNew(url, self.revision, HEAD, minimum=minimum, access="write" if write else "read")
        return SchemaOutdated(url, self.revision, HEAD) if self.revision < HEAD else None


def may_write(backend: Backend) -> str:
    """Write the query that returns true to a program that may write, and is an error to one that may not.

    A transaction that writes makes it, before or with what it writes first: its program may have connected before the
    database was upgraded, and the upgrade waits for the transaction.
    """
    too_old = f"min_writer > '{HEAD}'"
    return f"SELECT {backend.unless(too_old)} FROM {SUPPORT}"  # noqa: S608  constants of ours


def current(database: Database) -> str | None:
    """Return the database's revision; ``None`` if it has no schema of ours, or does not exist: nothing is created."""
    found = support(database)
    return None if found is None else found.revision


def support(database: Database) -> Support | None:
    """Return the same with the programs that may use it."""
    if database.backend.would_create():
        return None
    found = database.read(partial(read_support, database))
    if database.backend.may_be_behind and (found is None or found.revision < HEAD):
        return database.write(partial(read_support, database))
    return found


def read_support(database: Database) -> Work[Support | None]:
    """Read it as a unit of work: one statement, for a database that is not older than the table of the support."""
    denied: Exception | None = None
    # Readers may see no table but the version's; and MariaDB denies them what does not exist.
    for query in (SUPPORT_TOO, OURS, _EARLIER_BESIDE_OURS, EARLIER):
        try:
            found = yield from rows(Statement(query, database.backend.style), {})
        except database.driver_error as error:
            if database.backend.is_missing_table(error):
                if query in {SUPPORT_TOO, OURS}:
                    continue
                break
            rule = database.backend.rule(error)
            if rule is None or not issubclass(rule.error, AccessDenied):
                raise
            denied = denied or error
        else:
            if query == SUPPORT_TOO:
                if found:
                    return Support(*found[0])
                continue
            revision: str | None = found[0][0] if found else None
            if revision is None or (query != OURS and revision not in REVISIONS):
                return None
            return Support.of_one(revision)
    if denied is not None:
        raise denied
    return None


def rename(database: Database, connection: Connection) -> None:
    """Give the table of the version its name in a database that an older program made, which nobody else changes."""
    from sqlalchemy import inspect

    tables = set(inspect(connection).get_table_names())
    if is_earlier(connection, tables):
        database.backend.rename_table(connection, EARLIER_VERSION, VERSION)


def is_earlier(connection: Connection, tables: AbstractSet[str]) -> bool:
    """Return whether a database with these tables has our schema, and its version under the earlier name."""
    if VERSION in tables or not {EARLIER_VERSION, "sandbox", "container"} <= tables:
        return False
    stored = connection.exec_driver_sql(EARLIER).scalars().all()
    return len(stored) == 1 and stored[0] in REVISIONS


def refuse_foreign(database: Database) -> None:
    """Refuse a database without our schema that holds other tables.

    Raises :class:`~persistdb.errors.SchemaMissing`.
    """
    if database.backend.would_create():
        return
    from sqlalchemy import inspect  # a database with our schema has no need to be inspected
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with database.reader.connect() as connection:
            tables = others(connection, set(inspect(connection).get_table_names()))
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
    # with both of these, another program is creating the schema now
    if tables - {VERSION} and not {VERSION, "sandbox"} <= tables:
        raise SchemaMissing(database.url, None, HEAD)


def others(connection: Connection, tables: AbstractSet[str]) -> AbstractSet[str]:
    """Return tables without what is ours before there is a schema, and after a downgrade to none.

    They are the leases for a change, and an empty version's table of the earlier name.
    """
    if EARLIER_VERSION in tables and not connection.exec_driver_sql(_ANY).first():
        tables = tables - {EARLIER_VERSION}
    return tables - CHANGE_LEASES
