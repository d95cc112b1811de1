"""Locks on a database in memory, which is one process's: they are in its memory, too."""

from __future__ import annotations

import os
import threading

from .. import waiting
from ..locks import HeldLock, LockUnavailable


class MemoryLocks:
    """The locks on one database, by their names."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        # how often a lock is held shared, and -1 while it is held exclusively
        self._held: dict[str, int] = {}

    def take(self, name: str, *, shared: bool, timeout: float) -> HeldLock:
        """Take a lock, waiting ``timeout`` seconds at the most.

        Raises :class:`~persistdb.engines.locks.LockUnavailable`.
        """
        # not a wait for a condition, which would keep a task's event loop from the one that holds the lock
        pauses = waiting.Pauses(timeout)
        while not self._try(name, shared=shared):
            if not pauses.wait():
                raise LockUnavailable([f"this process ({os.getpid()})"])
        return MemoryLock(self, name, shared=shared)

    def _try(self, name: str, *, shared: bool) -> bool:
        with self._mutex:
            held = self._held.get(name, 0)
            if held < 0 or (held > 0 and not shared):
                return False
            self._held[name] = held + 1 if shared else -1
            return True

    def start_again(self) -> None:
        """Hold none, in a child: a thread of the parent may have had the mutex when it forked."""
        self._mutex, self._held = threading.Lock(), {}

    def release(self, name: str, *, shared: bool) -> None:
        """Release a lock that is held."""
        with self._mutex:
            held = self._held.pop(name)
            if shared and held > 1:
                self._held[name] = held - 1


class MemoryLock(HeldLock):
    """A lock that is held in this process's memory."""

    def __init__(self, locks: MemoryLocks, name: str, *, shared: bool) -> None:
        super().__init__()
        self._locks: MemoryLocks | None = locks
        self._name, self._shared = name, shared

    def leave_to_parent(self) -> None:
        """Forget it: the memory of a child of fork(2) is a copy, with a database and locks that nobody else has."""
        if self._locks is not None:
            self._locks.start_again()
        self._locks = None

    def release(self) -> bool:
        """Release the lock; false if it was released before."""
        locks, self._locks = self._locks, None
        if locks is None:
            return False
        locks.release(self._name, shared=self._shared)
        return True
