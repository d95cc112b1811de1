"""Kata Containers, as the interface of all runtimes has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .detect import is_old_state, is_runtime_rs
from .layouts import NAMES
from .paths import OWN_FILES, PERSIST, PLACE, STATE
from .reader import read_entries
from .writer import write_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...records import Sandbox
    from ..folders import Folder
    from ..runtime import Entry, Reading, Writing
    from ..tree import SandboxTree, Written


class Kata:
    """Kata Containers; see :class:`~persistdb.runtimes.runtime.Runtime` for the methods."""

    name: Final = "kata"
    places: Final = (PLACE,)
    own_files: Final = OWN_FILES
    layouts: Final = frozenset(NAMES)
    keeps_state: Final = True

    def recognises(self, entry: Entry) -> bool:
        """Return whether a sandbox's folder has a file that is Kata's alone, or an old store's by its keys."""
        return PERSIST in entry.files or is_old_state(entry.keys(STATE)) or is_runtime_rs(entry.keys(STATE))

    def read(self, folder: Folder, names: Iterable[str], reading: Reading) -> Iterator[SandboxTree]:
        """Read sandboxes; their files tell the state, whether the sandbox lives on this machine or not."""
        return read_entries(folder, names, reading.root)

    def write(self, sandboxes: Iterable[Sandbox], destination: str, writing: Writing) -> Iterator[Written]:
        """Write sandboxes in the layout of each, or in another."""
        return write_batch(sandboxes, destination, writing)


KATA: Final = Kata()
