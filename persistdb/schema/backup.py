"""Backups of a database that is a file: made while it is in use, and checked before they are relied upon.

A server's database is backed up with the server's own tools, which copy a consistent state.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BackupRefused, BadURL, Corrupt, StorageFull
from ..validation import check_count, check_path
from .names import ALL, EARLIER_VERSION, VERSION
from .new_file import new_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..db.database import Database
    from ..engines.file import DatabaseFile

    Copy = Callable[[DatabaseFile, DatabaseFile], None]

log = logging.getLogger("persistdb")

KEPT = 5
"""The number of backups made before changes of the schema that are kept beside the database, the newest ones."""

COPY = "copy"
"""The content in the name of a backup that was asked for."""

VERSIONED = re.compile(r"[0-9]\w{,31}", re.ASCII)
"""The content in the name of a backup of a sound database of ours: its revision, also a later release's."""

# What comes after the database's name. Earlier releases wrote microseconds and no number.
_NAME = re.compile(
    r"(?P<content>[\w-]+)\.(?P<time>[0-9]{8}T[0-9]{6}(\.[0-9]{6})?)Z(\.(?P<number>[0-9]{6,18}))?\.backup", re.ASCII
)

# Free space that is left alone, beyond what a copy needs: others on this file system write, too.
_MARGIN = 16 * 1024 * 1024


def backup(database: Database, destination: Path) -> Path:
    """Copy the database, as it is at one point in time, to a new file, and check the copy.

    Raises :class:`~persistdb.errors.BackupRefused` for a name that is taken, :class:`~persistdb.errors.StorageFull`
    when there is no room, :class:`~persistdb.errors.Corrupt` when the copy is damaged: then the database is, too.
    """
    check_path("destination", destination)
    with translated(database):
        source = file_of(database)
        for path in (destination, *source.at(destination).beside()):
            if os.path.lexists(path):
                raise _exists(path)
        return _write(source, destination.parent, [destination.name], copy_checked)


def backup_into(database: Database, folder: Path, keep: int | None = None) -> tuple[Path, list[Path], list[Path]]:
    """Copy the database to a new file in a folder, under a name with its date and a number, and check the copy.

    With ``keep`` only so many such backups of databases of this name stay in the folder: the highest numbers, for
    clocks are also set back, and always the new one. Returns it, those that were removed, and those that could not be.
    Raises what :func:`backup` does.
    """
    check_path("folder", folder)
    if keep is not None:
        check_count("keep", keep, 1)
    with translated(database):
        source = file_of(database)
        place = folder / source.path.name
        made = _write(source, folder, _names(place, COPY), copy_checked)
        if keep is None:
            return made, [], []
        return made, *_prune([each for each in _made(place) if each.content == COPY], [made], keep)


def _write(source: DatabaseFile, folder: Path, names: Iterable[str], copy: Copy) -> Path:
    """Copy a database to a new file in a folder, and give it the first of the names that nobody else has taken."""
    with new_file(folder) as new:
        need_room(folder, source.size())
        try:
            copy(source, source.at(new.path))
        except StorageFull as error:
            raise StorageFull(str(folder), error.detail) from error
        for name in names:
            try:
                new.publish(name)
            except FileExistsError:
                taken = folder / name
            else:
                log.info("backup: %s", folder / name)
                return folder / name
        raise _exists(taken)


def _exists(path: Path) -> BackupRefused:
    return BackupRefused(str(path), "exists already; a backup is written to a new file")


def copy_checked(source: DatabaseFile, new: DatabaseFile) -> None:
    """Copy a database to a single file; raise :class:`~persistdb.errors.Corrupt` if the copy is damaged."""
    copy_unchecked(source, new)
    faults = new.damage()
    if faults:
        raise Corrupt(str(source.path), "; ".join(faults))


def copy_unchecked(source: DatabaseFile, new: DatabaseFile) -> None:
    """Copy a database to a single file, with its faults."""
    source.copy_to(new)
    new.make_single()


