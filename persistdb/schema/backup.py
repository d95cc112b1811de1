"""Backups of a database that is a file: made while it is in use, checked before they are relied upon, and restored.

A server's database is backed up with the server's own tools, which copy a consistent state.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BadURL, Corrupt, DatabaseError, NotFound, SchemaMissing, SchemaTooNew, StorageFull, WouldReplace
from .new_file import new_file
from .version import HEAD, REVISIONS, is_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..db.database import Database
    from ..engines.file import DatabaseFile

KEPT = 5
"""The number of backups made before changes of the schema that are kept beside the database, the newest ones."""

# What comes after the database's name. Earlier releases wrote microseconds and no number.
_NAME = re.compile(
    r"(?P<content>[\w-]+)\.(?P<time>[0-9]{8}T[0-9]{6}(\.[0-9]{6})?)Z(\.(?P<number>[0-9]{6,18}))?\.backup", re.ASCII
)

# Free space that is left alone, beyond what a copy needs: others on this file system write, too.
_MARGIN = 16 * 1024 * 1024


def backup(database: Database, destination: Path) -> Path:
    """Copy the database, as it is at one point in time, to a new file, and check the copy.

    Raises :class:`~persistdb.errors.StorageFull` when there is no room, :class:`~persistdb.errors.Corrupt` when the
    copy is damaged: then the database is, too.
    """
    with _translated(database):
        source = _file(database)
        for path in (destination, *source.at(destination).beside()):
            if os.path.lexists(path):
                raise _exists(path)
        return _write(source, destination.parent, [destination.name], _copy)


def _write(
    source: DatabaseFile, folder: Path, names: Iterable[str], copy: Callable[[DatabaseFile, DatabaseFile], None]
) -> Path:
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
                return folder / name
        raise _exists(taken)


def _exists(path: Path) -> DatabaseError:
    return DatabaseError(str(path), "exists already; a backup is written to a new file")


def _copy(source: DatabaseFile, new: DatabaseFile) -> None:
    _copy_damaged(source, new)
    faults = new.damage()
    if faults:
        raise Corrupt(str(source.path), "; ".join(faults))


def _copy_damaged(source: DatabaseFile, new: DatabaseFile) -> None:
    source.copy_to(new)
    new.make_single()


def before_change(database: Database, revision: str, *, spare: Path | None = None) -> Path | None:
    """Make a backup beside the database, named after its revision, and remove the oldest backups except ``spare``.

    ``None`` for a database in memory, and for servers, whose changes are undone as a whole or can be continued.
    """
    source = database.backend.file()
    if source is None:
        return None
    with _translated(database):
        made = _write(source, source.path.parent, _names(source.path, revision), _copy)
    _prune(source.path, [made] if spare is None else [made, spare])
    return made


def backups(database: Database) -> list[Path]:
    """List the backups beside the database that were made before changes, oldest first."""
    made = [each for each in _made(_file(database).path) if _OURS.fullmatch(each.content)]
    return [each.path for each in sorted(made, key=lambda each: (each.number or 0, each.time))]


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


def _prune(database: Path, spared: Sequence[Path]) -> None:
    """Remove the backups before changes to which enough others are newer, whatever the clock did."""
    made = [each for each in _made(database) if _OURS.fullmatch(each.content)]
    for old in made:
        newer = sum(old.is_older(other) for other in made)
        if newer >= KEPT and not any(path.samefile(old.path) for path in spared if old.path.exists()):
            old.path.unlink(missing_ok=True)


def restore(database: Database, source: Path, *, replace_foreign: bool = False) -> Path | None:
    """Replace the whole database with a backup, and return the backup that was made of the file before.

    Whatever the file holds is backed up first. ``None`` if it is empty or does not exist. With ``replace_foreign`` it
    may hold another program's data. Other programs may have the database open: they see the restored rows from their
    next transaction on. Cut off in the middle, the database is as it was; a file that the engine cannot read may be
    empty then, and has its backup.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Corrupt`,
    :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`, and its subclass
    :class:`~persistdb.errors.WouldReplace` without ``replace_foreign``.
    """
    target = _file(database)
    original = target.at(source)
    if not source.is_file():
        raise NotFound("backup", str(source))
    if target.path.exists() and source.samefile(target.path):
        raise DatabaseError(str(source), "is the database itself, not a backup of it")
    database.close()  # no connection of ours may hold the file
    with _translated(database):
        _refuse_damaged(original)
        revision = _revision(original)
        if revision not in REVISIONS:
            raise (SchemaTooNew if revision else SchemaMissing)(str(source), revision, HEAD)
        content = _content(database, target)
        if content in _OTHERS and not replace_foreign:
            raise WouldReplace(database.url, None, HEAD, _OTHERS[content])
        saved = _keep(database, target, content, source)
        need_room(target.path.parent, 2 * source.stat().st_size)
        try:
            original.copy_to(target)
        except database.driver_error as error:
            if content not in _DAMAGED or not _is_damage(database, error):
                raise
            target.clear()
            original.copy_to(target)
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


# What a restore finds in the place of a sound database of ours; the names of backups say it instead of a revision.
_EMPTY = "empty"
_NEWER = "newer"
_BROKEN = "damaged"
_FOREIGN = "foreign"
_UNREADABLE = "not-a-database"

_OTHERS = {
    _FOREIGN: "holds other tables and no persistdb schema",
    _UNREADABLE: "is not a database, or so damaged that nobody can say whose it was",
}
_DAMAGED = {_BROKEN, _FOREIGN, _UNREADABLE}

# revisions of later releases, too
_OURS = re.compile(r"[0-9]\w{,31}", re.ASCII)


def _content(database: Database, target: DatabaseFile) -> str | None:
    """Return the revision of the file's schema, or the word for what it holds instead; ``None`` for nothing."""
    if not target.path.exists() or target.size() == 0:
        return None
    try:
        tables = target.tables()
        revision = _revision(target)
        sound = not target.damage()
    except database.driver_error as error:
        if not _is_damage(database, error):
            raise
        return _UNREADABLE
    if revision not in REVISIONS:
        # a later release has these tables, whatever it calls its revisions; other programs use Alembic, too
        if revision is None or not {"sandbox", "container"} <= tables:
            return _FOREIGN if is_foreign(tables) or revision else _EMPTY
        if not _OURS.fullmatch(revision):
            revision = _NEWER
    return revision if sound else _BROKEN


def _is_damage(database: Database, error: Exception) -> bool:
    """Return whether the driver's error says that a file is damaged, or is not a database."""
    return isinstance(database.failure(error), Corrupt)


def _keep(database: Database, target: DatabaseFile, content: str | None, source: Path) -> Path | None:
    """Back up what a restore from ``source`` replaces.

    Later ones remove only backups of sound databases of ours.
    """
    if content is None:
        return None
    if _OURS.fullmatch(content):
        return before_change(database, content, spare=source)
    folder, names = target.path.parent, _names(target.path, content)
    if content not in _DAMAGED:
        return _write(target, folder, names, _copy)
    if content != _UNREADABLE:
        try:
            return _write(target, folder, names, _copy_damaged)
        except database.driver_error as error:
            if not _is_damage(database, error):
                raise
    return _write(target, folder, names, lambda target, new: target.copy_bytes_to(new))


@contextlib.contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Translate errors of the driver, and of the system, which are about a file that they name."""
    try:
        yield
    except database.driver_error as error:
        raise database.failure(error) from error
    except OSError as error:
        failure = type(database.failure(error))
        raise failure(str(error.filename or database.url), str(error.strerror or error)) from error


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
