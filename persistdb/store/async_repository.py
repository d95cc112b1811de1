"""The repository for tasks of asyncio: the methods of the other one, run where they may switch to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy.util.concurrency import await_

from ..db import tasks
from ..errors import InvalidValue
from ..records import Event
from ..validation import check_host, check_kind
from .acting import Acting, checked
from .async_database import AsyncDatabase, async_session
from .async_operations import AsyncOperations
from .repository import ContainerRepository

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator
    from datetime import datetime
    from types import TracebackType

    from .feed import Feed
    from .locks import Lock
    from .operations import Operations
    from .transaction import Transaction

T = TypeVar("T")


class AsyncFeed(AsyncIterator[Event]):
    """The events behind a place, as :class:`~persistdb.store.feed.Feed` has them: ``async for event in feed``."""

    def __init__(self, begin: Callable[[], Awaitable[Feed]], after: str | None) -> None:
        self._begin, self._cursor = begin, after
        self._events = self._each()

    @property
    def cursor(self) -> str | None:
        """The place behind all events that were returned, at the end behind all that were looked at."""
        return self._cursor

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event."""
        return await anext(self._events)

    async def _each(self) -> AsyncIterator[Event]:
        feed = await self._begin()
        async for event in tasks.iterated(feed, contextlib.nullcontext()):
            self._cursor = event.cursor
            yield event
        self._cursor = feed.cursor


class AsyncLock:
    """A held lock of a sandbox, for tasks of asyncio; ``await`` its ``release``, or use it in ``async with``."""

    def __init__(self, lock: Lock) -> None:
        self.sid = lock.sid
        self._lock = lock

    @property
    def fencing_number(self) -> int:
        """A number that is greater for whoever gets the lock later: what it protects can refuse a smaller one."""
        return self._lock.fencing_number

    @property
    def lost(self) -> bool:
        """Whether it is not certain that the lock is still held: its lease is over, or others have taken it."""
        return self._lock.lost

    def check(self) -> None:
        """Raise :class:`~persistdb.errors.LockLost`, or :class:`~persistdb.errors.LockNotHeld`, unless it is held."""
        self._lock.check()

    async def release(self) -> None:
        """Release the lock; raises :class:`~persistdb.errors.LockNotHeld` as :meth:`Lock.release` does."""
        await tasks.run(self._lock.release)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.release()


class AsyncTransaction(AsyncOperations):
    """What :meth:`AsyncContainerRepository.transaction` opens, by the rules of :class:`Transaction`.

    Calls of several tasks are made one after the other; its ``session`` is for one task at a time.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._turn = asyncio.Lock()
        self._transaction: Transaction = transaction
        self.host = transaction.host
        self.session = async_session(transaction.session)

    async def _operations(self) -> Operations:
        return self._transaction

    def acting(self, *, cause: str | None = None, actor: str | None = None, reason: str | None = None) -> Self:
        """Return the same transaction with a cause, an actor and a reason for the events of its changes."""
        other = copy.copy(self)  # which takes turns with this one
        other._transaction = self._transaction.acting(cause=cause, actor=actor, reason=reason)  # noqa: SLF001  one of ours
        return other


class AsyncContainerRepository(AsyncOperations):
    """The sandboxes and containers of one host, for tasks of asyncio.

    Each method does what :class:`ContainerRepository`'s of the same name does, and raises the same. The schema is
    looked at when one is first called. A task that is cancelled leaves a call done or not done, never in part, and its
    connection is given back.
    """

    def __init__(
        self, database: AsyncDatabase, *, host: str | None = None, actor: str | None = None, reason: str | None = None
    ) -> None:
        check_kind("database", database, AsyncDatabase)
        self.host = socket.gethostname() if host is None else host
        check_host(self.host)
        self.database = database
        self._repository: ContainerRepository | None = None
        self._acting = checked(None, actor, reason, before=Acting())

    def acting(self, *, cause: str | None = None, actor: str | None = None, reason: str | None = None) -> Self:
        """Return the same with a cause, an actor and a reason for the events of its changes; ``None`` changes nothing.

        Raises :class:`~persistdb.errors.InvalidValue`.
        """
        other = copy.copy(self)
        other._repository = None  # noqa: SLF001  one of ours
        other._acting = checked(cause, actor, reason, before=self._acting)  # noqa: SLF001  the same
        return other

    async def _opened(self) -> ContainerRepository:
        if not self.database.database.prepared:
            await self.database.prepare()
        if self._repository is None:
            acting = self._acting
            repository = ContainerRepository(self.database.database, host=self.host)
            self._repository = repository.acting(cause=acting.cause, actor=acting.actor, reason=acting.reason)
        return self._repository

    async def _operations(self) -> Operations:
        return self._repository if self._repository is not None else await self._opened()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncTransaction]:
        """Open a transaction for several calls: ``async with repository.transaction() as work: await work.save(…)``."""
        repository = await self._opened()
        async with tasks.entered(repository.transaction()) as work:
            yield AsyncTransaction(work)

    async def transact(self, function: Callable[[AsyncTransaction], Awaitable[T]]) -> T:
        """Return what a function makes of a transaction, and call it again after a deadlock and the like."""
        if not callable(function):
            raise InvalidValue("function", function, "must be a function that takes a transaction")
        repository = await self._opened()

        async def call(work: Transaction) -> T:
            return await function(AsyncTransaction(work))

        return await tasks.run(repository.transact, lambda work: await_(call(work)))

    def events(
        self,
        *,
        after: str | None = None,
        host: str | None = None,
        sid: str | None = None,
        kinds: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> AsyncFeed:
        """Iterate over the events behind ``after``: ``async for event in repository.events(after=cursor)``."""

        async def begin() -> Feed:
            repository = await self._opened()
            return repository.events(after=after, host=host, sid=sid, kinds=kinds, since=since)

        return AsyncFeed(begin, after)

    def lock(self, sid: str, *, shared: bool = False, timeout: float = 10.0) -> _Locking:
        """Take a sandbox's lock: ``async with repository.lock(sid):``, or ``lock = await repository.lock(sid)``."""

        async def take() -> AsyncLock:
            repository = await self._opened()
            return AsyncLock(await tasks.run(repository.lock, sid, shared=shared, timeout=timeout))

        return _Locking(take)


class _Locking:
    """A lock that is taken when it is awaited or entered."""

    def __init__(self, take: Callable[[], Awaitable[AsyncLock]]) -> None:
        self._take = take
        self._lock: AsyncLock | None = None

    def __await__(self) -> Generator[object, None, AsyncLock]:
        return self._take().__await__()

    async def __aenter__(self) -> AsyncLock:
        self._lock = await self._take()
        return self._lock

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            await self._lock.release()
