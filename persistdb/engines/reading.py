"""Connections that refuse writes until they are returned to the pool, where that is a setting of the connection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .deadlines import Bounded, after
from .waiting import cancelled_later

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_REFUSES = "persistdb refuses writes"


def refuse_writes(pooled: PoolProxiedConnection, setting: str) -> None:
    """Let a connection refuse writes, by a statement that :func:`allow_writes_again` undoes."""
    pooled.info[_REFUSES] = True  # first: an interrupt after the statement finds the mark
    _run(pooled.dbapi_connection, setting)


def allow_writes_again(engine: Engine, setting: str, interrupt: Callable[[Any], None], seconds: float) -> None:
    """Undo :func:`refuse_writes` for the next user of a connection, however its last one ended."""
    from .pool import listen  # it imports SQLAlchemy

    dialect: Any = engine.dialect
    errors = dialect.loaded_dbapi.Error

    def _undo(driver: Any, record: ConnectionPoolEntry) -> None:
        if driver is not None and record.info.pop(_REFUSES, False):
            try:
                with Bounded(after(seconds), partial(interrupt, driver)):
                    # an interrupt while a transaction was begun: SQLAlchemy does not know of it
                    if getattr(driver, "in_transaction", False):
                        driver.rollback()
                    _run(driver, setting)
            except errors:
                record.invalidate()
            except BaseException:
                record.invalidate()
                # what leaves this listener would keep the pool from having the connection back
                if not cancelled_later():
                    raise

    listen(engine, "checkin", _undo)  # a unit of work has no such connection


def _run(driver: Any, statement: str) -> None:
    cursor = driver.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()
