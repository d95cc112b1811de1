"""A sandbox's lock, as its holder sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from ..errors import LockLost, LockNotHeld

if TYPE_CHECKING:
    from ..schema.leases import Lease


log = logging.getLogger("persistdb")


def lock_name(host: str, sid: str) -> str:
    """Return the name of a sandbox's lock, which no other sandbox has."""
    return f"{host.replace('%', '%25').replace('/', '%2F')}/{sid}"


class Lock:
    """A held lock of a sandbox; ``release`` it, or use it in ``with``."""

    def __init__(self, sid: str, lease: Lease) -> None:
        self.sid = sid
        self._lease = lease
        log.debug("lock of sandbox %r: taken", sid)

    @property
    def fencing_number(self) -> int:
        """A number that is greater for whoever gets the lock later: what it protects can refuse a smaller one."""
        return self._lease.number

    @property
    def lost(self) -> bool:
        """Whether it is not certain that the lock is still held: its lease is over, or others have taken it."""
        return self._lease.over or self._lease.lost

    def check(self) -> None:
        """Raise :class:`~persistdb.errors.LockLost`, or :class:`~persistdb.errors.LockNotHeld`, unless it is held."""
        if self._lease.over:
            raise LockNotHeld(self.sid)
        if self._lease.lost:
            raise LockLost(self.sid, self.fencing_number)

    def release(self) -> None:
        """Release the lock.

        Raises :class:`~persistdb.errors.LockNotHeld` if it was released before, and
        :class:`~persistdb.errors.LockLost` if others may have held it in the meantime. On an error of the database it
        ends within ``Timeouts.lease``.
        """
        if self._lease.over:
            raise LockNotHeld(self.sid)
        if not self._lease.release():
            raise LockLost(self.sid, self.fencing_number)
        log.debug("lock of sandbox %r: released", self.sid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
