"""The engines that persistdb works on: a package each, chosen by the URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from ..errors import BadURL, DriverMissing
from .base import Backend, Role, ViewsNotComparable
from .deadlines import Timeouts
from .failures import ErrorRule
from .urls import as_options, listed_hosts, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePath

    from sqlalchemy.engine import URL


# An engine is imported when a URL asks for it, for the sake of a command's start: it brings a dialect of SQLAlchemy.


def _sqlite(url: URL, for_tasks: bool) -> Backend:
    if for_tasks:
        from .sqlite.asynchronous import AsyncSQLite

        return AsyncSQLite(url)
    from .sqlite import SQLite

    return SQLite(url)


def _postgresql(_: URL, for_tasks: bool) -> Backend:
    if for_tasks:
        from .postgresql.asynchronous import AsyncPostgreSQL

        return AsyncPostgreSQL()
    from .postgresql import PostgreSQL

    return PostgreSQL()


def _mariadb(_: URL, for_tasks: bool) -> Backend:
    if for_tasks:
        from .mariadb.asynchronous import AsyncMariaDB

        return AsyncMariaDB()
    from .mariadb import MariaDB

    return MariaDB()


_BACKENDS: dict[str, tuple[Callable[[URL, bool], Backend], frozenset[str]]] = {
    "sqlite": (_sqlite, frozenset({"", "pysqlite"})),
    "postgresql": (_postgresql, frozenset({"", "psycopg"})),
    "postgres": (_postgresql, frozenset({"", "psycopg"})),
    "mariadb": (_mariadb, frozenset({"", "pymysql"})),
    "mysql": (_mariadb, frozenset({"", "pymysql"})),
}


def file_url(path: PurePath) -> str:
    """Write the URL of an SQLite file, whatever characters are in its name."""
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def _is_text(text: str) -> bool:
    """Return whether a URL, percent-encoded characters included, is text that drivers take."""
    try:
        plain = unquote(text, errors="strict")
        plain.encode()
    except UnicodeError:
        return False
    return "\0" not in plain


def _option_without_value(text: str) -> str | None:
    """Return the name of an option without a value, which SQLAlchemy would drop: ``?ssl_ca=$CA`` where CA is unset."""
    options = parse_qsl(text.rpartition("?")[2], keep_blank_values=True) if "?" in text else []
    if not all(re.fullmatch(r"\w+", name) for name, _ in options):
        return None  # the ? is not the one before the options
    return next((name for name, value in options if not value), None)


# A file by characters that stand for themselves in a URL, and so need no SQLAlchemy to read it.
_PLAIN_FILE = re.compile(r"sqlite:///([\w./+-]+)", re.ASCII)


def plain_file(text: str) -> Backend | None:
    """Return the backend for the URL of a file, if it is a plain one; all others are read by :func:`resolve`."""
    found = _PLAIN_FILE.fullmatch(text)
    if found is None:
        return None
    from pathlib import Path

    from .sqlite import SQLite

    return SQLite(Path(found[1]))


def resolve(text: str, *, for_tasks: bool = False) -> tuple[Backend, URL]:
    """Choose the engine for a database URL, and put the driver that persistdb uses into the URL.

    ``for_tasks``: for tasks of asyncio.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`; the message never has the URL's
    password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    scheme = text.partition(":")[0][:20] if "://" in text else ""
    hidden = f"{scheme}://…" if scheme else "database URL"
    if not _is_text(text):
        raise BadURL(hidden, "must be UTF-8, without a NUL character")
    try:
        single = as_options(text)
    except ValueError as error:
        raise BadURL(hidden, str(error)) from None
    try:
        url = make_url(single)
    except (ArgumentError, ValueError):
        raise BadURL(
            hidden,
            "not a database URL; write sqlite:///FILE, postgresql://USER@HOST/NAME or mariadb://USER@HOST/NAME",
        ) from None
    try:
        listed_hosts(url)
    except ValueError as error:
        raise BadURL(shown(url), str(error)) from None
    blank = _option_without_value(text)
    if blank is not None:
        raise BadURL(shown(url), f"option {blank!r} has no value")
    dialect, _, driver = url.drivername.partition("+")
    make, drivers = _BACKENDS.get(dialect, (None, frozenset()))
    if make is None:
        raise BadURL(shown(url), f"persistdb does not work on {dialect!r}: use sqlite, postgresql or mariadb")
    if driver not in drivers:
        known = " or ".join(sorted(f"{dialect}+{name}" for name in drivers if name))
        raise BadURL(shown(url), f"driver {driver!r} is not one that persistdb is tested with: use {known}")
    try:
        backend = make(url, for_tasks)
    except ModuleNotFoundError as missing:
        if not for_tasks:
            raise
        raise DriverMissing(shown(url), str(missing.name), "async") from None
    return backend, url.set(drivername=backend.drivername)


__all__ = [
    "Backend",
    "ErrorRule",
    "Role",
    "Timeouts",
    "ViewsNotComparable",
    "file_url",
    "plain_file",
    "resolve",
    "shown",
]