def before_change(database: Database, revision: str, *, spare: Path | None = None) -> Path | None:
    """Make a backup beside the database, named after its revision, and remove the oldest backups except ``spare``.

    ``None`` for a database in memory, and for servers, whose changes are undone as a whole or can be continued.
    """
    source = database.backend.file()
    if source is None:
        return None
    with translated(database):
        made = keep_beside(source, revision, copy_checked)
    versioned = [each for each in _made(source.path) if VERSIONED.fullmatch(each.content)]
    _, left = _prune(versioned, [made] if spare is None else [made, spare], KEPT)
    for path in left:
        log.warning("%s: this old backup cannot be removed", path)
    return made


def keep_beside(source: DatabaseFile, content: str, copy: Copy) -> Path:
    """Copy a database to a new file beside it, under a name that says what its content is."""
    return _write(source, source.path.parent, _names(source.path, content), copy)


def backups(database: Database) -> list[Path]:
    """List the backups beside the database that were made before changes, oldest first."""
    made = [each for each in _made(file_of(database).path) if VERSIONED.fullmatch(each.content)]
    return [each.path for each in sorted(made, key=lambda each: (each.number or 0, each.time))]


def others_of(database: Database) -> list[str]:
    """Return the tables of other programs that the database's file has: a backup holds them, too, and a restore."""
    with translated(database):
        return sorted(others_in(file_of(database)))


def others_in(file: DatabaseFile) -> set[str]:
    """Return the tables of other programs in a file."""
    tables = file.tables()
    earlier = VERSION not in tables and {"sandbox", "container"} <= tables
    return tables - ALL - ({EARLIER_VERSION} if earlier else set())


class _Made(NamedTuple):
    """A backup that was made beside a database; ``number`` is ``None`` where persistdb did not number them yet."""

    path: Path
    content: str
    time: str
    number: int | None

    def is_older(self, other: _Made) -> bool:
        """Return whether this backup is certainly the older one. Numbers grow; clocks are also set back."""
        if self.number is not None:
            return other.number is not None and self.number < other.number
        return self.time < other.time


def _made(database: Path) -> list[_Made]:
    """List the backups beside a database, of any content."""
    prefix = database.name + "."
    made = []
    for path in database.parent.iterdir():
        match = _NAME.fullmatch(path.name.removeprefix(prefix)) if path.name.startswith(prefix) else None
        if match is not None:
            number = match["number"]
            made.append(_Made(path, match["content"], match["time"], None if number is None else int(number)))
    return made


def _names(database: Path, content: str) -> Iterator[str]:
    """Give names for the next backup: content, time for people, and a number that is greater than all others."""
    while True:
        number = 1 + max((each.number or 0 for each in _made(database)), default=0)
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        yield f"{database.name}.{content}.{timestamp}.{number:06d}.backup"


def _prune(made: Sequence[_Made], spared: Sequence[Path], kept: int) -> tuple[list[Path], list[Path]]:
    """Remove the backups to which enough others are newer, whatever the clock did.

    Returns those that were removed, and those that could not be: that is no reason against the change that follows, and
    another process may be removing them, too.
    """
    removed: list[Path] = []
    left: list[Path] = []
    for old in sorted(made, key=lambda each: (each.number or 0, each.time)):
        if sum(old.is_older(other) for other in made) >= kept:
            try:
                if not any(path.samefile(old.path) for path in spared):
                    old.path.unlink()
                    log.info("removed, for there are newer backups: %s", old.path)
                    removed.append(old.path)
            except FileNotFoundError:
                continue
            except OSError:
                left.append(old.path)
    return removed, left


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


@contextlib.contextmanager
def translated(database: Database) -> Iterator[None]:
    """Translate errors of the driver, and of the system, which are about a file that they name."""
    try:
        yield
    except database.driver_error as error:
        raise database.failure(error) from error
    except OSError as error:
        failure = type(database.failure(error))
        raise failure(str(error.filename or database.url), str(error.strerror or error)) from error


def file_of(database: Database) -> DatabaseFile:
    """Return the database's file; raise :class:`~persistdb.errors.BadURL` if it has none."""
    file = database.backend.file()
    if file is None:
        raise BadURL(database.url, database.backend.no_file)
    return file
