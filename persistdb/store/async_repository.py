"""The repository for tasks of asyncio: the methods of the other one, run where they may switch to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy.util.concurrency import await_

from ..db import tasks
from ..errors import InvalidValue
from ..records import Event
from ..validation import check_host, check_kind
from .acting import Acting, checked
from .async_database import AsyncDatabase, async_session
from .batches import BATCH
from .operations import Operations
from .queries import PAGE
from .repository import ContainerRepository

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from ..errors import Unreadable
    from ..filters import Filter
    from ..records import (
        AuditFinding,
        AuditRun,
        Container,
        ContainerState,
        ContainerSummary,
        Machine,
        Origin,
        PastHolder,
        Sandbox,
        SandboxState,
        SandboxWrite,
        State,
        StoredFinding,
        Version,
    )
    from .audits import SeenHost, SeenSandbox
    from .cursors import Named, Page
    from .feed import Feed
    from .lists import OnUnreadable
    from .locks import Lock
    from .lookup import ContainerIDs
    from .transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class AsyncOperations(ABC):
    """The questions and the changes: each method does what :class:`ContainerRepository`'s of the same name does."""

    @abstractmethod
    async def _operations(self) -> Operations:
        """Return those that are run."""

    _turn: contextlib.AbstractAsyncContextManager[object] = contextlib.nullcontext()
    """What a call is made in: calls of a transaction take turns."""

    async def _run(self, method: Callable[Concatenate[Operations, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        operations = await self._operations()
        async with self._turn:
            return await tasks.run(method, operations, *arguments, **named)

    # --- sandboxes

    async def save_sandbox(
        self,
        record: SandboxState,
        containers: Mapping[str, ContainerState] | None = None,
        *,
        revision: int | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> int:
        """Store a whole sandbox; returns its revision."""
        return await self._run(Operations.save_sandbox, record, containers, revision=revision, origins=origins)

    async def save_many(self, sandboxes: Iterable[SandboxWrite], *, batch: int = BATCH) -> int:
        """Store many sandboxes; returns how many it was."""
        return await self._run(Operations.save_many, sandboxes, batch=batch)

    async def load_sandbox(self, sid: str, *, at: datetime | None = None, revision: int | None = None) -> Sandbox:
        """Load a sandbox with all its containers: as it is, as it was at a time, or in a revision."""
        return await self._run(Operations.load_sandbox, sid, at=at, revision=revision)

    async def destroy_sandbox(self, sid: str) -> bool:
        """Remove a sandbox and all that is in it; returns whether it was there."""
        return await self._run(Operations.destroy_sandbox, sid)

    async def mark_seen(
        self, sids: Iterable[str], *, source: str, at: datetime | None = None, machine: Machine | None = None
    ) -> None:
        """Record that sandboxes were found in a folder of this host."""
        await self._run(Operations.mark_seen, sids, source=source, at=at, machine=machine)

    async def unseen(
        self, source: str, *, before: datetime, layouts: Collection[str] | None = None, keep: Collection[str] = ()
    ) -> dict[str, str]:
        """Return the sandboxes that imports found in a folder, but not since ``before``, with their layouts."""
        return await self._run(Operations.unseen, source, before=before, layouts=layouts, keep=keep)

    async def prune(
        self,
        source: str,
        *,
        before: datetime,
        layouts: Collection[str] | None = None,
        keep: Collection[str] = (),
        sids: Collection[str] | None = None,
    ) -> list[str]:
        """Remove the sandboxes that imports found in a folder, but not since ``before``; returns their IDs."""
        return await self._run(Operations.prune, source, before=before, layouts=layouts, keep=keep, sids=sids)

    async def boot_id(self) -> str | None:
        """Return the boot of the host in which an import last read its files."""
        return await self._run(Operations.boot_id)

    async def namespaces(self) -> dict[str, frozenset[str]]:
        """Return the namespaces of containerd that each sandbox of the host has containers in, if any."""
        return await self._run(Operations.namespaces)

    async def sources(self) -> dict[str, int]:
        """Return the folders in which imports found the host's sandboxes, with the number of them."""
        return await self._run(Operations.sources)

    # --- audits

    async def record_audit(
        self, run: AuditRun, findings: Sequence[AuditFinding], *, unread: Collection[str] = ()
    ) -> None:
        """Store an audit of this host: the run, what it found, and what its checks no longer find."""
        await self._run(Operations.record_audit, run, findings, unread=unread)

    async def findings(self, *, open_only: bool = True) -> list[StoredFinding]:
        """Return what audits found of this host; also what is gone, if wanted."""
        return await self._run(Operations.findings, open_only=open_only)

    async def known_findings(self, findings: Sequence[AuditFinding]) -> list[StoredFinding]:
        """Return what is stored of these findings, also of what is gone."""
        return await self._run(Operations.known_findings, findings)

    async def seen(self) -> tuple[SeenHost | None, list[SeenSandbox]]:
        """Return when imports last read the host's files, in which boot, and where they last found each sandbox."""
        return await self._run(Operations.seen)

    async def past_holders(self, *, paths: Collection[str] = (), sids: Collection[str] = ()) -> list[PastHolder]:
        """Return the removed containers that had one of these paths, and the removed sandboxes with these IDs."""
        return await self._run(Operations.past_holders, paths=paths, sids=sids)

    async def record_gap(self, began: datetime, ended: datetime, reason: str) -> None:
        """Record that states of the host's sandboxes between two times may be missing."""
        await self._run(Operations.record_gap, began, ended, reason)

    # --- containers

    async def get(self, sid: str, cid: str, *, at: datetime | None = None, revision: int | None = None) -> Container:
        """Load one container: as it is, as it was at a time, or in a revision."""
        return await self._run(Operations.get, sid, cid, at=at, revision=revision)

    async def history(self, sid: str, cid: str, *, batch: int = PAGE) -> AsyncIterator[Version]:
        """Yield the versions of a container, the first one first."""
        operations = await self._operations()
        async for version in tasks.iterated(operations.history(sid, cid, batch=batch), self._turn):
            yield version

    async def exists(self, sid: str, cid: str) -> bool:
        """Return whether there is such a container."""
        return await self._run(Operations.exists, sid, cid)

    async def save(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        *,
        revision: int | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Store one container of a sandbox that exists; returns its revision."""
        return await self._run(Operations.save, sid, cid, record, revision=revision, origin=origin)

    async def update(self, sid: str, cid: str, function: Callable[[ContainerState], ContainerState]) -> int:
        """Store what a function, which must not wait, makes of a container's record; returns the revision."""
        return await self._run(Operations.update, sid, cid, function)

    async def delete(self, sid: str, cid: str, *, revision: int | None = None) -> bool:
        """Remove one container; returns whether it was there."""
        return await self._run(Operations.delete, sid, cid, revision=revision)

    async def transition(self, sid: str, cid: str, new: State, *, expected: State, force: bool = False) -> None:
        """Move a container from the expected state to another."""
        await self._run(Operations.transition, sid, cid, new, expected=expected, force=force)

    # --- look-ups

    async def find(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | str | None = None,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> Page[Container]:
        """Return the containers that match all filters, sorted."""
        return await self._run(
            Operations.find,
            *filters,
            sort=sort,
            limit=limit,
            offset=offset,
            after=after,
            all_hosts=all_hosts,
            at=at,
            on_unreadable=on_unreadable,
        )

    async def summaries(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | str | None = None,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> Page[ContainerSummary]:
        """Return what ``find`` does, as a list shows it."""
        return await self._run(
            Operations.summaries,
            *filters,
            sort=sort,
            limit=limit,
            offset=offset,
            after=after,
            all_hosts=all_hosts,
            at=at,
            on_unreadable=on_unreadable,
        )

    async def iterate(
        self,
        *filters: Filter | str,
        sort: str | None = None,
        after: Named | str | None = None,
        batch: int = PAGE,
        all_hosts: bool = False,
        at: datetime | None = None,
        on_unreadable: OnUnreadable | None = None,
    ) -> AsyncIterator[Container]:
        """Yield the containers that match all filters: ``async for container in repository.iterate()``."""
        operations = await self._operations()
        found = operations.iterate(
            *filters, sort=sort, after=after, batch=batch, all_hosts=all_hosts, at=at, on_unreadable=on_unreadable
        )
        async for container in tasks.iterated(found, self._turn):
            yield container

    async def count(self, *filters: Filter | str, all_hosts: bool = False, at: datetime | None = None) -> int:
        """Return how many containers match all filters, or did at a time."""
        return await self._run(Operations.count, *filters, all_hosts=all_hosts, at=at)

    async def look_up(self, ref: str, *, all_hosts: bool = False, at: datetime | None = None) -> Container:
        """Find a container by ``CID`` or ``SID/CID``, each of which may be abbreviated."""
        return await self._run(Operations.look_up, ref, all_hosts=all_hosts, at=at)

    async def look_up_ids(self, ref: str, *, all_hosts: bool = False, ever: bool = False) -> ContainerIDs:
        """Find a container's IDs as ``look_up`` does, also of one that cannot be read, or ever was there."""
        return await self._run(Operations.look_up_ids, ref, all_hosts=all_hosts, ever=ever)

    async def look_up_sandbox(self, ref: str, *, at: datetime | None = None, ever: bool = False) -> str:
        """Find a sandbox's ID by a prefix that no other sandbox of the host has, or had at a time, or ever."""
        return await self._run(Operations.look_up_sandbox, ref, at=at, ever=ever)

    async def sandbox_ids(self) -> list[str]:
        """Return the IDs of the host's sandboxes, sorted."""
        return await self._run(Operations.sandbox_ids)

    async def load_sandboxes(
        self, *, batch: int = 100, at: datetime | None = None, on_unreadable: OnUnreadable | None = None
    ) -> AsyncIterator[Sandbox]:
        """Yield the host's sandboxes with their containers, sorted by ID."""
        operations = await self._operations()
        async for sandbox in tasks.iterated(
            operations.load_sandboxes(batch=batch, at=at, on_unreadable=on_unreadable), self._turn
        ):
            yield sandbox

    async def unreadable_sandboxes(self, *, batch: int = PAGE) -> AsyncIterator[Unreadable]:
        """Yield an error for each sandbox, on all hosts, whose own row cannot be read."""
        operations = await self._operations()
        async for fault in tasks.iterated(operations.unreadable_sandboxes(batch=batch), self._turn):
            yield fault

    async def own_rows(self, *, batch: int = PAGE) -> AsyncIterator[Sandbox | Unreadable]:
        """Yield each sandbox on all hosts without its containers, or the error for one whose own row cannot be read."""
        operations = await self._operations()
        async for each in tasks.iterated(operations.own_rows(batch=batch), self._turn):
            yield each


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
