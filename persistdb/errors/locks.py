"""Errors of locks, and of the one watcher of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import PersistDBError

if TYPE_CHECKING:
    from collections.abc import Sequence


class LockTimeout(PersistDBError):
    """A sandbox's lock that could not be obtained in time."""

    sid: str
    timeout: float
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        by = " and ".join(self.holders) or "somebody who has released it since"
        return f"lock of sandbox {self.sid!r} not obtained in {self.timeout:g} s: held by {by}"


class LockNotHeld(PersistDBError):
    """A lock that is not held: it was released before, or is held by the parent of this process."""

    sid: str

    def __str__(self) -> str:
        return f"lock of sandbox {self.sid!r} is not held: it was released before, or this process's parent holds it"


class LockLost(LockNotHeld):
    """A lock that was not renewed in time, so that others may have held it since: what it protected is in doubt.

    Whoever held it later has a greater ``fencing_number``.
    """

    fencing_number: int = 0

    def __str__(self) -> str:
        return (
            f"lock of sandbox {self.sid!r} (number {self.fencing_number}) was lost: it was not renewed within its "
            "lease, and others may have held it since; look at what it protected before you go on"
        )


class AlreadyWatched(PersistDBError):
    """A host whose folders another process follows already."""

    host: str
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        by = " and ".join(self.holders) or "a process that has just ended"
        return f"host {self.host!r} is watched already, by {by}: end that first, or give another --host"
