"""Files that appear under their names as a whole, or not at all, and replace nothing.

Each is written in a private folder beside its place, which only this user may enter and whose name nobody can foretell.
The folder is locked while its process lives: what a killed one left is removed by the next.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE: Final = "file"
# not the name of an export's work folder (runtimes/workfolder.py): each would take the other's for its leftover
_MARK: Final = re.compile(r"\.persistdb-[0-9a-f]{16}\.unpublished", re.ASCII)
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_libc: Final = ctypes.CDLL(None, use_errno=True)
_RENAME_NOREPLACE: Final = 1
# errors of link(2) on file systems without hard links, such as FAT
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NewFile:
    """A file that is being written at ``path``, and files beside it whose names begin with its name."""

    def __init__(self, folder: Path, parent: int, private: int) -> None:
        self.path = folder / _FILE
        self._place = folder.parent
        self._parent = parent
        self._private = private

    def publish(self, name: str) -> None:
        """Give the file its name in the parent folder, for good, and the files beside it theirs.

        Raises :class:`FileExistsError`: the name is taken, by whatever it is.
        """
        for written in sorted(os.listdir(self._private)):  # the file itself comes first
            published = name + written.removeprefix(_FILE)
            with _about(self._place / published):
                _move(written, self._private, published, self._parent)
        os.fsync(self._parent)


def _move(old: str, old_folder: int, new: str, new_folder: int) -> None:
    """Give a file another name, which nothing may have; the old one may stay."""
    try:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        rename = getattr(_libc, "renameat2", None)  # not in each C library
        if error.errno not in _NO_LINKS or rename is None:
            raise
    else:
        return
    # not wrapped by the standard library, whose rename(2) replaces
    if rename(old_folder, os.fsencode(old), new_folder, os.fsencode(new), _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def _about(path: Path) -> Iterator[None]:
    """Name the whole path in errors of the system, which know only a part of it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


@contextlib.contextmanager
def new_file(parent: Path) -> Iterator[NewFile]:
    """Make a private folder for a new file of the parent folder, and remove it at the end, with what is left in it."""
    with _opened(parent) as parent_fd:
        _remove_leftovers(parent_fd)
        with _about(parent):
            name, private_fd = _make(parent_fd)
        try:
            yield NewFile(parent / name, parent_fd, private_fd)
        finally:
            with contextlib.suppress(OSError):  # then the next one removes it
                _remove(name, parent_fd, private_fd)
            os.close(private_fd)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _make(parent: int) -> tuple[str, int]:
    """Make a folder and lock it. Another process may take it for a leftover before it is locked: then make another."""
    while True:
        name = f".persistdb-{secrets.token_hex(8)}.unpublished"
        os.mkdir(name, 0o700, dir_fd=parent)
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(name, _FOLDER, dir_fd=parent)
            try:
                locked = _lock(fd)
            except OSError:
                return name, fd  # no locks on this file system: nobody can lock it, so nobody will remove it
            if locked and _is_there(name, parent):
                return name, fd
            os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove_leftovers(parent: int) -> None:
    """Remove the private folders of this user's dead processes; whatever else has such a name stays."""
    for name in os.listdir(parent):
        if _MARK.fullmatch(name):
            with contextlib.suppress(OSError):  # a file or a symlink, or no right to enter
                fd = os.open(name, _FOLDER, dir_fd=parent)
                try:
                    if _is_ours(fd) and _lock(fd):
                        _remove(name, parent, fd)
                finally:
                    os.close(fd)


def _is_ours(fd: int) -> bool:
    status = os.fstat(fd)
    return (
        status.st_uid == os.geteuid()
        and stat.S_IMODE(status.st_mode) == 0o700
        and all(name.startswith(_FILE) for name in os.listdir(fd))
    )


def _remove(name: str, parent: int, fd: int) -> None:
    for written in os.listdir(fd):
        os.unlink(written, dir_fd=fd)
    os.rmdir(name, dir_fd=parent)
