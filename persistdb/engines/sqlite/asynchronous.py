"""SQLite for asyncio: a thread for each connection (aiosqlite), over the library that is safe.

aiosqlite, and SQLAlchemy's dialect for it, know Python's own module only; here they are given the module that
:mod:`.library` chooses.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util.concurrency import await_

from ..asynchronous import Asynchronous
from ..base import native
from .backend import SQLite

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL, ExceptionContext

    from ..deadlines import Timeouts

_ROWS = 64  # that aiosqlite reads at once where rows are iterated over, which is its own default


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    """SQLAlchemy's adaptor of aiosqlite, with the errors and connections of another module than Python's own."""

    def _init_dbapi_attributes(self) -> None:
        super()._init_dbapi_attributes()
        for name in vars(self):
            if hasattr(self.sqlite, name):
                setattr(self, name, getattr(self.sqlite, name))

    def connect(self, *arguments: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:
        connection = aiosqlite.Connection(partial(self.sqlite.connect, *arguments, **options), _ROWS)
        # a program that ends without closing its databases should not wait for them
        connection._thread.daemon = True  # noqa: SLF001  as SQLAlchemy's own does
        adapted: Any = await_(connection)
        return _Connection(self, adapted)


class _Connection(AsyncAdapt_aiosqlite_connection):
    """A connection that is rolled back when it is given up, behind what its thread is still doing.

    A cancelled task leaves a statement open. As long as somebody holds that, in a traceback perhaps, closing alone ends
    no transaction (sqlite.org/c3ref/close.html). Nothing is interrupted, or SQLite would interrupt the ROLLBACK as well
    (sqlite.org/c3ref/interrupt.html).
    """

    __slots__ = ()

    async def _terminate_graceful_close(self) -> None:
        with suppress(Exception):
            await self._connection.rollback()
        await super()._terminate_graceful_close()


class AsyncSQLite(Asynchronous, SQLite):
    """One file, written by one at a time, read by many; for tasks of asyncio."""

    drivername = "sqlite+aiosqlite"
    own_connection = attrgetter("driver_connection")

    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Keep a database in memory when a task is cancelled in a session: SQLAlchemy would close its connection."""
        engine = super().create_engine(url, timeouts, pool_size)
        if self.is_in_memory():

            @event.listens_for(engine, "handle_error")
            def _keep(context: ExceptionContext) -> None:
                if not isinstance(context.original_exception, Exception):
                    context.is_disconnect = False

        return engine

    def driver_module(self, library: ModuleType) -> Any:
        """Adapt the module."""
        return _Driver(aiosqlite, library)

    def interrupt(self, driver: Any) -> None:
        """Use sqlite3_interrupt() at once, beside what the thread is doing."""
        native(driver)._conn.interrupt()  # noqa: SLF001  aiosqlite's own way to it has to be awaited
