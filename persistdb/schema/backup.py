"""Copies of an SQLite database: made while it is in use, checked before they are relied upon, and put back.

A server's database is backed up with the server's own tools, which see to it that what they copy fits together.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..engines import sqlite
from ..errors import BadURL, Corrupt, DatabaseError, NotFound, SchemaMissing, SchemaTooNew, StorageFull, Unavailable
from .version import HEAD, REVISIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..db.database import Database

KEPT = 5
"""Backups made before changes of schema that are kept beside the database, the newest."""

# Free space that is left alone, beyond what a copy needs: others on this file system write, too.
_MARGIN = 16 * 1024 * 1024


def backup(database: Database, destination: Path) -> Path:
    """Copy the database to a new file, as it is at one moment, and check the copy.

    Raises :class:`~persistdb.errors.StorageFull` when there is no room, :class:`~persistdb.errors.Corrupt` when the
    copy is not sound: then the database isn't either.
    """
    source = _file(database)
    if destination.exists():
        raise DatabaseError(str(destination), "exists already; a backup is written to a new file")
    need_room(destination.parent, _size(source))
    partial = destination.with_name(destination.name + ".partial")
    try:
        with _open(source) as original, _open(partial, create=True) as copy:
            original.backup(copy)
            # one file, whatever mode the original is in
            copy.execute("PRAGMA journal_mode = DELETE")
        _sound(partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(destination)
        _sync(destination.parent)
    except sqlite.driver().Error as error:
        raise database.failure(error) from error
    finally:
        partial.unlink(missing_ok=True)
    return destination


def before_change(database: Database, revision: str) -> Path | None:
    """Make a backup beside the database, named after its revision and the time, and remove the oldest ones.

    ``None`` for a database in memory, and for servers, whose changes end whole or can be gone on with.
    """
    if database.backend.name != sqlite.SQLite.name or sqlite.file_of(database.engine.url) is None:
        return None
    source = _file(database)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    made = backup(database, source.with_name(f"{source.name}.{revision}.{moment}.backup"))
    for old in backups(database)[:-KEPT]:
        old.unlink(missing_ok=True)
    return made


def backups(database: Database) -> list[Path]:
    """The backups beside the database that were made before changes, oldest first."""
    source = _file(database)
    prefix = source.name + "."
    found = [path for path in source.parent.iterdir() if path.name.startswith(prefix) and path.suffix == ".backup"]
    return sorted(found, key=lambda path: path.name.split(".")[-3:-1])  # by time


def restore(database: Database, source: Path) -> Path | None:
    """Put a backup in the place of all that the database holds, and give the backup that was made of it before.

    Other programs may have the database open: they find the restored rows with their next transaction. Cut off in the
    middle, the database is as it was.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Corrupt`,
    :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`.
    """
    target = _file(database)
    if not source.is_file():
        raise NotFound("backup", str(source))
    _sound(source)
    revision = _revision(source)
    if revision not in REVISIONS:
        raise (SchemaTooNew if revision else SchemaMissing)(str(source), revision, HEAD)
    saved = None
    if target.exists() and _revision(target):
        saved = before_change(database, _revision(target) or "")
    need_room(target.parent, 2 * source.stat().st_size)
    database.close()  # no connection of ours may hold the file
    try:
        with _open(source) as original, _open(target, create=True) as copy:
            original.backup(copy)
    except sqlite.driver().Error as error:
        raise database.failure(error) from error
    database.prepared = False
    _sound(target)
    return saved


def need_room(folder: Path, size: int) -> None:
    """Raise :class:`~persistdb.errors.StorageFull` unless a folder has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < size + _MARGIN:
        raise StorageFull(
            str(folder),
            f"{size / 1e6:,.0f} MB are needed and {_MARGIN / 1e6:,.0f} MB to spare, {free / 1e6:,.0f} are free",
        )


def need_room_for_change(database: Database) -> None:
    """Raise :class:`~persistdb.errors.StorageFull` unless there is room for a second copy, in file and log."""
    if database.backend.name == sqlite.SQLite.name and sqlite.file_of(database.engine.url) is not None:
        path = _file(database)
        need_room(path.parent, 2 * _size(path))


def _file(database: Database) -> Path:
    if database.backend.name != sqlite.SQLite.name:
        raise BadURL(database.url, "only SQLite files are copied by persistdb: use pg_dump or mariadb-dump")
    path = sqlite.file_of(database.engine.url)
    if path is None:
        raise BadURL(database.url, "a database in memory has no file to copy")
    return path


def _size(path: Path) -> int:
    """The size of a database with its log, the most that a copy of it may take."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


@contextlib.contextmanager
def _open(path: Path, *, create: bool = False) -> Iterator[Any]:
    """Open a file with the driver alone: its backup is nothing that SQLAlchemy knows."""
    module = sqlite.driver()
    if create and not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        connection = module.connect(path, isolation_level=None, timeout=30)
    except module.Error as error:
        raise Unavailable(str(path), str(error)) from error
    try:
        yield connection
    finally:
        connection.close()


def _sound(path: Path) -> None:
    """Raise :class:`~persistdb.errors.Corrupt` unless SQLite finds nothing wrong with a file."""
    try:
        with _open(path) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    except sqlite.driver().DatabaseError as error:
        raise Corrupt(str(path), str(error)) from error
    if found != ["ok"]:
        raise Corrupt(str(path), "; ".join(found))


def _revision(path: Path) -> str | None:
    """The revision of the schema in a file."""
    with _open(path) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite.driver().Error:
            return None
    return str(row[0]) if row else None


def _sync(folder: Path) -> None:
    """Make a new name in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
