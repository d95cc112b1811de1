"""IDs that two of containerd's namespaces have: whoever chooses the ID of a container may choose it in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..validation import invalid_id

if TYPE_CHECKING:
    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository


class Namespaces:
    """The namespaces of each sandbox of the host, as they are stored and as they are found.

    Where an ID is another namespace's already, and not this one's, the sandbox is ``NAMESPACE:ID``, and stays that:
    containerd allows no colon in an ID (``pkg/identifiers``).
    """

    def __init__(self, repository: ContainerRepository) -> None:
        self._repository = repository
        self._known: dict[str, frozenset[str]] | None = None

    def apart(self, tree: SandboxTree) -> SandboxTree:
        """Return the tree, under an ID that tells it from the sandboxes of other namespaces."""
        namespace = tree.namespace
        if not namespace:
            return tree
        if self._known is None:
            self._known = self._repository.namespaces()
        qualified = f"{namespace}:{tree.sid}"
        is_taken = namespace not in self._known.get(tree.sid, {namespace})
        if (is_taken or qualified in self._known) and invalid_id(qualified) is None:
            tree = tree.renamed(qualified)
        self._known[tree.sid] = self._known.get(tree.sid, frozenset()) | {namespace}
        return tree
