"""The pool of threads: SQLAlchemy's, with a quicker queue of the connections that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.pool import QueuePool
from sqlalchemy.util import queue

from . import unused

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")


class Unused(unused.Unused[T], queue.QueueCommon[T]):
    """The queue with SQLAlchemy's own errors."""

    Empty, Full = queue.Empty, queue.Full


class Pool(QueuePool):
    """SQLAlchemy's pool with this queue."""

    __module__ = QueuePool.__module__  # SQLAlchemy names its logger by it
    _queue_class: type[queue.QueueCommon[ConnectionPoolEntry]] = Unused
