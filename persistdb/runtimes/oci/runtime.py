"""A runtime that keeps one folder for each container, as the interface of all runtimes has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import reader, writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...records import Sandbox
    from ..folders import Folder
    from ..runtime import Entry, Reading, Writing
    from ..tree import SandboxTree, Written
    from .traits import Traits


class OCIRuntime:
    """One such runtime, by its traits; see :class:`~persistdb.runtimes.runtime.Runtime` for the methods."""

    def __init__(self, traits: Traits) -> None:
        self.traits = traits
        self.name = traits.name
        self.places = traits.places
        self.own_files = frozenset({traits.files[0]})
        self.keeps_state = traits.keeps_state
        # files are kept as they are, so it does not matter which release wrote them
        self.layouts = frozenset({traits.name})

    def recognises(self, entry: Entry) -> bool:
        """Return whether the file with the state has the keys that it always has."""
        return self.traits.keys <= entry.keys(self.traits.files[0])

    def read(self, folder: Folder, names: Iterable[str], reading: Reading) -> Iterator[SandboxTree]:
        """Read containers, and yield their sandboxes, each with all its containers in the folder."""
        return reader.read(self.traits, folder, names, reading)

    def write(self, sandboxes: Iterable[Sandbox], destination: str, writing: Writing) -> Iterator[Written]:
        """Write containers' files as they were read; a container that was changed since is refused."""
        return writer.write(self.traits, sandboxes, destination, writing)
