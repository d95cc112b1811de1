"""Where the folders are that are followed, and the folders on the way to them, for one may come or be replaced."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ...errors import FileError
from ...runtimes.trees import locate, own_root, places_of, usual_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...runtimes.places import Source
    from ...runtimes.runtime import Runtime


class Places:
    """The folders that paths stand for, or without any path the usual places of this machine, now and later."""

    def __init__(self, paths: Sequence[str], runtime: Runtime | None) -> None:
        self.paths = tuple(os.path.abspath(path) for path in paths)
        """In the form in which a folder has the same path whoever reads it: absolute, without a slash at the end."""
        self._runtime = runtime
        self._patterns = [place.split("/") for place in places_of(runtime)]

    def sources(self) -> list[Source]:
        """Return the folders that are there now."""
        if not self.paths:
            return usual_places(self._runtime)
        found: dict[Source, None] = {}
        for path in self.paths:
            try:
                found.update(dict.fromkeys(locate(path, self._runtime)))
            except FileError:
                continue  # not yet there
        return list(found)

    def ways(self) -> dict[str, frozenset[str] | None]:
        """Return the folders on the way, with the names in them that lead there; ``None`` stands for all names."""
        ways: dict[str, set[str] | None] = {}
        if not self.paths:
            self._add_patterns(ways, own_root())
        for path in self.paths:
            for each in dict.fromkeys((path, os.path.realpath(path))):
                _add(ways, "/", each.strip("/").split("/"))
            self._add_patterns(ways, path)  # it may be a root
        return {path: None if names is None else frozenset(names) for path, names in ways.items()}

    def _add_patterns(self, ways: dict[str, set[str] | None], root: str) -> None:
        for steps in self._patterns:
            _add(ways, root, steps)


def _add(ways: dict[str, set[str] | None], root: str, steps: Sequence[str]) -> None:
    """Add the folders between a root and what steps from it lead to."""
    folders: Iterable[str] = [root]
    for step in steps:
        found = []
        for folder in folders:
            names = ways.setdefault(folder, set())
            if "*" in step:
                ways[folder] = None
                found += [os.path.join(folder, name) for name in _folders(folder) if fnmatchcase(name, step)]
            else:
                if names is not None:
                    names.add(step)
                found.append(os.path.join(folder, step))
        folders = [folder for folder in found if os.path.isdir(folder)]


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
