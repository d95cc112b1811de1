"""An import beside a follower, which reads and stores single sandboxes of the same folders meanwhile."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  msgspec reads the struct's annotations
from typing import Protocol

import msgspec

from ..runtimes.places import Source  # noqa: TC001  as above
from ..runtimes.tree import SandboxTree  # noqa: TC001  as above


class Entries(msgspec.Struct, kw_only=True):
    """Some folders of a place, as they were read at the time ``began``.

    ``names`` are the folders' names. ``trees`` are the sandboxes in them, each with all its containers. ``gone`` has
    the IDs of sandboxes that were in them and are in none of them any more.
    """

    source: Source
    began: datetime
    names: frozenset[str]
    trees: list[SandboxTree]
    gone: list[str]


class Turns(Protocol):
    """The follower, as an import that reads whole folders sees it.

    What one of them read later must not be stored before what the other read earlier. So the import leaves out the
    sandboxes that the follower has yet to read or to store; and that stores nothing while the import lasts.
    """

    def take(self, source: Source, tree: SandboxTree) -> bool:
        """Return whether the import is to store what it has read."""
