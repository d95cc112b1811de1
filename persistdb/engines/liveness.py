"""Connections to a server that are asked whether they live before they are used, unless a loss would do no harm."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

DOUBT = 1.0
"""Seconds without use after which a connection is asked in any case."""


class _Taking(threading.local):
    again = False


_taking = _Taking()


def checkout(engine: Engine) -> PoolProxiedConnection:
    """Take a connection of the pool for a unit of work that is run again, should it turn out to be lost."""
    _taking.again = True
    try:
        return engine.raw_connection()
    finally:
        _taking.again = False


def ping_in_doubt(engine: Engine) -> None:
    """Ask a connection before it is used: for :func:`checkout` only after a while, or if another was lost since.

    SQLAlchemy's ``pool_pre_ping`` asks each time, which is a fifth of what a get takes.
    """
    lost = [0.0]

    @event.listens_for(engine, "invalidate")
    def _lose(*_: object) -> None:
        lost[0] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def _put_back(_connection: object, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: object) -> None:
        used = record.info.get("used")
        if used is None or (_taking.again and time.monotonic() - used < DOUBT and used > lost[0]):
            return
        dialect = engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            if not dialect.is_disconnect(error, connection, None):
                raise
            # the pool lets go of all its connections, and opens a new one
            raise InvalidatePoolError from error
