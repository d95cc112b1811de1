"""Units of work for tasks of asyncio: the code for threads, run in greenlets, which switch to the event loop to wait.

There is one body for all that waits for a database: retries, deadlines, lost commits, transactions, locks. SQLAlchemy
does the same for its own asyncio API ("Asynchronous I/O" in its documentation).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy.util.concurrency import await_, greenlet_spawn

from .connection import Connection
from .work import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

_SLICE = 0.001
"""Seconds for which decoding keeps the event loop from its other tasks."""


async def run(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run a function, which may wait for databases, in a greenlet."""
    return await greenlet_spawn(partial(function, *arguments, **named))


@contextlib.asynccontextmanager
async def entered(manager: contextlib.AbstractContextManager[T]) -> AsyncIterator[T]:
    """Use a context manager that waits when it is entered and left."""
    result = await run(manager.__enter__)
    try:
        yield result
    except BaseException as error:
        if not await run(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await run(manager.__exit__, None, None, None)


async def iterated(
    iterator: Iterator[T], turn: contextlib.AbstractAsyncContextManager[object], size: int = 20
) -> AsyncIterator[T]:
    """Yield what an iterator does, ``size`` of them in a turn, between two looks at the event loop."""

    def some() -> tuple[list[T], Exception | None]:
        items: list[T] = []
        try:
            for _ in range(size):
                items.append(next(iterator))  # noqa: PERF401  what came before an error is kept
        except Exception as error:  # noqa: BLE001  it is raised where the iteration has come to it
            return items, error
        return items, None

    while True:
        async with turn:
            items, end = await run(some)
        for item in items:
            yield item
        if isinstance(end, StopIteration):
            return
        if end is not None:
            raise end
        await asyncio.sleep(0)


class TaskConnection(Connection):
    """A connection of the pool that lets other tasks run while it decodes what is long."""

    __slots__ = ()

    @staticmethod
    def answer(cursor: Any, decode: Callable[[str], Any] | None) -> Answer:
        """Read a cursor, which has fetched its rows, to its end."""
        if decode is None:
            return Connection.answer(cursor, None)
        rows = []
        since = time.monotonic()
        try:
            for (payload,) in cursor:
                rows.append(decode(payload))
                if time.monotonic() - since > _SLICE:
                    await_(asyncio.sleep(0))
                    since = time.monotonic()
        finally:
            cursor.close()
        return Answer(rows, len(rows))
