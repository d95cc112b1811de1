"""Locks that the engines share: the advisory locks of callers, and the one that a change of the schema takes."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.engine import Connection

SCHEMA_CHANGE = "persistdb: change of schema"
"""The name of the lock that lets one program at a time change the schema."""


def digest(name: str) -> bytes:
    """Return 32 bytes that stand for a lock's name, for engines limit the length and the characters of names."""
    return hashlib.sha256(name.encode()).digest()


class HeldLock(ABC):
    """A lock that is held."""

    @abstractmethod
    def release(self) -> bool:
        """Release the lock; false if it was not held any more."""


class ConnectionLock(HeldLock):
    """A lock that a server gives to a session: it ends with the connection, however that ends."""

    def __init__(self, connection: Connection, release: TextClause, parameters: Mapping[str, object]) -> None:
        self._connection, self._release, self._parameters = connection, release, parameters

    def release(self) -> bool:
        """Release the lock and close the session; false if the lock was lost, or the server cannot be asked."""
        if self._connection.closed:
            return False
        try:
            return bool(self._connection.execute(self._release, dict(self._parameters)).scalar_one())
        except DBAPIError:
            return False
        finally:
            self._connection.close()


class LockUnavailable(Exception):
    """Others hold the lock; ``holders`` names them."""

    def __init__(self, holders: Sequence[str]) -> None:
        super().__init__(holders)
        self.holders = holders


class StillLocked(Exception):
    """Another program is changing the schema, and the time to wait for it is over."""


class Orphans(Exception):
    """Rows whose parent is missing after the change: ``(table, rowid, parent, foreign key)`` each, the first few."""

    def __init__(self, rows: list[tuple[object, ...]]) -> None:
        super().__init__(rows)
        self.rows = rows
