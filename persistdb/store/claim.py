"""The claim of the one process that follows a host's files: a lock, which ends with it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import AlreadyWatched, DatabaseError
from ..schema.leases import LockUnavailable
from .locks import lock_name

if TYPE_CHECKING:
    from ..schema.leases import Lease
    from .repository import ContainerRepository


class Claim:
    """The claim to a host, taken at once or not at all.

    Raises :class:`~persistdb.errors.AlreadyWatched`, which names the process that has it.
    """

    def __init__(self, repository: ContainerRepository) -> None:
        self._repository = repository
        self._lease = self._take()

    def _take(self) -> Lease:
        host = self._repository.host
        # no sandbox's lock: an ID has no slash
        name = f"{lock_name(host, '')}/watch"
        try:
            return self._repository.database.leases.take(name, shared=False, timeout=0)
        except LockUnavailable as error:
            raise AlreadyWatched(host, error.holders) from None

    def check(self) -> None:
        """Take it again if it was lost, as it is when the database was away for long.

        Raises :class:`~persistdb.errors.AlreadyWatched` if another process has it now.
        """
        if self._lease.lost:
            with suppress(DatabaseError):
                self._lease.release()
            self._lease = self._take()

    def release(self) -> None:
        """Give it up; if the database is away, it ends by itself."""
        with suppress(DatabaseError):
            self._lease.release()
