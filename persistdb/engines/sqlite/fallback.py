"""Other ways to read a file beside which SQLite can make no index: on a full disk, read-only, in a folder of others.

In WAL mode a reader, too, needs the log and its index, -wal and -shm, and creates them if they are missing
(sqlite.org/wal.html, "Read-Only Databases"). Where it can't, the file is read

- as it is (``immutable=1``), if nobody can change it: its whole file system is read-only, and no commit is in the log;
- else as a private copy of file and log, in a temporary folder. The copy was made while nobody wrote, and has no name
  as soon as it is open, so that nothing is left of it, also by a process that is killed.

Errors with other causes are raised as they were: a log that cannot be read may hold commits, which a copy would lack.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from .. import waiting
from . import files, guard, library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger("persistdb")

# What SQLite says where it can create no file, or no more of one
_CODES: Final = frozenset({"SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_READONLY"})

# Bytes of the smallest index (sqlite.org/walformat.html#the_wal_index_file_format): a shorter one could not be made
_INDEX_SIZE: Final = 32768

# File systems of one machine: where one of these is read-only as a whole, no other machine writes to it either.
_LOCAL: Final = frozenset(
    {
        *("btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs"),
        *("cramfs", "erofs", "exfat", "iso9660", "romfs", "squashfs", "udf", "vfat"),
    }
)

# Folders for copies, after TMPDIR; the last one is memory, for a machine whose only disk is full
_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  a private folder is made in them
# Free bytes that a copy leaves to others
_MARGIN: Final = 16 << 20
# Attempts at a copy while others write
_ATTEMPTS: Final = 20
# The clock that timestamps of files are taken from (clock_gettime(2)), which Python does not name
_CLOCK_REALTIME_COARSE: Final = 5
# Nanoseconds between two timestamps of a file system that knows no fractions of a second, such as FAT
_COARSE: Final = 2_000_000_000


class _State(NamedTuple):
    """What tells whether a file was written to, replaced or removed; ``None`` for one that does not exist."""

    file: tuple[int, ...] | None
    log: tuple[int, ...] | None
    journal: tuple[int, ...] | None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at a database's file, and at the log and journal beside it."""
        return cls(*(_stamp(files.beside(path, suffix)) for suffix in ("", files.LOG, files.JOURNAL)))

    @classmethod
    def settled(cls, path: Path) -> Self:
        """Wait until any later write would change the state: timestamps are as coarse as the kernel's clock."""
        while True:
            state = cls.of(path)
            newest = max(stamp[-1] for stamp in state if stamp) if any(state) else 0
            step = 1 if newest % 1_000_000_000 else _COARSE
            if not 0 <= time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) - newest < step:
                return state
            waiting.pause(0.002)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    newest = max(found.st_mtime_ns, found.st_ctime_ns)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, newest


class Fallback(NamedTuple):
    """The reason why a file is read in another way, and its state at that time."""

    path: Path
    reason: str
    state: _State
    is_full: bool

    def holds(self) -> bool:
        """Return whether the reason is there still, and nobody has written since."""
        return _reason(self.path) == self.reason and _State.of(self.path) == self.state


def open_instead(path: Path, error: Exception, connect: Callable[[str], Any]) -> tuple[Any, Fallback]:
    """Open a file in another way than the one that failed, with ``connect``, which takes a URI.

    Raises ``error`` where no other way is safe, :class:`OSError` where the file may not be read or a copy cannot be
    made, and the driver's errors.
    """
    path = Path(os.path.realpath(path))
    reason = _reason(path)
    code = "_".join(str(getattr(error, "sqlite_errorname", "")).split("_")[:2])  # without what is extended
    if code == "SQLITE_CANTOPEN":
        _check_readable(path)
    # to read a file in which this process has locks would drop them (sqlite.org/howtocorrupt.html, 2.2)
    if reason is None or code not in _CODES or not path.is_file() or guard.is_open(path):
        raise error
    if code == "SQLITE_IOERR" and _has_index(path):
        raise error
    is_full = reason == _FULL
    state = _State.of(path)
    if _is_immutable(path) and not any(stamp and stamp[2] for stamp in (state.log, state.journal)):
        connection = connect(files.uri(path, "mode=ro&immutable=1"))
        _tell(f"{path}: reading it as it is, without locks, because {reason}")
        return connection, Fallback(path, reason, state, is_full)
    with _copied(path) as (copy, state):
        connection = connect(files.uri(copy, "mode=ro&immutable=1"))
        connection.execute("PRAGMA schema_version").fetchone()  # SQLite opens the file when it is first read
    _tell(f"{path}: reading a private copy of it, because {reason}")
    return connection, Fallback(path, reason, state, is_full)


