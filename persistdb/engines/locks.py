"""Locks that the engines share: the advisory locks of callers, and the one that a change of the schema takes."""

from __future__ import annotations

import hashlib
import os
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.engine import Connection

    from .deadlines import Bounded

SCHEMA_CHANGE = "persistdb: change of schema"
"""The name of the lock that lets one program at a time change the schema."""


def digest(name: str) -> bytes:
    """Return 32 bytes that stand for a lock's name, for engines limit the length and the characters of names."""
    return hashlib.sha256(name.encode()).digest()


class HeldLock(ABC):
    """A lock that is held, by this process: a child of fork(2) does not hold its parent's."""

    def __init__(self) -> None:
        _held.add(self)

    @abstractmethod
    def leave_to_parent(self) -> None:
        """Forget the lock, in a child of the process that holds it."""

    @abstractmethod
    def release(self) -> bool:
        """Release the lock; false if it was not held any more."""


def detach(connection: Connection) -> Any:
    """Take a connection out of its pool, for a session of its own, and return the driver's."""
    driver = connection.connection.dbapi_connection
    connection.detach()
    return driver


def close_detached(connection: Connection, driver: Any) -> None:
    """Close a session of its own: of a detached one for asyncio SQLAlchemy closes nothing if it was interrupted."""
    connection.close()
    dialect = connection.dialect
    if dialect.is_async:
        end = dialect.do_terminate if dialect.has_terminate else dialect.do_close
        end(driver)


class ConnectionLock(HeldLock):
    """A lock that a server gives to a session: it ends with the connection, however that ends."""

    def __init__(
        self,
        connection: Connection,
        driver: Any,
        release: TextClause,
        parameters: Mapping[str, object],
        bounded: Callable[[Connection], Bounded],
    ) -> None:
        super().__init__()
        self._connection: Connection | None = connection
        self._driver = driver
        self._release, self._parameters, self._bounded = release, parameters, bounded

    def leave_to_parent(self) -> None:
        """Keep the connection open and unused: to close it would end the parent's session."""
        _of_parent.append(self._connection)
        self._connection = None

    def release(self) -> bool:
        """Release the lock and close the session; false if the lock was lost, or the server does not answer."""
        if self._connection is None or self._connection.closed:
            return False
        with self._bounded(self._connection):
            try:
                return bool(self._connection.execute(self._release, dict(self._parameters)).scalar_one())
            except DBAPIError:
                return False
            finally:
                close_detached(self._connection, self._driver)


_held: weakref.WeakSet[HeldLock] = weakref.WeakSet()
_of_parent: list[object] = []


def _leave_locks_to_parent() -> None:
    for lock in _held:
        lock.leave_to_parent()


os.register_at_fork(after_in_child=_leave_locks_to_parent)


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
