"""Wait until what changes is quiet, but not for ever. Pure: the caller has the clock."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")


class Debounce(Generic[K]):
    """Keys that have changed: each is due when it was ``quiet`` for so many seconds, or ``longest`` after its change.

    So what changes all the time is due again and again, every ``longest`` seconds.
    """

    def __init__(self, quiet: float, longest: float) -> None:
        self._quiet, self._longest = quiet, max(quiet, longest)
        self._changed: dict[K, tuple[float, float]] = {}
        self._retries: dict[K, float] = {}
        self._order: list[tuple[float, int, K]] = []  # no later than each is due
        self._number = 0

    def __contains__(self, key: K) -> bool:
        return key in self._changed

    def __len__(self) -> int:
        return len(self._changed)

    def mark(self, key: K, now: float) -> None:
        """Note that a key has changed."""
        first, _ = self._changed.get(key, (now, now))
        if key not in self._changed:
            self._push(now + self._quiet, key)
        self._changed[key] = first, now

    def retry(self, key: K, at: float) -> None:
        """Let a key be due at a time, unless it is before, by then."""
        self._retries[key] = at
        self._push(at, key)

    def discard(self, is_unwanted: Callable[[K], bool]) -> None:
        """Forget some keys."""
        for key in [key for key in self._changed.keys() | self._retries.keys() if is_unwanted(key)]:
            self._changed.pop(key, None)
            self._retries.pop(key, None)

    def forget(self) -> None:
        """Forget all keys."""
        self._changed.clear()
        self._retries.clear()
        self._order.clear()

    def due(self, now: float) -> dict[K, float]:
        """Take the keys that are due, each with the time of its first change."""
        found: dict[K, float] = {}
        while self._order and self._order[0][0] <= now:
            _, _, key = heapq.heappop(self._order)
            at = self._due_at(key)
            if at is None:
                continue
            if at > now:
                self._push(at, key)
                continue
            found[key] = self._changed.pop(key, (self._retries.get(key, now), 0))[0]
            self._retries.pop(key, None)
        return found

    def all(self) -> dict[K, float]:
        """Take all keys that have changed, due or not."""
        found = {key: first for key, (first, _) in self._changed.items()}
        self.forget()
        return found

    def next(self) -> float | None:
        """Return a time by which something may be due; ``None`` if nothing will be."""
        return self._order[0][0] if self._order else None

    def _due_at(self, key: K) -> float | None:
        times = []
        if key in self._changed:
            first, last = self._changed[key]
            times.append(min(last + self._quiet, first + self._longest))
        if key in self._retries:
            times.append(self._retries[key])
        return min(times, default=None)

    def _push(self, at: float, key: K) -> None:
        self._number += 1
        heapq.heappush(self._order, (at, self._number, key))
