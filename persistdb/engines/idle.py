"""A pool whose connections are closed when nobody used them for a while: a server has only so many for all agents."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty

from .liveness import USED
from .pool import let_go
from .waiting import in_task

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry


def shrinking(pool: type[QueuePool], seconds: float) -> type[QueuePool]:
    """Return a pool that closes what was not used for so long, when a connection is returned to it, but that one.

    It must hand out the connection that was returned last (``pool_use_lifo``), or it would use each in its turn.
    """
    # a class, and no argument: SQLAlchemy makes pools itself, when an engine is made and when it is disposed of
    # in SQLAlchemy's module, by which it names the pool's logger
    return type("ShrinkingPool", (_Shrinking, pool), {"seconds": seconds, "__module__": QueuePool.__module__})


class _Shrinking(QueuePool):
    seconds: ClassVar[float]

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]  # whatever SQLAlchemy gives it
        self._looked = time.monotonic()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._dialect.is_async and not in_task():  # the collector of garbage may be here, which cannot wait
            return
        now = time.monotonic()
        if now - self._looked >= self.seconds:
            self._looked = now
            self._close_unused(record, now - self.seconds)

    def _close_unused(self, returned: ConnectionPoolEntry, since: float) -> None:
        held: list[ConnectionPoolEntry] = []
        unused: list[ConnectionPoolEntry] = []
        try:
            while self.checkedin():
                record = self._pool.get(False)
                stays = record is returned or record.info.get(USED, 0.0) > since
                (held if stays else unused).append(record)
        except Empty:  # another thread was faster
            pass
        finally:
            for record in reversed(held):  # in the order in which they were
                super()._do_return_conn(record)
        failures = []
        for record in unused:
            try:
                let_go(self, record)
            except BaseException as error:  # noqa: BLE001  the first one is raised when all are closed
                failures.append(error)
        if failures:
            raise failures[0]
