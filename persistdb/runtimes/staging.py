"""Write trees of files so that each is there as a whole or not at all.

A tree is written to a :mod:`work folder <persistdb.runtimes.workfolder>`, brought to the disk and renamed, so a reader
finds a whole tree or none, also after a crash. A tree that replaces another is exchanged with it in one step, so there
is always one of them; only where the system cannot do that, a crash may leave none, until the next run puts the old one
back.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from ..errors import FileError
from . import syscalls
from .folders import Folder, open_below, printable_path
from .workfolder import WorkFolder, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .folders import Files

_FILE_MODE: Final = 0o600

BATCH: Final = 64
"""Sandboxes whose files are brought to the disk together: to sync each takes longer than everything else together."""


def write_error(path: str, error: OSError) -> FileError:
    """Return the error for people for something that the system refused to write."""
    return FileError(printable_path(path), f"cannot be written: {error.strerror or error}")


class Place(NamedTuple):
    """A folder that trees go into: steps below a root. Symlinks in the root's path are followed, in the steps none."""

    root: str
    steps: tuple[str, ...] = ()

    def open(self) -> AbstractContextManager[Folder]:
        """Open the folder; raises :class:`~persistdb.errors.FileError` and :class:`FileNotFoundError`."""
        return open_below(self.root, self.steps)

    def make(self, mode: int) -> None:
        """Make those of the steps that do not exist; raises :class:`OSError`."""
        path = self.root
        for step in self.steps:
            path = os.path.join(path, step)
            with suppress(FileExistsError):
                os.mkdir(path, mode)


def clean(place: Place) -> None:
    """Remove from a folder what exports that were killed have left there."""
    with suppress(FileError, FileNotFoundError), place.open() as folder:
        remove_leftovers(folder)


class _Target(NamedTuple):
    """An open folder that trees go into, and the work folder in it."""

    folder: Folder
    owner: WorkFolder
    work: Folder


class _Staged(NamedTuple):
    """A tree in a work folder, under a number, and the name that it gets."""

    target: _Target
    number: str
    name: str


class Staging:
    """A batch of trees, each in a work folder until :meth:`put_in_place` renames them all.

    A context manager. However the batch ends, no work folder is left: its trees are in place, or gone. ``target`` is
    the folder that errors name. With ``replace`` a tree takes the place of a folder that has its name.
    """

    def __init__(self, target: str, *, replace: bool) -> None:
        self._target = target
        self._replace = replace
        self._open = ExitStack()
        self._targets: dict[Place, _Target] = {}
        self._owners: list[WorkFolder] = []
        self._staged: list[_Staged] = []
        self._keep_work = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            for owner in self._owners:
                owner.close(keep=self._keep_work)

    def check_free(self, place: Place, name: str) -> None:
        """Raise :class:`~persistdb.errors.FileError` for a name that is taken."""
        self._check_free(self._open_target(place).folder, name)

    def add(self, place: Place, name: str, files: dict[str, Files], mode: int) -> None:
        """Write a tree to the work folder: its own files (``""``) and the files of each folder in it.

        ``mode`` is the folders'. Raises :class:`~persistdb.errors.FileError` for a name that is taken, and
        :class:`OSError`; then nothing of the tree is left.
        """
        target = self._open_target(place)
        self._check_free(target.folder, name)
        staged = _Staged(target, str(len(self._staged)), name)
        try:
            with _new_folder(target.work, staged.number, mode) as tree:
                _write_files(tree, files.get("", {}))
                for inner_name, inner_files in files.items():
                    if inner_name:
                        with _new_folder(tree, inner_name, mode) as inner:
                            _write_files(inner, inner_files)
        except (FileError, OSError):
            _discard(target.work, staged.number)
            raise
        self._staged.append(staged)

    def put_in_place(self) -> dict[str, FileError]:
        """Bring the batch to the disk, then rename each tree; return the errors of trees that could not be, by name."""
        try:
            for target in self._targets.values():
                syscalls.sync_file_system(target.folder.fd)
        except OSError as error:
            return self._all_failed(error)
        failed = {}
        for staged in self._staged:
            try:
                if staged.name not in failed:
                    self._rename(staged)
            except FileError as error:
                failed[staged.name] = error
            except OSError as error:
                failed[staged.name] = self._error(staged, error)
        try:
            for target in self._targets.values():
                os.fsync(target.folder.fd)
        except OSError as error:
            self._keep_work = True  # the replaced trees are in it, and whether the new ones are on the disk is unknown
            return self._all_failed(error)
        return failed

    def _open_target(self, place: Place) -> _Target:
        target = self._targets.get(place)
        if target is None:
            folder = self._open.enter_context(place.open())
            owner = WorkFolder(folder)
            self._owners.append(owner)
            target = self._targets[place] = _Target(folder, owner, owner.create())
        return target

    def _rename(self, staged: _Staged) -> None:
        """Give a tree its name; a tree that it replaces goes to the work folder."""
        (folder, _, work), number, name = staged
        self._check_free(folder, name)
        if folder.kind(name) is None:
            os.rename(number, name, src_dir_fd=work.fd, dst_dir_fd=folder.fd)
        elif not syscalls.exchange(number, work.fd, name, folder.fd):
            _replace_in_two_steps(staged)

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


def _replace_in_two_steps(staged: _Staged) -> None:
    (folder, owner, work), number, name = staged
    with owner.old(work) as old:
        _discard(old, name)  # a tree that an earlier one of this batch with the same name replaced
        os.rename(name, name, src_dir_fd=folder.fd, dst_dir_fd=old.fd)
        try:
            os.rename(number, name, src_dir_fd=work.fd, dst_dir_fd=folder.fd)
        except OSError:
            os.rename(name, name, src_dir_fd=old.fd, dst_dir_fd=folder.fd)
            raise


def _discard(folder: Folder, name: str) -> None:
    shutil.rmtree(name, ignore_errors=True, dir_fd=folder.fd)


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
