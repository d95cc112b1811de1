"""What an import says of trees: what they do not say any more though the database does, and what is where."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import FileError, NotFound, Unreadable
from ..runtimes.known import runtime_named
from ..runtimes.tree import SandboxTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..store.repository import ContainerRepository


class Losses:
    """Sentences about what an import loses: containers that go although their folders are there, states that go blank.

    The database is asked only where the files give reason to: once for the IDs of its sandboxes, and for a sandbox that
    is among them.
    """

    def __init__(self, repository: ContainerRepository) -> None:
        self._repository = repository

    @cached_property
    def _stored(self) -> frozenset[str]:
        return frozenset(self._repository.sandbox_ids())

    def of(self, tree: SandboxTree) -> Iterator[str]:
        """Yield the sentences about a tree that is about to be stored."""
        blank = [cid for cid, (record, _) in tree.containers.items() if not record.state]
        if tree.record is None or not (tree.stateless or blank or not tree.record.state):
            return
        if tree.sid not in self._stored:
            return
        try:
            stored = self._repository.load_sandbox(tree.sid)
        except (NotFound, Unreadable):
            return
        for cid, path in sorted(tree.stateless.items()):
            if cid in stored.containers:
                yield f"{path} does not exist: container {cid!r} of sandbox {tree.sid!r} is removed from the database"
        if stored.record.state and not tree.record.state:
            yield _blank(tree.file_of(), stored.record.state)
        for cid in blank:
            if cid in stored.containers and stored.containers[cid].record.state:
                yield _blank(tree.file_of(cid), stored.containers[cid].record.state)


def containers_without_state(tree: SandboxTree) -> int:
    """Return how many containers have no state because their runtime does not write it down."""
    if runtime_named(tree.runtime).keeps_state:
        return 0
    return sum(not record.state for record, _ in tree.containers.values())


def without_content(tree: SandboxTree, folder: str, runtime: str) -> SandboxTree:
    """Return a tree that stores nothing, for a sandbox whose ID was found in another folder or of another runtime."""
    fault = FileError(
        tree.path,
        f"not stored: a sandbox of {runtime} with its ID is in {folder}, too; "
        "import this one for a host of another name",
    )
    return SandboxTree(sid=tree.sid, path=tree.path, faults=[*tree.faults, fault], runtime=tree.runtime)


def of_runtimes(numbers: Mapping[str, int]) -> str:
    """Say how many sandboxes there are of each runtime."""
    return ", ".join(
        f"{number} {'sandbox' if number == 1 else 'sandboxes'} of {name}" for name, number in numbers.items()
    )


def _blank(path: str, state: str) -> str:
    return f"{path} has no state: in the database it was {state!r}, and is blank from now on"
