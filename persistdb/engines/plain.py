"""Connections to a file without SQLAlchemy, whose import takes longer than most commands.

They are used until somebody asks for SQLAlchemy's engine, or imports it: then each is closed as it is returned. They
are opened and closed as the engine's are (``engines/sqlite/connecting.py``).
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, cast

from .unused import Unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.pool import PoolProxiedConnection


class AllInUse(Exception):
    """All connections were in use for as long as one may be waited for."""


class Pooled:
    """A place for a connection: the part of SQLAlchemy's ``PoolProxiedConnection`` that units of work need.

    One that is forgotten is replaced: an interrupt may come between two lines, where nobody holds it yet, or any more.
    """

    __slots__ = ("_connections", "dbapi_connection", "info")

    def __init__(self, connections: weakref.ref[Connections]) -> None:
        self._connections = connections  # weak, so that there is no place to be replaced in what is gone
        self.dbapi_connection: Any = None
        self.info: dict[Any, Any] = {}

    @property
    def is_valid(self) -> bool:
        """Whether there is a connection."""
        return self.dbapi_connection is not None

    def rollback(self) -> None:
        """Roll back."""
        self.dbapi_connection.rollback()

    def invalidate(self, error: BaseException | None = None) -> None:  # noqa: ARG002  SQLAlchemy's signature
        """Close it: another one takes its place."""
        connections = self._connections()
        if connections is not None:
            connections.shut(self)

    def close(self) -> None:
        """Return it."""
        connections = self._connections()
        if connections is not None:
            connections.put(self)

    def __del__(self) -> None:
        connections = self._connections()
        if connections is not None:
            connections.replace(self)


class Connections:
    """Up to ``size`` connections to a file, of which each is used by one thread at a time."""

    def __init__(
        self,
        size: int,
        timeout: float,
        *,
        connect: Callable[[dict[Any, Any]], Any],
        is_over: Callable[[dict[Any, Any]], bool],
        closed: Callable[[Any, dict[Any, Any]], object],
    ) -> None:
        self._timeout = timeout
        self._connect, self._is_over, self._closed = connect, is_over, closed
        self._ended = False
        self._reference = weakref.ref(self)
        self._places: Unused[Pooled] = Unused(use_lifo=True)
        for _ in range(size):
            self._places.put(Pooled(self._reference))

    def connect(self) -> PoolProxiedConnection:
        """Take a connection, or open one; raises :class:`AllInUse`, and errors of opening."""
        try:
            pooled = self._places.get(timeout=self._timeout)
        except self._places.Empty:
            raise AllInUse from None
        try:
            if pooled.dbapi_connection is not None and self._is_over(pooled.info):
                self.shut(pooled)
            if pooled.dbapi_connection is None:
                pooled.info = {}
                pooled.dbapi_connection = self._connect(pooled.info)
        except BaseException:
            self._places.put(pooled)
            raise
        return cast("PoolProxiedConnection", pooled)

    def put(self, pooled: Pooled) -> None:
        """Take a connection back."""
        try:
            if self._ended:
                self.shut(pooled)
        finally:
            self._places.put(pooled)
        if self._ended:  # meanwhile, perhaps
            self._shut_unused()

    def shut(self, pooled: Pooled) -> None:
        """Close a connection."""
        driver, pooled.dbapi_connection = pooled.dbapi_connection, None
        if driver is not None:
            self._closed(driver, pooled.info)
            driver.close()

    def replace(self, pooled: Pooled) -> None:
        """Close a connection that was not returned, and put a new place in its own."""
        try:
            self.shut(pooled)
        finally:
            self._places.put(Pooled(self._reference))

    def end(self) -> None:
        """Close what nobody uses now, and the others as they are returned."""
        self._ended = True
        self._shut_unused()

    def _shut_unused(self) -> None:
        places = []
        try:
            while True:
                places.append(self._places.get_nowait())
        except self._places.Empty:
            pass
        for pooled in places:
            try:
                self.shut(pooled)
            finally:
                self._places.put(pooled)  # who waits for one opens a new one, which is closed like the others
