"""A queue of the connections that nobody uses, which is quicker than Python's and SQLAlchemy's.

Those take a lock and notify a condition, in Python, each time a connection is taken and each time it is returned:
1.0 µs of a get's 43, where this one takes 0.3.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")


class Unused(Generic[T]):
    """A queue, or a stack, whose users meet at a lock only where one of them has to wait.

    The methods of a deque are atomic. Whoever waits says so before the last look at it, and whoever puts something in
    looks for waiters afterwards: one of them sees the other.
    """

    Empty: ClassVar[type[Exception]] = queue.Empty
    Full: ClassVar[type[Exception]] = queue.Full

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        self.maxsize, self.use_lifo = maxsize, use_lifo
        self._items: deque[T] = deque()
        self._take = self._items.pop if use_lifo else self._items.popleft
        # a collector of garbage may return a connection while its thread waits for one
        self._returned = threading.Condition(threading.RLock())
        self._waiting = 0

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002  nobody waits to put
        """Put something in; raises ``Full``."""
        if 0 < self.maxsize <= len(self._items):
            raise self.Full
        self._items.append(item)
        if self._waiting:
            with self._returned:
                self._returned.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take something out, after waiting for so many seconds perhaps; raises ``Empty``."""
        try:
            return self._take()
        except IndexError:
            if not block:
                raise self.Empty from None
        return self._wait(threading.TIMEOUT_MAX if timeout is None else timeout)

    def _wait(self, seconds: float) -> T:
        deadline = time.monotonic() + seconds
        with self._returned:
            self._waiting += 1
            try:
                while True:
                    try:
                        return self._take()
                    except IndexError:
                        left = deadline - time.monotonic()
                    if left <= 0:
                        raise self.Empty
                    self._returned.wait(left)
            finally:
                self._waiting -= 1

    def get_nowait(self) -> T:
        """Take something out if there is something."""
        return self.get(block=False)

    def qsize(self) -> int:
        """Return how many there are."""
        return len(self._items)
