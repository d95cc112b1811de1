"""Pings of idle connections to a server, left out where a lost connection would do no harm."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from .deadlines import Bounded, after

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

log = logging.getLogger("persistdb")

DOUBT = 1.0
"""Seconds without use after which a connection is pinged in any case."""


USED = "used"
"""The key of a pooled connection's ``info`` under which is when it was last used, of the monotonic clock."""


class NoAnswer(TimeoutError):
    """A server that did not answer a ping."""


# Of the thread's or the task's checkout: whether the work is run again, and its deadline
_checkout: ContextVar[tuple[bool, float | None]] = ContextVar("_checkout", default=(False, None))


def checkout(engine: Engine, deadline: float, again: bool) -> PoolProxiedConnection:
    """Take a connection of the pool by a deadline.

    ``again``: the unit of work is run again if the connection turns out to be lost. Raises TimeoutError.
    """
    before = _checkout.set((again, deadline))
    try:
        return engine.raw_connection()
    finally:
        _checkout.reset(before)


def deadline_of_checkout() -> float | None:
    """Return the deadline of the checkout that this thread or task is in, if it is in one that has one."""
    return _checkout.get()[1]


def ping_in_doubt(engine: Engine, name: str, interrupt: Callable[[Any], None], timeout: float) -> None:
    """Ping a connection before it is used: for :func:`checkout` only after a while, or if another was lost since.

    SQLAlchemy's ``pool_pre_ping`` pings each time, which takes a fifth of a get.

    ``name`` is the database's, for the log.
    """
    from sqlalchemy import event
    from sqlalchemy.exc import InvalidatePoolError

    from .pool import Pool, listen

    lost = engine.pool.lost_at if isinstance(engine.pool, Pool) else [0.0]

    @event.listens_for(engine, "connect")
    def _tell_connect(*_: object) -> None:
        log.debug("%s: connected", name)

    @event.listens_for(engine, "invalidate")
    def _note_loss(_connection: object, _record: object, error: BaseException | None) -> None:
        lost[0] = time.monotonic()
        if error is not None:  # else it is closed on purpose
            log.info("%s: a connection was lost", name)

    def _note_use(_connection: object, record: Any) -> None:
        record.info[USED] = time.monotonic()

    def _ping(connection: Any, record: Any, _proxy: object) -> None:
        used = record.info.get(USED)
        again, deadline = _checkout.get()
        if used is None or (again and time.monotonic() - used < DOUBT and used > lost[0]):
            return
        dialect = engine.dialect
        log.debug("%s: ping of a connection that was idle for %.1f s", name, time.monotonic() - used)
        with Bounded(deadline or after(timeout), partial(interrupt, connection)) as ping:
            try:
                dialect.do_ping(connection)
            except dialect.loaded_dbapi.Error as error:
                if not (ping.expired or dialect.is_disconnect(error, connection, None)):
                    raise
                failure = error
            else:
                return
        log.info("%s: no answer to a ping; %s", name, "giving up" if ping.expired else "connecting again")
        if ping.expired:
            raise NoAnswer("the server does not answer") from failure
        # the pool releases all its connections, and opens a new one
        raise InvalidatePoolError from failure

    # what take() and give_back() do for units of work (taking.py)
    listen(engine, "checkin", _note_use)
    listen(engine, "checkout", _ping)
