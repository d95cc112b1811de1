"""A sandbox's lock, as its holder sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from ..errors import LockNotHeld

if TYPE_CHECKING:
    from ..engines import HeldLock


log = logging.getLogger("persistdb")


class Lock:
    """A held lock of a sandbox; ``release`` it, or use it in ``with``."""

    def __init__(self, sid: str, held: HeldLock) -> None:
        self.sid = sid
        self._held = held
        log.debug("lock of sandbox %r: taken", sid)

    def release(self) -> None:
        """Release the lock.

        Raises :class:`~persistdb.errors.LockNotHeld` if it was released before or lost with its connection.
        """
        if not self._held.release():
            raise LockNotHeld(self.sid)
        log.debug("lock of sandbox %r: released", self.sid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
