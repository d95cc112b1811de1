"""Find the folders of sandboxes or containers that a path stands for."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from ..errors import FileError, InvalidValue
from ..validation import check_path
from .folders import Folder, open_below, open_folder, printable_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence


class Source(NamedTuple):
    """A folder to read: steps from another one, which is the root where ``place`` is the usual place it was found by.

    ``only`` is the one entry of it that is meant, ``None`` for all.
    """

    folder: str
    steps: tuple[str, ...] = ()
    place: str = ""
    only: str | None = None

    @property
    def path(self) -> str:
        """The folder's path."""
        return os.path.join(self.folder, *self.steps)

    @property
    def root(self) -> str | None:
        """The root, if it is known."""
        return self.folder if self.place else None

    @contextmanager
    def open(self) -> Iterator[Folder]:
        """Open the folder; raises :class:`~persistdb.errors.FileError`."""
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(open_below(self.folder, self.steps))
            except FileNotFoundError:
                raise FileError(printable_path(self.path), "does not exist") from None
            yield folder

    def names(self, folder: Folder) -> list[str]:
        """List the entries to read: the folders, and the symlinks, which are to be named as faults."""
        if self.only is not None:
            return [self.only]
        return [name for name, kind in folder.entries() if kind in ("folder", "symlink")]


def locate(path: str | os.PathLike[str], places: Iterable[str], own_files: Collection[str]) -> list[Source]:
    """Return what a path stands for: the usual places below a root, one sandbox's or container's folder, or all in it.

    ``own_files`` are files of which a sandbox's or container's folder has one. Raises
    :class:`~persistdb.errors.FileError` for what is no folder or cannot be read; what cannot be on the way to a usual
    place is returned in its place, so that reading it raises that, and the other places are read.
    """
    try:
        check_path("path", path)
    except InvalidValue as error:
        raise FileError(printable_path(str(path)), error.reason) from None
    path = os.fspath(path)
    with open_folder(path) as folder:
        found: dict[tuple[str, ...], Source] = {}  # two places may have the same folder on the way
        for place in places:
            for steps, _ in _expand(folder, place.split("/")):
                found.setdefault(steps, Source(path, steps, place))
        if found:
            return list(found.values())
        if any(name in own_files for name, _ in folder.entries()):
            parent, name = os.path.split(os.path.realpath(path))
            return [Source(parent, only=name)]
    return [Source(path)]


def is_root(path: str, places: Iterable[str]) -> bool:
    """Return whether a folder is a root: one that holds a usual place."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder(path))
            return any(is_readable for place in places for _, is_readable in _expand(folder, place.split("/")))
        except FileError:
            return False


def _expand(
    folder: Folder, steps: Sequence[str], taken: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the steps to each folder that a place names, in which ``*`` stands for any characters of a name.

    The steps to a folder on the way that cannot be read are yielded, too; with each is whether the folder can be.
    """
    step, *others = steps
    names = [step]
    if "*" in step:
        names = [name for name, kind in folder.entries() if kind == "folder" and fnmatchcase(name, step)]
    for name in names:
        to_here = (*taken, name)
        try:
            if folder.kind(name) not in ("folder", "symlink"):
                continue
            with folder.folder(name) as inner:
                if others:
                    yield from _expand(inner, others, to_here)
                else:
                    inner.entries()
                    yield to_here, True
        except FileNotFoundError:
            continue  # removed a moment ago
        except FileError:
            yield to_here, False
