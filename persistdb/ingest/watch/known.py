"""Which sandbox each folder of a place is of, as it was last read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...validation import invalid_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from collections.abc import Set as AbstractSet

    from ...runtimes.tree import SandboxTree


def entries_of(tree: SandboxTree) -> frozenset[str]:
    """Return the names of the folders that a sandbox was read from.

    Kata has one for each sandbox, the other runtimes one for each container. What cannot be read is its own folder's.
    """
    if tree.runtime == "kata" or not tree.containers:
        return frozenset({tree.sid})
    return frozenset(tree.containers)


class Known:
    """The sandboxes of one place."""

    def __init__(self) -> None:
        self._sids: dict[str, str] = {}
        self._entries: dict[str, set[str]] = {}
        self.faulty: set[str] = set()
        """The folders that could not be read whole."""

    def __contains__(self, name: str) -> bool:
        return name in self._sids or name in self.faulty

    def names(self) -> AbstractSet[str]:
        """Return the names of all folders that are known."""
        return self._sids.keys() | self.faulty

    def siblings(self, names: Iterable[str]) -> set[str]:
        """Return the folders of the sandboxes that folders are of, and those that may be of any."""
        found = set(names) | self.faulty
        for name in tuple(found):
            found |= self._entries.get(self._sids.get(name, ""), set())
        return found

    def others(self, trees: Iterable[SandboxTree], names: Collection[str]) -> set[str]:
        """Return the folders of sandboxes that were read, so far as they were not among those that were."""
        return {entry for tree in trees for entry in self._entries.get(tree.sid, ())}.difference(names)

    def update(self, names: Iterable[str], trees: Iterable[SandboxTree]) -> list[str]:
        """Take what was read of folders; return the sandboxes that are in none any more."""
        trees = list(trees)
        read = {entry for tree in trees for entry in entries_of(tree)}
        before: set[str] = set()
        is_unread = {tree.sid for tree in trees if tree.record is None and not tree.containers}
        for name in names:
            self.faulty.discard(name)
            if name in is_unread:
                continue  # what it was last is what it is, until it can be read
            sid = self._sids.pop(name, None)
            if sid is not None:
                before.add(sid)
                self._entries[sid].discard(name)
            elif name not in read and invalid_id(name) is None:
                before.add(name)  # it may be stored from before this process
        for tree in trees:
            self.add(tree)
        gone = [sid for sid in sorted(before) if not self._entries.get(sid)]
        for sid in gone:
            self._entries.pop(sid, None)
        return gone

    def add(self, tree: SandboxTree) -> None:
        """Take what was read of a sandbox."""
        entries = entries_of(tree)
        if tree.faults:
            self.faulty |= entries
        if tree.record is None and not tree.containers:
            return
        for name in entries:
            other = self._sids.get(name)
            if other is not None and other != tree.sid:
                self._entries[other].discard(name)
            self._sids[name] = tree.sid
        self._entries.setdefault(tree.sid, set()).update(entries)
