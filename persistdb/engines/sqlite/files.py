"""The file of an SQLite database: its path in a URL, its creation, and copies of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlsplit

from ...errors import FileError, StorageFull, Unavailable
from ...private import make_private
from ..file import DatabaseFile
from ..flock import holders
from .library import driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL


def path_of(url: URL) -> Path | None:
    """Return the path of the database's file; ``None`` for a database in memory."""
    name = str(url.database or "")
    if is_uri(url):
        name = unquote(urlsplit(name).path)
        if url.query.get("mode") == "memory":
            name = ""
    return None if name in {"", ":memory:"} else Path(name).absolute()


def is_created(url: URL) -> bool:
    """Return whether connecting creates a file that does not exist."""
    return not is_uri(url) or (url.query.get("mode", "rwc") == "rwc" and "immutable" not in url.query)


def is_uri(url: URL) -> bool:
    """Return whether the file is given as a URI (sqlite.org/uri.html): ``sqlite:///file:/x.db?mode=ro&uri=true``."""
    return str(url.database).startswith("file:") and url.query.get("uri") == "true"


def create(path: Path) -> None:
    """Create the file for its owner only, in folders for their owner only, unless they exist.

    The place of a symlink to nothing is the one that it names. -wal and -shm get the same mode (SQLite's os_unix.c,
    findCreateFileMode).
    """
    make_private(path.parent)
    with contextlib.suppress(FileExistsError):
        _create_file(path)


def _create_file(path: Path) -> None:
    if path.is_symlink():  # a chosen one, such as to another disk; the name that it leads to must still be free
        path = Path(os.path.realpath(path))
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def open_lock_folder(path: Path) -> int:
    """Open the folder of locks beside the database, which is created if it is missing.

    A symlink is followed to the database, so that all of its names have the same locks, but none to the folder: whoever
    may write beside the database would choose where files are created and removed.
    Raises :class:`~persistdb.errors.FileError` and :class:`OSError`.
    """
    database = Path(os.path.realpath(path))
    folder = database.with_name(database.name + "-locks")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError:
        what = "a symlink, which is not followed" if folder.is_symlink() else "not a folder"
        raise FileError(str(folder), f"is {what}: locks are kept in a folder of this name, so remove it") from None
    owner = os.fstat(fd).st_uid
    if owner not in _trusted(database):
        os.close(fd)
        raise FileError(str(folder), f"belongs to user {owner}, neither to this user nor to the database's: remove it")
    return fd


def _trusted(database: Path) -> set[int]:
    """Return the users who may own the folder of locks: root, this one, and the database's."""
    owners = {0, os.geteuid()}
    with contextlib.suppress(OSError):
        owners.add(database.stat().st_uid)
    return owners


# The files beside a database that belong to it: commits that are not in the database yet, pages that an open
# transaction has replaced, and the index of the former, which is rebuilt from them (sqlite.org/tempfiles.html).
_LOG, _JOURNAL, _INDEX = "-wal", "-journal", "-shm"

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
        log = self._beside(_LOG)
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def beside(self) -> list[Path]:
        """Return the paths of log, journal and index."""
        return [self._beside(suffix) for suffix in (_LOG, _JOURNAL, _INDEX)]

    def writers(self) -> list[str]:
        """Name the other process that holds the lock for writing, as far as the kernel shows it."""
        return [
            name
            for path, byte in ((self._beside(_INDEX), _WAL_WRITE), (self.path, _RESERVED))
            if path.exists()
            for name in holders(path.stat().st_ino, "POSIX", byte)
        ]

    def copy_to(self, target: Self) -> None:
        """Use SQLite's backup, which other connections don't hinder (sqlite.org/backup.html)."""
        with self._open() as original:
            if not target.path.exists():
                _create_file(target.path)
            with target._open() as copy:
                if _page_size(copy) != _page_size(original):
                    # in WAL mode the size of pages cannot change (sqlite.org/c3ref/backup_finish.html)
                    copy.execute("PRAGMA journal_mode = DELETE")
                original.backup(copy, progress=_refuse_to_wait)

    def copy_bytes_to(self, target: Self) -> None:
        """Copy the file, its log and its journal."""
        for suffix in ("", _LOG, _JOURNAL):
            if (source := self._beside(suffix)).exists():
                copy = target._beside(suffix)
                _create_file(copy)
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
            with self._open() as connection:
                lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        except driver().DatabaseError as error:
            if str(error).startswith(_NOT_OF_CONTENT):
                raise
            return [str(error)]
        return [] if lines == ["ok"] else lines

    def tables(self) -> set[str]:
        """Leave out SQLite's own."""
        with self._open() as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {str(name) for (name,) in names if not str(name).startswith("sqlite_")}

    def value(self, statement: str) -> object | None:
        """Run the statement on a separate connection."""
        with self._open() as connection:
            try:
                row = connection.execute(statement).fetchone()
            except driver().OperationalError as error:
                if str(error).startswith(("no such table", "no such column")):
                    return None
                raise
        return row[0] if row else None

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file, which must exist."""
        # SQLite removes a log beside a file that is not a database, unless it takes the file for immutable.
        with self._connect("ro&immutable=1") as connection:
            connection.execute("PRAGMA schema_version").fetchone()
        with self._connect("rw") as connection:
            yield connection

    @contextlib.contextmanager
    def _connect(self, mode: str) -> Iterator[Any]:
        module = driver()
        try:
            # as a URI, because a file that is not there must not be created: it would be taken for an empty database
            uri = f"file:{quote(os.fsencode(self.path.absolute()))}?mode={mode}"
            connection = module.connect(uri, uri=True, isolation_level=None, timeout=WAIT)
        except module.Error as error:
            raise Unavailable(str(self.path), str(error)) from error
        # The text of a damaged or foreign file need not be UTF-8.
        connection.text_factory = lambda text: text.decode(errors="replace")
        try:
            yield connection
        except module.Error as error:
            # The file may be on another disk than the database that the backend knows.
            if str(error).startswith(_FULL) and is_full(self.path.parent):
                raise StorageFull(str(self.path), str(error)) from error
            raise
        except UnicodeDecodeError as error:
            # The message of an error quotes the schema, and the driver cannot decode it.
            raise module.DatabaseError("database disk image is malformed: its schema is not text") from error
        finally:
            connection.close()


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
