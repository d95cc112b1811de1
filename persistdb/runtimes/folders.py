"""Open files and folders of a tree that other processes write to, without ever following a symlink.

Every step below the starting folder is taken with ``O_NOFOLLOW`` relative to an open folder, so swapping a folder for a
symlink in between does not lead elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from ..errors import DamagedFile, FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Files = dict[str, bytes]
"""The files of one folder, by name."""

MAX_FILE: Final = 4 * 1024 * 1024
"""The largest file that is read, in bytes.

Runtimes' files are a few kilobytes. MariaDB refuses a statement of more than 16 MiB by default
(``max_allowed_packet``), and a text grows when it is quoted in one or joined with the other files of an old store.
"""

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for a writer.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RECENT: Final = 2.0  # in seconds


def printable_path(path: str) -> str:
    """Make a path printable: bytes of a name that are not UTF-8 become escape sequences."""
    return path.encode("utf-8", "backslashreplace").decode()


class Folder:
    """An open folder: its file descriptor, and its path for messages."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def join(self, name: str) -> str:
        """Return the printable path of something in this folder, for messages."""
        return printable_path(os.path.join(self.path, name))

    def entries(self) -> list[tuple[str, str]]:
        """List the entries by name, each with its kind: ``folder``, ``file``, ``symlink`` or ``other``.

        Raises :class:`~persistdb.errors.FileError`.
        """
        try:
            with os.scandir(self.fd) as entries:
                return sorted((entry.name, _kind(entry)) for entry in entries)
        except OSError as error:
            raise FileError(printable_path(self.path), _reason(error)) from None

    def owner(self) -> int:
        """Return the ID of the user who owns this folder."""
        return os.fstat(self.fd).st_uid

    def kind(self, name: str) -> str | None:
        """Return the kind of an entry: ``folder``, ``file``, ``symlink`` or ``other``; ``None`` if it is gone."""
        try:
            mode = os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(self.join(name), _reason(error)) from None
        if stat.S_ISDIR(mode):
            return "folder"
        if stat.S_ISREG(mode):
            return "file"
        return "symlink" if stat.S_ISLNK(mode) else "other"

    @contextmanager
    def folder(self, name: str) -> Iterator[Folder]:
        """Open a folder in this one.

        Raises :class:`FileNotFoundError` if it is gone, :class:`~persistdb.errors.FileError` if it is a symlink, not a
        folder, or unreadable.
        """
        fd = self._open(name, _FOLDER_FLAGS)
        try:
            yield Folder(fd, os.path.join(self.path, name))
        finally:
            os.close(fd)

    def read(self, name: str) -> tuple[bytes, bool]:
        """Read a file, and return its bytes and whether it was written to in the last two seconds.

        Raises :class:`FileNotFoundError` if it is missing and :class:`~persistdb.errors.FileError` if it is a symlink,
        not a regular file, unreadable, or larger than :data:`MAX_FILE`.
        """
        fd = self._open(name, _FILE_FLAGS)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise FileError(self.join(name), "is not a regular file")
            if status.st_size > MAX_FILE:
                raise DamagedFile(
                    self.join(name), f"has {status.st_size} bytes, more than {MAX_FILE}: too many for a runtime's state"
                )
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read(MAX_FILE + 1)
            if len(data) > MAX_FILE:
                raise DamagedFile(self.join(name), f"has more than {MAX_FILE} bytes: too many for a runtime's state")
            return data, time.time() - status.st_mtime < _RECENT
        except OSError as error:
            raise FileError(self.join(name), _reason(error)) from None
        finally:
            os.close(fd)

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(name, flags, dir_fd=self.fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            # Opening a symlink fails with ELOOP, or with ENOTDIR if a folder was asked for.
            if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and self.kind(name) == "symlink"):
                raise FileError(self.join(name), "is a symlink, which is not followed") from None
            raise FileError(self.join(name), _reason(error)) from None


@contextmanager
def open_folder(path: str) -> Iterator[Folder]:
    """Open the folder that a caller named; symlinks in its path are followed, because the caller chose them.

    Raises :class:`~persistdb.errors.FileError`.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileError(printable_path(path), _reason(error)) from None
    try:
        yield Folder(fd, path)
    finally:
        os.close(fd)


@contextmanager
def open_below(root: str, steps: Iterable[str]) -> Iterator[Folder]:
    """Open a folder some steps below a root, in which no symlink is followed.

    Raises :class:`~persistdb.errors.FileError`, and :class:`FileNotFoundError` where a step does not exist.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(root))
        for step in steps:
            folder = stack.enter_context(folder.folder(step))
        yield folder


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _reason(error: OSError) -> str:
    reasons = {
        errno.ENOENT: "does not exist",
        errno.ENOTDIR: "is not a folder",
        errno.EACCES: "may not be read: permission denied",
        errno.EPERM: "may not be read: permission denied",
        errno.ENXIO: "is not a regular file",  # a socket
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
