"""Open files and folders of a tree that others write to, without ever following a symlink.

Every step below the starting folder is taken with ``O_NOFOLLOW`` relative to an open folder, so that swapping a folder
for a symlink in between leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..errors import DamagedFile, FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

Files = dict[str, bytes]
"""The files of one folder, by name."""

MAX_FILE: Final = 4 * 1024 * 1024
"""The largest file that is read, in bytes.

Kata's are a few kilobytes. MariaDB refuses a statement of more than 16 MiB by default (``max_allowed_packet``), and a
text that is quoted in one, or joined with the other files of an old store, grows.
"""

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for a writer.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RECENT: Final = 2.0


def printable_path(path: str) -> str:
    """Make a path printable: bytes of a name that are no UTF-8 become escape sequences."""
    return path.encode("utf-8", "backslashreplace").decode()


class Folder:
    """An open folder: its descriptor, and its path for messages."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def join(self, name: str) -> str:
        """The path of something in this folder, for messages."""
        return printable_path(os.path.join(self.path, name))

    def entries(self) -> list[tuple[str, str]]:
        """What is in the folder, sorted by name: ``folder``, ``file``, ``symlink`` or ``other`` for each.

        Raises :class:`~persistdb.errors.FileError`.
        """
        try:
            with os.scandir(self.fd) as found:
                return sorted((entry.name, _kind(entry)) for entry in found)
        except OSError as error:
            raise FileError(printable_path(self.path), _reason(error)) from None

    def kind(self, name: str) -> str | None:
        """``folder``, ``file``, ``symlink`` or ``other``; ``None`` if it is gone."""
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

        Raises :class:`FileNotFoundError` if it is gone, :class:`~persistdb.errors.FileError` if it is no folder, a
        symlink, or not to be read.
        """
        fd = self._open(name, _FOLDER_FLAGS)
        try:
            yield Folder(fd, os.path.join(self.path, name))
        finally:
            os.close(fd)

    def read(self, name: str) -> tuple[bytes, bool]:
        """Read a file, and say whether it was written to in the last moments.

        Raises :class:`FileNotFoundError` if it is not there and :class:`~persistdb.errors.FileError` if it is no
        regular file, a symlink, not to be read, or larger than :data:`MAX_FILE`.
        """
        fd = self._open(name, _FILE_FLAGS)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise FileError(self.join(name), "is not a regular file")
            if status.st_size > MAX_FILE:
                raise DamagedFile(
                    self.join(name), f"has {status.st_size} bytes, more than {MAX_FILE}: not a file of Kata's"
                )
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read(MAX_FILE + 1)
            if len(data) > MAX_FILE:
                raise DamagedFile(self.join(name), f"has more than {MAX_FILE} bytes: not a file of Kata's")
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
            # A symlink fails with ELOOP, or with ENOTDIR where a folder was asked for.
            if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and self.kind(name) == "symlink"):
                raise FileError(self.join(name), "is a symlink, which is not followed") from None
            raise FileError(self.join(name), _reason(error)) from None


@contextmanager
def open_folder(path: str) -> Iterator[Folder]:
    """Open the folder that a caller named, symlinks in its path included: the caller chose them.

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
