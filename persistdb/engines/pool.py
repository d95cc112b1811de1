"""The pool of threads: SQLAlchemy's, with a quicker queue, and connections for units of work without its proxy.

SQLAlchemy makes a proxy and a finalizer each time a connection is taken. A unit of work takes the pool's own place for
a connection instead: a third of the calls of Python functions in a get were for the proxy. Whoever listens to the pool,
or reads its log, is to hear of all connections that are taken: then units of work take the proxy, too.
"""

from __future__ import annotations

import logging
import os
import sys
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.pool import QueuePool
from sqlalchemy.pool.base import _ConnectionRecord
from sqlalchemy.util import queue

from . import unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

NEW = "new"
"""The key of a new connection's ``info`` under which a listener may note what its first user is to take out."""

# Connections of a parent, which its child must not close
_of_parent: list[object] = []


class Unused(unused.Unused[T], queue.QueueCommon[T]):
    """The queue with SQLAlchemy's own errors."""

    Empty, Full = queue.Empty, queue.Full


class Place(_ConnectionRecord):
    """A place for a connection, and what a unit of work needs of SQLAlchemy's ``PoolProxiedConnection``.

    Only the queue or its user holds it. One that is forgotten closes its connection, and is replaced: an interrupt may
    come between two lines, where nobody holds it yet, or any more.
    """

    is_taken = False
    is_counted = False
    """Whether the pool counts it among its connections: SQLAlchemy has its new one, and has not given it up."""

    def __init__(self, pool: Pool, connect: bool = True) -> None:
        self.dbapi_connection = None
        self.finalize_callback = deque()  # SQLAlchemy has it only when it is connected
        self._home = pool.reference
        self._process = os.getpid()
        super().__init__(pool, connect)
        self.is_counted = True

    @property
    def is_valid(self) -> bool:
        """Whether there is a connection."""
        return self.dbapi_connection is not None

    def rollback(self) -> None:
        """Roll back."""
        cast("Any", self.dbapi_connection).rollback()

    def reset(self) -> None:
        """Roll back as SQLAlchemy does when a connection is returned: within the time for a call."""
        pool = self._home()
        if pool is not None:
            pool._dialect.do_rollback(cast("Any", self))  # noqa: SLF001  SQLAlchemy's name for it

    def close(self) -> None:
        """Return it after a unit of work; SQLAlchemy, which closes places that nobody uses, closes its connection."""
        pool = self._home()
        if self.is_taken and pool is not None:
            self.is_taken = False
            pool._do_return_conn(self)  # noqa: SLF001  SQLAlchemy's name for it
        else:
            self.is_counted = False
            super().close()

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if is_finalizing():  # modules may be gone, also those of SQLAlchemy; the process leaves nothing open
            return
        if self._process != os.getpid():  # the parent's, of a thread that did not go on in this child
            _of_parent.append(self.dbapi_connection)
            return
        pool = self._home()
        try:
            super().close()
        finally:
            if pool is not None and self.is_counted:
                pool._do_return_conn(Place(pool, connect=False))  # noqa: SLF001  the same


def let_go(pool: QueuePool, record: ConnectionPoolEntry) -> None:
    """Close a connection that a pool has too many, and count it no more.

    An interrupt before it begins to be closed leaves a place that is forgotten: that replaces itself, and still counts.
    """
    try:
        record.close()
    finally:
        if not (isinstance(record, Place) and record.is_counted):
            pool._dec_overflow()  # noqa: SLF001  SQLAlchemy's name for it


def _do_nothing(_reference: object) -> None:
    pass


class Pool(QueuePool):
    """SQLAlchemy's pool with this queue, and these places."""

    __module__ = QueuePool.__module__  # SQLAlchemy names its logger by it
    _queue_class: type[queue.QueueCommon[ConnectionPoolEntry]] = Unused

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.own = {"checkout": 0, "checkin": 0, "reset": 0}
        """How many listeners to each event are ours: a unit of work does what they do, or needs it not."""
        self.lost_at = [0.0]
        """When a connection was last lost, of the monotonic clock: others may be, too."""
        # What has a callback is cleared before finalizers run (SQLAlchemy's _ConnectionRecord.checkout says more): a
        # place that goes with its pool is not replaced. So is what is in a cycle itself: it is the pool's, for places
        # that go without it.
        self.reference = weakref.ref(self, _do_nothing)

    def recreate(self) -> QueuePool:
        """Return a new one, which has the same listeners."""
        new = cast("Pool", super().recreate())
        new.own, new.lost_at = self.own, self.lost_at
        return new

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            self._pool.put(record)
        except Unused.Full:
            let_go(self, record)

    def _create_connection(self) -> ConnectionPoolEntry:
        return Place(self)

    def take(self, *, opens: bool = True) -> Place | None:
        """Take a connection for a unit of work; ``None`` if somebody is to hear of it: then :meth:`connect` does it.

        ``opens``: open one if none is unused, and wait where all are in use; else it is ``None``, too. Raises
        SQLAlchemy's errors, and those of opening.
        """
        own, dispatch = self.own, self.dispatch
        checkout, checkin, reset = dispatch.checkout, dispatch.checkin, dispatch.reset
        if (
            # of all pools; to ask for the truth of these lists would be a call for each
            checkout.parent_listeners
            or checkin.parent_listeners
            or reset.parent_listeners
            or len(checkout.listeners) != own["checkout"]
            or len(checkin.listeners) != own["checkin"]
            or len(reset.listeners) != own["reset"]
            or self.logger.isEnabledFor(logging.DEBUG)
        ):
            return None
        place: Any
        try:
            place = self._pool._take()  # type: ignore[attr-defined]  # noqa: SLF001  of our queue, two calls less
        except IndexError:
            if not opens:
                return None
            place = self._do_get()
            place.info.pop(NEW, None)  # its first use is this one, of which no listener hears that opening added
        # the common part of SQLAlchemy's get_connection()
        if (
            place.dbapi_connection is None
            or self._recycle > -1
            or place.starttime < self._invalidate_time
            or place.starttime < place._soft_invalidate_time  # noqa: SLF001  of a place of ours
        ):
            if not opens:
                self._pool.put(place)
                return None
            try:
                place.get_connection()
            except BaseException as error:
                place._checkin_failed(error, _fairy_was_created=False)  # noqa: SLF001  the same
                raise
            place.info.pop(NEW, None)
        place.is_taken = True
        taken: Place = place
        return taken


def listen(engine: Engine, name: str, function: Callable[..., object]) -> None:
    """Listen to the connections that SQLAlchemy takes, and not to those of units of work."""
    event.listen(engine, name, function)
    if isinstance(engine.pool, Pool):
        engine.pool.own[name] += 1