@functools.cache
def _tell(line: str) -> None:
    """Say once which way was taken, and why."""
    log.warning("%s", line)


_FULL: Final = "its disk is full"


def _reason(path: Path) -> str | None:
    """Return why no file can be created beside a database; ``None`` where one can be, as far as the system tells."""
    folder = path.parent
    try:
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return "its file system is mounted read-only"
    except OSError:
        return None
    if files.is_full(folder):
        return _FULL
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"user {os.geteuid()} may not create files in {folder}"
    return None


def obstacle(path: Path) -> str | None:
    """Return why a database cannot be written to; ``None`` where the system would allow it."""
    if path.exists() and not os.access(path, os.W_OK, effective_ids=True):
        return _reason(path) or f"user {os.geteuid()} may not write to it"
    return _reason(path)


def _check_readable(path: Path) -> None:
    """Name the file that this user may not read, which SQLite does not; raises :class:`PermissionError`."""
    for part in (path, files.beside(path, files.LOG), files.beside(path, files.JOURNAL)):
        if part.exists() and not os.access(part, os.R_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(part))


def _has_index(path: Path) -> bool:
    """Return whether there is an index that SQLite can use, so that something else failed."""
    index = files.beside(path, files.INDEX)
    try:
        return index.stat().st_size >= _INDEX_SIZE and os.access(index, os.R_OK, effective_ids=True)
    except OSError:
        return False


def _is_immutable(path: Path) -> bool:
    """Return whether nobody can write to a file: its file system is read-only, not only this mount of it."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)  # closing it drops no locks, since it opens nothing
    try:
        about = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii")
        number = next(line.split()[1] for line in about.splitlines() if line.startswith("mnt_id:"))
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", errors="replace").splitlines()
    except (OSError, StopIteration):
        return False
    finally:
        os.close(fd)
    for mount in mounts:
        if mount.startswith(f"{number} "):
            # what comes after the dash: type, source, and the options of the file system (proc_pid_mountinfo(5))
            kind, _, options = mount.partition(" - ")[2].split(" ")[:3]
            return kind in _LOCAL and "ro" in options.split(",")
    return False


@contextmanager
def _copied(path: Path) -> Iterator[tuple[Path, _State]]:
    """Make a private copy of a database, in one file, and remove its name at the end.

    What was copied while nobody wrote is what SQLite would find after a crash: it takes the commits from the log, or
    undoes an open transaction from the journal.
    """
    import shutil
    import tempfile  # for start-up: hardly anybody comes here

    folder = Path(tempfile.mkdtemp(prefix="persistdb-", dir=_folder_for(path)))
    try:
        copy = folder / "copy"
        state = _copy(path, copy)
        _make_single(copy)
        yield copy, state
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(path: Path, copy: Path) -> _State:
    for _ in range(_ATTEMPTS):
        state = _State.settled(path)
        with suppress(FileNotFoundError):  # a log that has just been removed
            for suffix, stamp in zip(("", files.LOG, files.JOURNAL), state, strict=True):
                part = files.beside(copy, suffix)
                part.unlink(missing_ok=True)
                if stamp is not None and stamp[2]:
                    _copy_file(files.beside(path, suffix), part)
            if _State.of(path) == state:
                return state
    raise _driver_error("database is locked", "SQLITE_BUSY")


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file that is no symlink: SQLite follows none to a log either."""
    import shutil  # the same

    fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(fd, "rb") as original, target.open("xb") as copy:
        shutil.copyfileobj(original, copy, 1 << 20)


def _make_single(copy: Path) -> None:
    module = library.driver()
    connection = module.connect(os.fspath(copy), isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    finally:
        connection.close()


def _folder_for(path: Path) -> str:
    """Choose a folder where a copy takes at most half of what is free."""
    size = sum(stamp[2] for stamp in _State.of(path) if stamp) + _size(files.beside(path, files.LOG))
    import shutil  # the same

    tried = []
    for folder in (os.environ.get("TMPDIR"), *_FOLDERS):
        if folder and os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            if shutil.disk_usage(folder).free >= 2 * size + _MARGIN:
                return folder
            tried.append(folder)
    raise OSError(
        errno.ENOSPC,
        f"{_reason(path)}, and a private copy to read has no room in {', '.join(tried) or 'any temporary folder'}; "
        f"set TMPDIR to a folder with {(2 * size + _MARGIN) / 1e6:,.0f} MB free",
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _driver_error(message: str, code: str) -> Exception:
    error: Exception = library.driver().OperationalError(message)
    error.sqlite_errorname = code  # type: ignore[attr-defined]  # the driver sets it alike
    return error
