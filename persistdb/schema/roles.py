"""Users of a server with the rights that they need: readers of the views, and writers of rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from ..engines import Role
from ..errors import AccessDenied, BadURL, InvalidValue, SchemaOutdated, SchemaTooNew
from .names import BACKFILL, HISTORY, RETENTION, SUPPORT, TABLES, VERSION, VIEWS
from .version import HEAD, current

if TYPE_CHECKING:
    from ..db.database import Database

# The version, and what is said beside it, tell a program whether it may use the tables and views, and since when they
# have history.
_READ = (*VIEWS, VERSION, SUPPORT, BACKFILL, RETENTION)

READER = Role("reader", reads=_READ)
"""A user who may read the views: what ``sql`` and ``report`` should connect as."""

WRITER = Role("writer", reads=_READ, writes=(*TABLES, *HISTORY, RETENTION))
"""A user who may read and write rows: what the programs on the nodes should connect as."""

# A name that no engine needs to quote in a text or a name
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def statements(database: Database, role: Role, name: str, password: str | None = None) -> list[str]:
    """Return the statements with which an administrator gives a user a role; they may be run any number of times.

    Without a password an existing user keeps its own. The password itself is in none of them.

    Raises :class:`~persistdb.errors.InvalidValue`, and :class:`~persistdb.errors.BadURL` for an engine without users.
    """
    backend = database.backend
    if backend.no_users:
        raise BadURL(database.url, backend.no_users)
    if not _NAME.fullmatch(name):
        raise InvalidValue("name", name, "must be 1 to 63 of A-Z, a-z, 0-9, _ and -, not a digit or - at first")
    if password is not None and not (password.isascii() and password.isprintable() and password):
        raise InvalidValue("password", "***", "must be printable ASCII characters, one at least")
    return backend.role_statements(database.engine.url, role, name, password)


def grant(database: Database, role: Role, name: str, password: str | None = None) -> list[str]:
    """Give a user a role, and return what the user may do beyond it: nothing, if all went well.

    Raises what :func:`statements` does, :class:`~persistdb.errors.SchemaOutdated`,
    :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.AccessDenied` for a user who may not do that.
    """
    wanted = statements(database, role, name, password)
    found = current(database)
    if found is None or found < HEAD:
        raise SchemaOutdated(database.url, found, HEAD)
    if found > HEAD:
        raise SchemaTooNew(database.url, found, HEAD)
    try:
        with database.writer.execution_options(no_parameters=True).begin() as connection:
            for statement in wanted:
                connection.exec_driver_sql(statement)
            return database.backend.role_excess(connection, role, name)
    except (SQLAlchemyError, OSError) as error:
        failure = database.failure(error)
        if isinstance(failure, AccessDenied):
            remedy = "connect as an administrator of the server, or print the statements for one: --print"
            raise AccessDenied(database.url, f"{failure.detail}; {remedy}") from error
        raise failure from error
