"""Write stored sandboxes back, each by the runtime whose files it came from."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from ..validation import check_path
from .known import PLACES, RUNTIMES, runtime_of
from .places import is_root
from .runtime import Writing
from .staging import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records import Sandbox
    from .tree import Written


def write_trees(
    sandboxes: Iterable[Sandbox],
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> Iterator[Written]:
    """Write sandboxes into a folder as their runtimes had them, and yield the outcome for each.

    The folder is created if it does not exist. Kata's sandboxes are written as
    :func:`persistdb.runtimes.kata.write_trees` says, each other container into a folder with its ID. If the folder is a
    root, which holds a usual place of a runtime, each runtime's go to its own, Kata's if that exists. ``layout`` is
    Kata's: containers of others are refused then, and so are the ones that were changed since they were read.
    """
    check_path("destination", destination)
    target = os.fspath(destination)
    writing = Writing(is_root=is_root(target, PLACES), layout=layout, allow_loss=allow_loss, replace=replace)
    remaining = iter(sandboxes)
    while batch := list(islice(remaining, BATCH)):
        for runtime in RUNTIMES:
            own = [sandbox for sandbox in batch if runtime_of(sandbox) is runtime]
            if own:
                yield from runtime.write(own, target, writing)
