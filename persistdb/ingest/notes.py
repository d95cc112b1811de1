"""Notes on what the files of a sandbox do not say any more, though the database does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NotFound, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository


def losses(tree: SandboxTree, repository: ContainerRepository) -> Iterator[str]:
    """Yield a sentence for each container that goes although its folder is there, and for each state that goes blank.

    The database is asked only where the files give reason to.
    """
    blank = [cid for cid, (record, _) in tree.containers.items() if not record.state]
    if tree.record is None or not (tree.stateless or blank or not tree.record.state):
        return
    try:
        stored = repository.load_sandbox(tree.sid)
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


def _blank(path: str, state: str) -> str:
    return f"{path} has no state: in the database it was {state!r}, and is blank from now on"
