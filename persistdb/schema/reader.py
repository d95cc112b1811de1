"""Users who may read the views and do nothing else: what ``sql`` and ``report`` should connect as."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from ..errors import AccessDenied, BadURL, InvalidValue, SchemaOutdated
from .version import HEAD, current
from .views import NAMES

if TYPE_CHECKING:
    from ..db.database import Database

READABLE = (*NAMES, "alembic_version")
"""What a reader may select from; the version says whether the views are the ones that a program knows."""

# A name that no engine needs to quote in a text or a name
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def statements(database: Database, name: str, password: str | None = None) -> list[str]:
    """Return the statements with which an administrator makes a user a reader; they may be run any number of times.

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
    return backend.reader_statements(database.engine.url, name, password, READABLE)


def grant(database: Database, name: str, password: str | None = None) -> list[str]:
    """Make a user a reader, and return what it may do beyond reading the views: nothing, if all went well.

    Raises what :func:`statements` does, :class:`~persistdb.errors.SchemaOutdated`,
    :class:`~persistdb.errors.AccessDenied` for a user who may not do that.
    """
    wanted = statements(database, name, password)
    found = current(database)
    if found != HEAD:
        raise SchemaOutdated(database.url, found, HEAD)
    try:
        with database.writer.execution_options(no_parameters=True).begin() as connection:
            for statement in wanted:
                connection.exec_driver_sql(statement)
            return database.backend.reader_excess(connection, name, READABLE)
    except SQLAlchemyError as error:
        failure = database.failure(error)
        if isinstance(failure, AccessDenied):
            remedy = "connect as an administrator of the server, or print the statements for one: --print"
            raise AccessDenied(database.url, f"{failure.detail}; {remedy}") from error
        raise failure from error
