"""Backups of a database that is a file: made while it is in use, checked before they are relied upon, and restored.

A server's database is backed up with the server's own tools, which copy a consistent state.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import BadURL, Corrupt, DatabaseError, NotFound, SchemaMissing, SchemaTooNew, StorageFull
from .version import HEAD, REVISIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ..db.database import Database
    from ..engines.file import DatabaseFile

KEPT = 5
"""The number of backups made before changes of the schema that are kept beside the database, the newest."""

# Free space that is left alone, beyond what a copy needs: others on this file system write, too.
_MARGIN = 16 * 1024 * 1024


def backup(database: Database, destination: Path) -> Path:
    """Copy the database, as it is at one point in time, to a new file, and check the copy.

    Raises :class:`~persistdb.errors.StorageFull` when there is no room, :class:`~persistdb.errors.Corrupt` when the
    copy is damaged: then the database is, too.
    """
    source = _file(database)
    if destination.exists():
        raise DatabaseError(str(destination), "exists already; a backup is written to a new file")
    need_room(destination.parent, source.size())
    partial = source.at(destination.with_name(destination.name + ".partial"))
    try:
        source.copy_to(partial)
        partial.make_single()
        _refuse_damaged(partial)
        partial.path.replace(destination)
        _sync(destination.parent)
    except database.driver_error as error:
        raise database.failure(error) from error
    finally:
        partial.path.unlink(missing_ok=True)
    return destination


def before_change(database: Database, revision: str) -> Path | None:
    """Make a backup beside the database, named after its revision and the time, and remove the oldest backups.

    ``None`` for a database in memory, and for servers, whose changes are undone as a whole or can be continued.
    """
    source = database.backend.file()
    if source is None:
        return None
    timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    made = backup(database, source.path.with_name(f"{source.path.name}.{revision}.{timestamp}.backup"))
    for old in backups(database)[:-KEPT]:
        old.unlink(missing_ok=True)
    return made


def backups(database: Database) -> list[Path]:
    """List the backups beside the database that were made before changes, oldest first."""
    source = _file(database).path
    prefix = source.name + "."
    beside = [path for path in source.parent.iterdir() if path.name.startswith(prefix) and path.suffix == ".backup"]
    return sorted(beside, key=lambda path: path.name.split(".")[-3:-1])  # by time


def restore(database: Database, source: Path) -> Path | None:
    """Replace the whole database with a backup, and return the backup that was made of the database before.

    Other programs may have the database open: they see the restored rows from their next transaction on. Cut off in
    the middle, the database is as it was.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Corrupt`,
    :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`.
    """
    target = _file(database)
    original = target.at(source)
    if not source.is_file():
        raise NotFound("backup", str(source))
    _refuse_damaged(original)
    revision = _revision(original)
    if revision not in REVISIONS:
        raise (SchemaTooNew if revision else SchemaMissing)(str(source), revision, HEAD)
    saved = None
    if target.path.exists() and (replaced := _revision(target)):
        saved = before_change(database, replaced)
    need_room(target.path.parent, 2 * source.stat().st_size)
    database.close()  # no connection of ours may hold the file
    try:
        original.copy_to(target)
    except database.driver_error as error:
        raise database.failure(error) from error
    database.prepared = False
    _refuse_damaged(target)
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
    file = database.backend.file()
    if file is not None:
        need_room(file.path.parent, 2 * file.size())


def _file(database: Database) -> DatabaseFile:
    file = database.backend.file()
    if file is None:
        raise BadURL(database.url, database.backend.no_file)
    return file


def _refuse_damaged(file: DatabaseFile) -> None:
    """Raise :class:`~persistdb.errors.Corrupt` unless the engine finds nothing wrong with a file."""
    faults = file.damage()
    if faults:
        raise Corrupt(str(file.path), "; ".join(faults))


def _revision(file: DatabaseFile) -> str | None:
    """Return the revision of the schema in a file."""
    revision = file.value("SELECT version_num FROM alembic_version")
    return None if revision is None else str(revision)


def _sync(folder: Path) -> None:
    """Make a new name in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
