"""Folders for trees that are not complete yet: marked, locked while in use, and removed after their process has died.

A work folder lies beside the final places of its trees. It is recognised by its name and the file ``.persistdb`` in it,
and the ``flock`` of that file tells whether the process that uses it is alive, in any PID namespace.

Trees have numbers in it. A tree that was moved aside has its own name, in the folder ``.old``: as long as nothing has
taken its place, it is the only one of that name.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ..errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .folders import Folder

_NAME: Final = re.compile(r"\.persistdb-[0-9a-f]{16}\.partial")
_MARK: Final = ".persistdb"
_OLD: Final = ".old"
_MODE: Final = 0o700


def is_work_folder(name: str) -> bool:
    """Return whether a folder's name is a work folder's, which only an export in progress or a killed one has."""
    return _NAME.fullmatch(name) is not None


class WorkFolder:
    """A work folder in ``parent``, which exists from :meth:`create` to :meth:`close`."""

    def __init__(self, parent: Folder) -> None:
        self._parent = parent
        self._open = ExitStack()
        self._name = ""

    def create(self) -> Folder:
        """Create, mark, lock and open the folder; raises :class:`OSError`."""
        while True:
            # Stored before the folder is there: an interrupt may come at any time.
            self._name = f".persistdb-{secrets.token_hex(8)}.partial"
            os.mkdir(self._name, _MODE, dir_fd=self._parent.fd)
            try:
                folder = self._open.enter_context(self._parent.folder(self._name))
                if self._lock(folder):
                    return folder
            except FileNotFoundError:
                pass  # removed before it had its mark
            self._open.close()

    def _lock(self, folder: Folder) -> bool:
        """Mark and lock the folder; return ``False`` if another export took it for a leftover in between."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        mark = os.open(_MARK, flags, 0o600, dir_fd=folder.fd)
        self._open.callback(os.close, mark)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks: nobody can lock it, so nobody takes it for a leftover
        return os.fstat(mark).st_nlink > 0

    @contextmanager
    def old(self, folder: Folder) -> Iterator[Folder]:
        """Open the folder for trees that are moved aside."""
        with suppress(FileExistsError):
            os.mkdir(_OLD, _MODE, dir_fd=folder.fd)
        with folder.folder(_OLD) as old:
            yield old

    def close(self, *, keep: bool = False) -> None:
        """Put back what was moved aside without a successor, and remove the folder unless it is to be kept."""
        with self._open:
            if self._name and not keep:
                _remove(self._parent, self._name)


def remove_leftovers(parent: Folder) -> None:
    """Remove the work folders of processes that have died, after moving back each tree that is nowhere else.

    Whatever cannot be removed, or is not surely a leftover, stays.
    """
    with suppress(FileError):
        for name, kind in parent.entries():
            if kind == "folder" and is_work_folder(name):
                _remove_if_dead(parent, name)


def _remove_if_dead(parent: Folder, name: str) -> None:
    try:
        with parent.folder(name) as folder:
            mark = os.open(_MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder.fd)
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(parent, name)
            finally:
                os.close(mark)
    except FileNotFoundError:
        # Its process died, or is, between the first two steps. In the latter case it creates another folder.
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent.fd)  # only if it is empty
    except (FileError, OSError):
        pass  # its process is alive, or it is not ours to remove


def _remove(parent: Folder, name: str) -> None:
    """Remove a work folder, its mark last, so that a killed removal leaves what the next one recognises.

    A tree that cannot be put back stays where it is, with the folder.
    """
    with suppress(FileError, OSError):
        with parent.folder(name) as folder:
            _put_back(parent, folder)
            for entry, _ in folder.entries():
                if entry != _MARK:
                    shutil.rmtree(entry, dir_fd=folder.fd)
            with suppress(FileNotFoundError):
                os.unlink(_MARK, dir_fd=folder.fd)
        os.rmdir(name, dir_fd=parent.fd)


def _put_back(parent: Folder, folder: Folder) -> None:
    if folder.kind(_OLD) is None:
        return
    with folder.folder(_OLD) as old:
        for name, _ in old.entries():
            if parent.kind(name) is None:
                os.rename(name, name, src_dir_fd=old.fd, dst_dir_fd=parent.fd)
