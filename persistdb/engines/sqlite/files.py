"""The file of an SQLite database: its path in a URL, its creation, and copies of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from ...errors import StorageFull, Unavailable
from ..file import DatabaseFile
from .library import driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL


def path_of(url: URL) -> Path | None:
    """Return the path of the database's file; ``None`` for a database in memory."""
    name = str(url.database or "")
    if _is_uri(url):
        name = unquote(urlsplit(name).path)
        if url.query.get("mode") == "memory":
            name = ""
    return None if name in {"", ":memory:"} else Path(name).absolute()


def is_created(url: URL) -> bool:
    """Return whether connecting creates a file that does not exist."""
    return not _is_uri(url) or (url.query.get("mode", "rwc") == "rwc" and "immutable" not in url.query)


def _is_uri(url: URL) -> bool:
    """Return whether the file is given as a URI (sqlite.org/uri.html): ``sqlite:///file:/x.db?mode=ro&uri=true``."""
    return str(url.database).startswith("file:") and url.query.get("uri") == "true"


def create(path: Path) -> None:
    """Create the file for its owner only, in a folder for its owner only, unless they exist.

    -wal and -shm get the same mode (SQLite's os_unix.c, findCreateFileMode).
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        _create_file(path)


def _create_file(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


# The free bytes below which a disk counts as full: a -shm takes 32 kB, and space is reserved for the administrator.
_LITTLE = 1 << 20

# The messages of errors on a full disk; the second has other causes, too.
_FULL = ("database or disk is full", "disk I/O error")


def is_full(folder: Path) -> bool:
    """Return whether the disk that holds a folder has little space left."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LITTLE


class SQLiteFile(DatabaseFile):
    """A file, opened with the driver alone: SQLAlchemy knows nothing of SQLite's backup."""

    def size(self) -> int:
        """Return the size of the database with its log."""
        log = self.path.with_name(self.path.name + "-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def copy_to(self, target: Self) -> None:
        """Use SQLite's backup, which other connections don't hinder (sqlite.org/backup.html)."""
        with self._open() as original:
            if not target.path.exists():
                _create_file(target.path)
            with target._open() as copy:
                original.backup(copy)

    def make_single(self) -> None:
        """Leave WAL mode, in which a second file may hold commits, and sync."""
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        with self.path.open("rb") as written:
            os.fsync(written.fileno())

    def damage(self) -> list[str]:
        """Ask SQLite for the first faults."""
        try:
            with self._open() as connection:
                lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        except driver().DatabaseError as error:
            return [str(error)]
        return [] if lines == ["ok"] else lines

    def value(self, statement: str) -> object | None:
        """Run the statement on a separate connection."""
        with self._open() as connection:
            try:
                row = connection.execute(statement).fetchone()
            except driver().Error:
                return None
        return row[0] if row else None

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        module = driver()
        try:
            connection = module.connect(self.path, isolation_level=None, timeout=30)
        except module.Error as error:
            raise Unavailable(str(self.path), str(error)) from error
        try:
            yield connection
        except module.Error as error:
            # The file may be on another disk than the database that the backend knows.
            if str(error).startswith(_FULL) and is_full(self.path.parent):
                raise StorageFull(str(self.path), str(error)) from error
            raise
        finally:
            connection.close()
