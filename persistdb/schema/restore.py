"""Restoring a backup: the target is looked at and backed up, whatever it is, before anything is replaced."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..errors import BackupRefused, Corrupt, NotFound, SchemaMissing, SchemaTooNew, WouldReplace
from ..validation import check_path
from .backup import (
    VERSIONED,
    before_change,
    copy_checked,
    copy_unchecked,
    file_of,
    keep_beside,
    need_room,
    others_in,
    translated,
)
from .names import EARLIER_VERSION, VERSION
from .version import EARLIER, HEAD, OURS, REVISIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ..db.database import Database
    from ..engines.file import DatabaseFile

log = logging.getLogger("persistdb")

# What a restore finds in the place of a sound database of ours; the names of backups say it instead of a revision.
_EMPTY = "empty"
_UNKNOWN = "unknown"
_DAMAGED = "damaged"
_FOREIGN = "foreign"
_UNREADABLE = "not-a-database"

_OTHERS = {
    _FOREIGN: "holds other tables and no persistdb schema",
    _UNREADABLE: "is not a database, or so damaged that nobody can say whose it was",
}
_MAY_BE_DAMAGED = {_DAMAGED, _FOREIGN, _UNREADABLE}


def restore(database: Database, source: Path, *, replace_foreign: bool = False) -> Path | None:
    """Replace the whole database with a backup, and return the backup that was made of the file before.

    Whatever the file holds is backed up first. ``None`` if it is empty or does not exist. With ``replace_foreign`` it
    may be another program's database, or have tables of other programs that the backup does not have. Other programs
    may have the database open: they see the restored rows from their next transaction on. What they write between the
    backup and the restore is lost. Cut off in the middle, the database is as it was; a file that the engine cannot read
    may be empty then, and has its backup.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.BackupRefused`,
    :class:`~persistdb.errors.Corrupt`, :class:`~persistdb.errors.Busy`, :class:`~persistdb.errors.StorageFull`,
    :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`, and its subclass
    :class:`~persistdb.errors.WouldReplace` without ``replace_foreign``.
    """
    check_path("source", source)
    target = file_of(database)
    original = target.at(source)
    if not source.is_file():
        raise NotFound("backup", str(source))
    if target.path.exists() and source.samefile(target.path):
        raise BackupRefused(str(source), "is the database itself, not a backup of it")
    database.close()  # no connection of ours may hold the file
    with translated(database):
        _refuse_damaged(original)
        revision = _revision(original)
        if revision not in REVISIONS:
            raise (SchemaTooNew if revision else SchemaMissing)(str(source), revision, HEAD)
        content = _content(database, target)
        if content in _OTHERS and not replace_foreign:
            raise WouldReplace(database.url, None, HEAD, _OTHERS[content])
        if content in REVISIONS and not replace_foreign:
            lost = others_in(target) - others_in(original)
            if lost:
                reason = f"holds tables of other programs that the backup does not have: {', '.join(sorted(lost))}"
                raise WouldReplace(database.url, None, HEAD, reason)
        saved = _keep(database, target, content, source)
        need_room(target.path.parent, 2 * source.stat().st_size)
        try:
            original.copy_to(target)
        except database.driver_error as error:
            if content not in _MAY_BE_DAMAGED or not _is_damage(database, error):
                raise
            target.clear()
            original.copy_to(target)
        database.forget_schema()
        _refuse_damaged(target)
    log.info("%s: restored from %s", database.url, source)
    return saved


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
    if revision in REVISIONS:
        known = revision
    elif VERSION in tables and {"sandbox", "container"} <= tables:
        # a later release's, whatever it calls its revisions
        known = revision if revision and VERSIONED.fullmatch(revision) else _UNKNOWN
    elif revision or tables - {VERSION, EARLIER_VERSION} or target.value(EARLIER):
        return _FOREIGN  # other programs use Alembic, too
    else:
        known = _EMPTY
    return known if sound else _DAMAGED


def _is_damage(database: Database, error: Exception) -> bool:
    """Return whether the driver's error says that a file is damaged, or is not a database."""
    return isinstance(database.failure(error), Corrupt)


def _keep(database: Database, target: DatabaseFile, content: str | None, source: Path) -> Path | None:
    """Back up what a restore from ``source`` replaces.

    Later ones remove only backups of sound databases of ours.
    """
    if content is None:
        return None
    if VERSIONED.fullmatch(content):
        return before_change(database, content, spare=source)
    if content not in _MAY_BE_DAMAGED:
        return keep_beside(target, content, copy_checked)
    if content != _UNREADABLE:
        try:
            return keep_beside(target, content, copy_unchecked)
        except database.driver_error as error:
            if not _is_damage(database, error):
                raise
    return keep_beside(target, content, lambda target, new: target.copy_bytes_to(new))


def _refuse_damaged(file: DatabaseFile) -> None:
    """Raise :class:`~persistdb.errors.Corrupt` unless the engine finds nothing wrong with a file."""
    faults = file.damage()
    if faults:
        raise Corrupt(str(file.path), "; ".join(faults))


def _revision(file: DatabaseFile) -> str | None:
    """Return the revision of the schema in a file."""
    revision = file.value(OURS)
    if revision is None and {"sandbox", "container"} <= file.tables():
        earlier = file.value(EARLIER)
        revision = earlier if earlier in REVISIONS else None
    return None if revision is None else str(revision)
