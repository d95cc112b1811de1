"""An SQLite file as a whole: copies of it, its faults, and a look into files that may be something else."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Any, Self

from ...errors import StorageFull, Unavailable
from ..file import DatabaseFile
from . import fallback, files
from .files import INDEX, JOURNAL, LOG
from .kernel import holders
from .library import driver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

# Messages of errors that say nothing of the file's content: the driver gives no code with many of them.
_NOT_OF_CONTENT = (
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "unable to open database file",
    "interrupted",
)

# The byte that a writer locks: of the index in WAL mode, else of the file (sqlite.org/walformat.html#wal_locks,
# sqlite.org/lockingv3.html).
_WAL_WRITE, _RESERVED = 120, 0x40000001

WAIT = 30.0
"""Seconds to wait for other connections' locks on a file."""

# SQLITE_BUSY and SQLITE_LOCKED (sqlite.org/rescode.html)
_LOCKED = frozenset({5, 6})

# The messages of errors on a full disk; the second has other causes, too.
_FULL = ("database or disk is full", "disk I/O error")


class SQLiteFile(DatabaseFile):
    """A file, opened with the driver alone: SQLAlchemy knows nothing of SQLite's backup."""

    def size(self) -> int:
        """Return the size of the database with its log."""
        log = self._beside(LOG)
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def beside(self) -> list[Path]:
        """Return the paths of log, journal and index."""
        return [self._beside(suffix) for suffix in (LOG, JOURNAL, INDEX)]

    def writers(self) -> list[str]:
        """Name the other process that holds the lock for writing, as far as the kernel shows it."""
        return [
            name
            for path, byte in ((self._beside(INDEX), _WAL_WRITE), (self.path, _RESERVED))
            if path.exists()
            for name in holders(path.stat().st_ino, byte)
        ]

    def copy_to(self, target: Self) -> None:
        """Use SQLite's backup, which other connections don't hinder (sqlite.org/backup.html)."""
        with self._readable() as original:
            if not target.path.exists():
                files.create_file(target.path)
            with target._open() as copy:
                if _page_size(copy) != _page_size(original):
                    # in WAL mode the size of pages cannot change (sqlite.org/c3ref/backup_finish.html)
                    copy.execute("PRAGMA journal_mode = DELETE")
                original.backup(copy, progress=_refuse_to_wait)

    def copy_bytes_to(self, target: Self) -> None:
        """Copy the file, its log and its journal."""
        for suffix in ("", LOG, JOURNAL):
            if (source := self._beside(suffix)).exists():
                copy = target._beside(suffix)
                files.create_file(copy)
                shutil.copyfile(source, copy)
                _sync(copy)

    def clear(self) -> None:
        """Remove log, journal and index first: SQLite would take them for the next content's."""
        for path in self.beside():
            path.unlink(missing_ok=True)
        os.truncate(self.path, 0)

    def make_single(self) -> None:
        """Leave WAL mode, in which a second file may hold commits, and sync."""
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        _sync(self.path)

    def damage(self) -> list[str]:
        """Ask SQLite for the first faults."""
        try:
            with self._readable() as connection:
                lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        except driver().DatabaseError as error:
            if str(error).startswith(_NOT_OF_CONTENT):
                raise
            return [str(error)]
        return [] if lines == ["ok"] else lines

    def tables(self) -> set[str]:
        """Leave out SQLite's own."""
        with self._readable() as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {str(name) for (name,) in names if not str(name).startswith("sqlite_")}

    def value(self, statement: str) -> object | None:
        """Run the statement on a separate connection."""
        with self._readable() as connection:
            try:
                row = connection.execute(statement).fetchone()
            except driver().OperationalError as error:
                if str(error).startswith(("no such table", "no such column")):
                    return None
                raise
        return row[0] if row else None

    def _beside(self, suffix: str) -> Path:
        return files.beside(self.path, suffix)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[Any]:
        """Open the file, which must exist, to read it, in another way where SQLite can make no index."""
        module = driver()
        try:
            with self._open() as connection:
                connection.execute("PRAGMA schema_version").fetchone()
        except (module.Error, StorageFull, Unavailable) as error:
            cause = error if isinstance(error, module.Error) else error.__cause__
            if not isinstance(cause, module.Error):
                raise
            try:
                instead, _ = fallback.open_instead(self.path, cause, _connect)
            except module.Error as failure:
                raise (error if failure is cause else failure) from None
            opened = self._using(instead)
        else:
            opened = self._open()
        with opened as connection:
            yield connection

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file, which must exist."""
        # SQLite removes a log beside a file that is not a database, unless it takes the file for immutable.
        with self._connect("ro&immutable=1") as connection:
            connection.execute("PRAGMA schema_version").fetchone()
        with self._connect("rw") as connection:
            yield connection

    def _connect(self, mode: str) -> AbstractContextManager[Any]:
        try:
            # as a URI, because a file that is not there must not be created: it would be taken for an empty database
            return self._using(_connect(files.uri(self.path, f"mode={mode}")))
        except driver().Error as error:
            raise Unavailable(str(self.path), str(error)) from error

    @contextlib.contextmanager
    def _using(self, connection: Any) -> Iterator[Any]:
        """Close the connection at the end, and translate its errors."""
        module = driver()
        try:
            yield connection
        except module.Error as error:
            # The file may be on another disk than the database that the backend knows.
            if str(error).startswith(_FULL) and files.is_full(self.path.parent):
                raise StorageFull(str(self.path), str(error)) from error
            raise
        except UnicodeDecodeError as error:
            # The message of an error quotes the schema, and the driver cannot decode it.
            raise module.DatabaseError("database disk image is malformed: its schema is not text") from error
        finally:
            connection.close()


def _connect(uri: str) -> Any:
    connection = driver().connect(uri, uri=True, isolation_level=None, timeout=WAIT)
    # The text of a damaged or foreign file need not be UTF-8.
    connection.text_factory = lambda text: text.decode(errors="replace")
    return connection


def _refuse_to_wait(status: int, _remaining: int, _total: int) -> None:
    """End a backup that waited for a lock in vain: the driver would try again for ever."""
    if status in _LOCKED:
        raise driver().OperationalError("database is locked")


def _page_size(connection: Any) -> int:
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(size)


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
