"""The parts in which one runtime that keeps a folder for each container differs from another."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003  msgspec reads the structs' annotations
from typing import Final

import msgspec

from ...records import ContainerState  # noqa: TC001  as above
from ..folders import Files  # noqa: TC001  as above

CONFIG: Final = "config.json"
BUNDLE_CONFIG: Final = f"bundle/{CONFIG}"
"""The name under which the bundle's config.json is kept where a runtime needs it: it is not the runtime's to write."""


class Decoded(msgspec.Struct, kw_only=True):
    """What a container's files say.

    ``record`` has no state, and its process no start time: the files tell both only together with the machine.
    ``ticks`` is the start of the init process in clock ticks since boot, ``None`` where the runtime records none.
    ``status`` is the state that the files name, if they do. ``freezer`` is the file that tells whether the container is
    paused, if the files say where it is.
    """

    record: ContainerState
    annotations: dict[str, str]
    ticks: int | None = None
    status: str = ""
    freezer: str = ""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """One runtime.

    ``places`` are as in :class:`~persistdb.runtimes.runtime.Runtime`. ``files`` are the names of its files in a
    container's folder, the one with the state first, and ``keys`` the keys that this one always has. ``decode`` takes
    the files and the path of their folder, with a slash. ``freezer_first``: the freezer is asked before the process.
    ``bundle`` returns the bundle's path if its config.json is needed, too. ``keeps_state``: the files say the state.
    """

    name: str
    places: tuple[str, ...]
    files: tuple[str, ...]
    keys: frozenset[str]
    folder_mode: int
    decode: Callable[[Files, str], Decoded]
    bundle: Callable[[Files, str], str] | None = None
    freezer_first: bool = False
    keeps_state: bool = False
