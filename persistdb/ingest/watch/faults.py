"""Faults of folders: each is looked for a second time before it is reported, for a file may be half-written. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .notifier import Entry


class Faults:
    """The faults of what is followed, by their texts."""

    def __init__(self) -> None:
        self._fresh: dict[Entry, frozenset[str]] = {}
        """Those that were found once."""
        self._stale: dict[Entry, frozenset[str]] = {}
        """Those that were there again."""
        self._held: set[str] = set()
        """All that are not reported: of the first kind, until what was read with them is stored."""

    def find(self, entries: Iterable[Entry], faults: frozenset[str]) -> list[Entry]:
        """Take the faults with which folders were read; return those that are to be read again before a report."""
        again = []
        for entry in entries:
            if faults in (self._fresh.pop(entry, None), self._stale.get(entry)):
                self._stale[entry] = faults
                self._held -= faults
            else:
                self._fresh[entry] = faults
                self._held |= faults
                again.append(entry)
        return again

    def forget(self, entry: Entry) -> None:
        """Note that a folder has none."""
        self._fresh.pop(entry, None)
        self._stale.pop(entry, None)

    def is_held(self, fault: str) -> bool:
        """Return whether a fault was found once only, so that it is not to be reported yet."""
        return fault in self._held

    def all_is_stored(self) -> None:
        """Note that all that was read is stored: faults that were found once and are not there any more are over."""
        self._held = set().union(*self._fresh.values())
