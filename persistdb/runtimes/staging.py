"""Write trees of files so that each is there as a whole or not at all.

A tree is written under a temporary name, brought to the disk and renamed, so a reader finds a whole tree or none, also
after a crash. What a killed process left is recognised by its name (:func:`is_leftover`).
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from ..errors import FileError
from .folders import Folder, open_folder, printable_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .folders import Files

_PARTIAL: Final = ".partial"
_OLD: Final = ".old"
_FILE_MODE: Final = 0o600
_NAME_MAX: Final = 255
# syncfs(2) writes back a whole file system in one call; the standard library does not wrap it.
_libc: Final = ctypes.CDLL(None, use_errno=True)


def is_leftover(name: str) -> bool:
    """Return whether a folder's name is a temporary one, which only a killed process leaves behind."""
    return name.startswith(".") and name.endswith((_PARTIAL, _OLD))


def write_error(path: str, error: OSError) -> FileError:
    """Return the error for people for something that the system refused to write."""
    return FileError(printable_path(path), f"cannot be written: {error.strerror or error}")


class Place(NamedTuple):
    """A folder that trees go into: steps below a root. Symlinks in the root's path are followed, in the steps none."""

    root: str
    steps: tuple[str, ...] = ()


class _Staged(NamedTuple):
    """A tree under its temporary name, and the name that the tree it replaces has until the new one is in place."""

    folder: Folder
    name: str
    partial: str
    old: str


class Staging:
    """A batch of trees, each under a temporary name until :meth:`put_in_place` renames them all.

    A context manager. However the batch ends, no temporary name is left: its trees are in place, or gone. ``target``
    is the folder that errors name. With ``replace`` a tree takes the place of a folder that has its name.
    """

    def __init__(self, target: str, *, replace: bool) -> None:
        self._target = target
        self._replace = replace
        self._open = ExitStack()
        self._folders: dict[Place, Folder] = {}
        self._staged: list[_Staged] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._open:
            if kind is not None:
                for staged in self._staged:
                    _undo(staged)

    def add(self, place: Place, name: str, files: dict[str, Files], mode: int) -> None:
        """Write a tree under a temporary name: its own files (``""``) and the files of each folder in it.

        ``mode`` is the folders'. Raises :class:`~persistdb.errors.FileError` for a name that is taken, and
        :class:`OSError`; then nothing of the tree is left.
        """
        folder = self._folder(place)
        self._check_free(folder, name)
        staged = _Staged(folder, name, _temporary(name, _PARTIAL), _temporary(name, _OLD))
        self._staged.append(staged)  # before anything is written: an interrupt may come at any time
        try:
            with _new_folder(folder, staged.partial, mode) as tree:
                _write_files(tree, files.get("", {}))
                for inner_name, inner_files in files.items():
                    if inner_name:
                        with _new_folder(tree, inner_name, mode) as inner:
                            _write_files(inner, inner_files)
        except (FileError, OSError):
            _undo(staged)
            self._staged.remove(staged)
            raise

    def put_in_place(self) -> dict[str, FileError]:
        """Bring the batch to the disk, then rename each tree; return the errors of trees that could not be, by name."""
        try:
            self._sync()
        except OSError as error:
            failed = self._all_failed(error)
        else:
            failed = {}
        replaced = []
        for staged in self._staged:
            try:
                if staged.name not in failed and self._rename(staged):
                    replaced.append(staged)
            except FileError as error:
                failed[staged.name] = error
            except OSError as error:
                failed[staged.name] = self._error(staged, error)
            if staged.name in failed:
                shutil.rmtree(staged.partial, ignore_errors=True, dir_fd=staged.folder.fd)
        try:
            for folder in self._folders.values():
                os.fsync(folder.fd)
        except OSError as error:
            return self._all_failed(error)
        for staged in replaced:
            shutil.rmtree(staged.old, dir_fd=staged.folder.fd)
        return failed

    def _folder(self, place: Place) -> Folder:
        folder = self._folders.get(place)
        if folder is None:
            folder = self._open.enter_context(open_folder(place.root))
            for step in place.steps:
                folder = self._open.enter_context(folder.folder(step))
            self._folders[place] = folder
        return folder

    def _sync(self) -> None:
        for folder in self._folders.values():
            if _libc.syncfs(folder.fd) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))

    def _rename(self, staged: _Staged) -> bool:
        """Give a tree its name; return whether it replaced a folder, which then has the name ``staged.old``."""
        folder, name, partial, old = staged
        self._check_free(folder, name)
        if folder.kind(name) is None:
            os.rename(partial, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
            return False
        os.rename(name, old, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        try:
            os.rename(partial, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        except OSError:
            os.rename(old, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
            raise
        return True

    def _check_free(self, folder: Folder, name: str) -> None:
        kind = folder.kind(name)
        if kind is None or (kind == "folder" and self._replace):
            return
        if kind == "folder":
            raise FileError(folder.join(name), "is there already; use --replace to put this one in its place")
        raise FileError(folder.join(name), "is in the way, and is no folder")

    def _error(self, staged: _Staged, error: OSError) -> FileError:
        return write_error(os.path.join(self._target, staged.name), error)

    def _all_failed(self, error: OSError) -> dict[str, FileError]:
        return {staged.name: self._error(staged, error) for staged in self._staged}


def _undo(staged: _Staged) -> None:
    """Remove what has temporary names; a tree that was moved aside comes back if the new one is not in place yet."""
    folder, name, partial, old = staged
    shutil.rmtree(partial, ignore_errors=True, dir_fd=folder.fd)
    # If the old tree cannot come back, it stays under its temporary name: it is the only one.
    with suppress(FileError, OSError):
        if folder.kind(name) is None:
            os.rename(old, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        shutil.rmtree(old, dir_fd=folder.fd)


def _temporary(name: str, suffix: str) -> str:
    tail = f".{secrets.token_hex(4)}{suffix}"
    # The name alone may be as long as a file name can be.
    return "." + name.encode()[: _NAME_MAX - 1 - len(tail)].decode(errors="ignore") + tail


@contextmanager
def _new_folder(parent: Folder, name: str, mode: int) -> Iterator[Folder]:
    os.mkdir(name, mode, dir_fd=parent.fd)
    with parent.folder(name) as made:
        os.fchmod(made.fd, mode)  # mkdir's mode is cut by the umask
        yield made


def _write_files(folder: Folder, files: Files) -> None:
    for name, data in files.items():
        fd = os.open(
            name,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
            _FILE_MODE,
            dir_fd=folder.fd,
        )
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, _FILE_MODE)
            file.write(data)
