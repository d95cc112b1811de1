"""The questions and the changes for tasks of asyncio: those of :mod:`.operations`, run where they may wait."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ..db import tasks
from .batches import BATCH
from .operations import Operations
from .queries import PAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

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
    from .lists import OnUnreadable
    from .lookup import ContainerIDs

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
