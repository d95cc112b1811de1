"""The repository: saves and loads records, and hides every query."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ..db import work
from ..db.database import Database
from ..engines import LockUnavailable
from ..errors import Conflict, InvalidTransition, InvalidValue, LockTimeout, Unreadable
from ..filters import ALL_HOSTS, Scope
from ..records import TRANSITIONS, Origin, SandboxState, SandboxWrite
from ..schema.prepare import prepare
from ..validation import (
    check_count,
    check_host,
    check_kind,
    check_length,
    check_seconds,
    check_shape,
    check_text,
    check_write,
)
from . import lookup, selection
from .batches import BATCH, batches
from .diff import Transition
from .encoding import utc_text
from .locks import Lock
from .lookup import ContainerIDs
from .payloads import decoders
from .reader import Reader
from .salvage import Salvage
from .statements import Statements
from .stored import SpoiltSandbox
from .writer import TokenClash, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..db.work import Statement
    from ..filters import Filter
    from ..records import Container, ContainerState, ContainerSummary, Sandbox, State

T = TypeVar("T")

PAGE = 200
"""Containers that an iteration reads with one statement: their payloads fit in a CPU's cache."""

_ALL = (1 << 63) - 1


class _Page(NamedTuple):
    """Which part of an answer to return, and in which order."""

    sort: str
    limit: int | None
    offset: int

    def values(self) -> dict[str, object]:
        """Return the parameters; raises :class:`~persistdb.errors.InvalidValue`."""
        check_kind("sort", self.sort, str)
        if self.limit is not None:
            check_count("limit", self.limit, 0)
        check_count("offset", self.offset, 0)
        return {"limit": _ALL if self.limit is None else self.limit, "offset": self.offset}


@dataclass(frozen=True)
class _Listing(Generic[T]):
    """A kind of list: the statement for a page of it, the decoder of its payloads, and the statement for one row."""

    build: Callable[[selection.QueryShape, str], Statement]
    decode: Callable[[str], T]
    row: Callable[[], Statement]


OnUnreadable = Callable[[Unreadable], object]
"""A function that is given the error for each row that is left out of a list because it cannot be read."""


def _check_ids(sid: object, cid: object = "", revision: object = None) -> None:
    if not (isinstance(sid, str) and isinstance(cid, str)):
        check_kind("sid", sid, str)
        check_kind("cid", cid, str)
    if revision is not None:
        check_kind("revision", revision, int)


def _refuse(error: Unreadable) -> None:
    raise error


class ContainerRepository:
    """The sandboxes and containers of one host.

    An empty database gets its schema here; an older or a newer one is refused
    (:class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`).
    """

    def __init__(self, database: Database, *, host: str | None = None) -> None:
        check_kind("database", database, Database)
        self.host = socket.gethostname() if host is None else host
        check_host(self.host)
        prepare(database)
        self.database = database
        self._statements = Statements(database.backend, database.engine.dialect)
        self._selects = selection.Selects(self._statements)
        self._decode = decoders(database.backend)
        self._salvage = Salvage(database, self._statements, self._decode)
        self._reader = Reader(self.host, self._statements, self._decode, self._salvage)
        self._writer = Writer(database, self.host, self._statements, self._reader)
        of_one = self._salvage.rows
        self._containers = _Listing(self._selects.page, self._decode.container, lambda: of_one.container)
        self._summaries = _Listing(self._selects.summaries, self._decode.summary, lambda: of_one.summary)

    # --- sandboxes

    def save_sandbox(
        self,
        record: SandboxState,
        containers: Mapping[str, ContainerState] | None = None,
        *,
        revision: int | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> int:
        """Store a whole sandbox, as Kata's ``ToDisk`` does: containers absent from the map are removed.

        Without a map only the sandbox's own values are stored, and its containers stay. Only rows that changed are
        written; what cannot be read is replaced. Returns the sandbox's revision. With ``revision`` it must still be at
        the one that was read (0: it must not exist yet), else :class:`~persistdb.errors.Conflict` is raised. Raises
        :class:`~persistdb.errors.AlreadyExists` for a token that two processes have,
        :class:`~persistdb.errors.InvalidValue`; without a map :class:`~persistdb.errors.Unreadable` for a sandbox that
        cannot be read.
        """
        check_kind("record", record, SandboxState)
        write = SandboxWrite(
            sid=record.sid, record=record, containers=containers, origins=origins or {}, revision=revision
        )
        check_write(write)
        return self._save([write])[record.sid]

    def save_many(self, sandboxes: Iterable[SandboxWrite], *, batch: int = BATCH) -> int:
        """Store many sandboxes, a few statements for up to ``batch`` sandboxes and containers; returns how many it was.

        Each sandbox is stored as a whole or not at all; batches are committed one by one, so an error leaves the ones
        before it stored.
        """
        check_count("batch", batch, 1)
        check_kind("sandboxes", sandboxes, Iterable)
        return sum(len(self._save(each)) for each in batches(map(_checked, sandboxes), size=batch))

    def _save(self, writes: Sequence[SandboxWrite]) -> Mapping[str, int]:
        sids = [write.sid for write in writes]
        written = self.database.write(
            lambda: self._writer.save_sandboxes(writes), verify=self._writer.took_effect, refs=sids
        )
        return written.revisions

    def load_sandbox(self, sid: str) -> Sandbox:
        """Load a sandbox with all its containers.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`, which names the container
        that cannot be read, or the sandbox if it is its own row.
        """
        _check_ids(sid)
        return self.database.read(lambda: self._reader.sandbox(sid))

    def destroy_sandbox(self, sid: str) -> bool:
        """Remove a sandbox and all that is in it; returns false, and raises no error, if it wasn't there."""
        _check_ids(sid)
        return self.database.write(lambda: self._writer.destroy_sandbox(sid), refs=[sid])

    # --- containers

    def get(self, sid: str, cid: str) -> Container:
        """Load one container.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`.
        """
        _check_ids(sid, cid)
        return self.database.read(lambda: self._reader.container(sid, cid))

    def exists(self, sid: str, cid: str) -> bool:
        """Return whether there is such a container."""
        _check_ids(sid, cid)
        return self.database.read(lambda: self._reader.revision(sid, cid)) is not None

    def save(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        *,
        revision: int | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Store one container of a sandbox that exists; returns its revision.

        Only rows that changed are written: saving what is stored already writes nothing. A container that cannot be
        read is replaced. With ``revision`` the container must still be at the one that was read (0: it must not exist
        yet), else :class:`~persistdb.errors.Conflict` is raised. Raises :class:`~persistdb.errors.NotFound` without the
        sandbox, :class:`~persistdb.errors.AlreadyExists` for a token that another process of the sandbox has,
        :class:`~persistdb.errors.InvalidValue`.
        """
        _check_ids(sid, cid, revision)
        check_shape(record)
        if origin is not None:
            check_kind("origin", origin, Origin)
        ref = f"{sid}/{cid}"
        try:
            written = self.database.write(
                lambda: self._writer.save_container(sid, cid, record, origin, revision),
                verify=self._writer.took_effect,
                refs=[ref],
            )
        except TokenClash as clash:
            raise self.database.read(lambda: self._reader.token_taken(sid, cid, record)) from clash
        return written.revisions[ref]

    def update(self, sid: str, cid: str, function: Callable[[ContainerState], ContainerState]) -> int:
        """Store what a function makes of a container's record; returns the revision.

        If another changes the container meanwhile, it is read again and the function called again, as often as
        ``Database(retries=…)`` says and within ``Timeouts.call``: so it should do nothing but return a record. It is
        called outside of any transaction, and what it raises ends the update with nothing written. The origin stays.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`,
        :class:`~persistdb.errors.Busy` when others were faster each time, and what ``save`` raises.
        """
        if not callable(function):
            raise InvalidValue("function", function, "must be a function that takes a record and returns one")
        for _ in self.database.attempts():
            container = self.get(sid, cid)
            record = function(container.record)
            with contextlib.suppress(Conflict):
                return self.save(sid, cid, record, revision=container.revision)
        raise AssertionError

    def delete(self, sid: str, cid: str, *, revision: int | None = None) -> bool:
        """Remove one container; returns false, and raises no error, if it wasn't there.

        With ``revision`` it must still be at the one that was read, else :class:`~persistdb.errors.Conflict` is raised.
        """
        _check_ids(sid, cid, revision)
        return self.database.write(lambda: self._writer.delete_container(sid, cid, revision), refs=[f"{sid}/{cid}"])

    def transition(self, sid: str, cid: str, new: State, *, expected: State, force: bool = False) -> None:
        """Move a container from the expected state to another, in one statement that compares and sets.

        Raises :class:`~persistdb.errors.InvalidTransition` for a move that Kata doesn't allow, unless ``force``;
        :class:`~persistdb.errors.StateMismatch` if it is in another state, :class:`~persistdb.errors.NotFound`.
        """
        _check_ids(sid, cid)
        check_kind("expected", expected, str)
        check_length("state", new)
        ref = f"{sid}/{cid}"
        if not force and (expected, new) not in TRANSITIONS:
            raise InvalidTransition(ref, expected, new)
        move = Transition(self.host, sid, cid, expected, new, utc_text(datetime.now(UTC)))
        self.database.change(
            lambda: self._writer.transition(move),
            verify=lambda: self._writer.transition_took_effect(move),
            refs=[ref],
        )

    # --- look-ups

    def find(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> list[Container]:
        """Return the containers that match all filters, sorted, in one select.

        A filter is text such as ``state=running``, or a :class:`~persistdb.filters.Filter`.

        A container whose rows no record can hold is left out and given to ``on_unreadable``, as the
        :class:`~persistdb.errors.Unreadable` that names it; without that function the first one is raised.

        Raises :class:`~persistdb.errors.InvalidValue` for text that is no filter, and an unknown sort order.
        """
        page = _Page(sort, limit, offset)
        return self._page(self._containers, filters, page, self._scope(all_hosts), on_unreadable or _refuse)

    def summaries(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> list[ContainerSummary]:
        """Return what ``find`` does, as a list shows it: for a page of many it takes a fifth of the time.

        A value that a summary does not have makes no container unreadable here.
        """
        page = _Page(sort, limit, offset)
        return self._page(self._summaries, filters, page, self._scope(all_hosts), on_unreadable or _refuse)

    def iterate(
        self,
        *filters: Filter | str,
        batch: int = PAGE,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> Iterator[Container]:
        """Yield the containers that match all filters, in no particular order, ``batch`` of them in memory at a time.

        Pages go by the rows' IDs: a container that is added or removed meanwhile may be missed, any other comes once.
        One that cannot be read is left out and given to ``on_unreadable``, as ``find`` does; without that function
        :class:`~persistdb.errors.Unreadable` is raised in its place, which ends the iteration.
        """
        check_count("batch", batch, 1)
        shape, values = selection.split(filters, self._scope(all_hosts))
        statement, decode, report = self._selects.page_after(shape), self._decode.container, on_unreadable or _refuse

        def ids() -> Statement:
            return self._selects.ids_after(shape)

        last = 0
        while True:
            parameters = values | {"after": last, "limit": batch}
            rows = list(self.database.read(lambda: self._salvage.payloads(statement, parameters, ids)))  # noqa: B023  run at once
            size = len(rows)
            last = max((row[1] for row in rows), default=last)
            rows.reverse()
            while rows:
                # one at a time, and released: records that are held until the page is done cost a third more
                payload, id_ = rows.pop()
                try:
                    container = decode(payload)
                except Unreadable:
                    again = self.database.read(lambda: self._salvage.whole(id_))  # noqa: B023  the same
                    if isinstance(again, Unreadable):
                        report(again)
                    elif again is not None:
                        yield again
                else:
                    yield container
            if size < batch:
                return

    def count(self, *filters: Filter | str, all_hosts: bool = False) -> int:
        """Return how many containers match all filters."""
        shape, values = selection.split(filters, self._scope(all_hosts))
        return int(self.database.read(lambda: work.value(self._selects.count(shape), values)))

    def look_up(self, ref: str, *, all_hosts: bool = False) -> Container:
        """Find a container by ``CID`` or ``SID/CID``; each may be abbreviated to a prefix that no other one has.

        An exact match wins over longer IDs, and no character is a wildcard.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`, and
        :class:`~persistdb.errors.Unreadable` if it is this container that cannot be read.
        """
        scope = self._scope(all_hosts)
        statement, values = lookup.container_query(self._statements, scope, ref)
        candidates = self.database.read(lambda: self._salvage.all_of(statement, values, self._decode.container))
        if candidates is None:  # one cannot be read, perhaps not the one that is asked for
            host, sid, cid = self.look_up_ids(ref, all_hosts=all_hosts)
            return ContainerRepository(self.database, host=host).get(sid, cid)
        return lookup.one_container(ref, candidates, scope)

    def look_up_ids(self, ref: str, *, all_hosts: bool = False) -> ContainerIDs:
        """Find a container's IDs as ``look_up`` does, also of one that cannot be read.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        scope = self._scope(all_hosts)
        shape, values = selection.split(lookup.filters_of(ref, scope), scope)
        statement = self._selects.names(shape, "sid" if "/" in ref else "cid")
        page = {"limit": lookup.CANDIDATES, "offset": 0}
        names = self.database.read(lambda: work.rows(statement, values | page))
        return lookup.one_container(ref, [ContainerIDs(*name) for name in names], scope)

    def look_up_sandbox(self, ref: str) -> str:
        """Find a sandbox's ID by a prefix that no other sandbox of the host has; an exact match wins.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        values = lookup.sandbox_parameters(self.host, ref)
        rows = self.database.read(lambda: work.rows(self._statements.look_up_sandbox, values))
        return lookup.one_sandbox(ref, [sid for (sid,) in rows], host=self.host)

    def sandbox_ids(self) -> list[str]:
        """Return the IDs of the host's sandboxes, sorted."""
        return self.database.read(self._reader.sandbox_ids)

    def load_sandboxes(self, *, batch: int = 100, on_unreadable: OnUnreadable | None = None) -> Iterator[Sandbox]:
        """Yield the host's sandboxes with their containers, sorted by ID, ``batch`` of them in memory at a time.

        A sandbox that cannot be read, or one of whose containers cannot, is left out as a whole. ``on_unreadable`` is
        given one :class:`~persistdb.errors.Unreadable` for its own row and one for each such container; without that
        function the first is raised, which ends the iteration.
        """
        check_count("batch", batch, 1)
        report = on_unreadable or _refuse
        for one in self._sandboxes(batch):
            if isinstance(one, SpoiltSandbox):
                for fault in one.faults:
                    report(fault)
            else:
                yield one

    def _sandboxes(self, batch: int) -> Iterator[Sandbox | SpoiltSandbox]:
        last = ""
        while (page := self.database.read(lambda: self._reader.sandboxes_after(last, batch))) is not None:  # noqa: B023  run at once
            yield from page
            if len(page) < batch:
                return
            last = page[-1].sid if isinstance(page[-1], SpoiltSandbox) else page[-1].record.sid
        for id_ in self.database.read(lambda: self._reader.rows_after(last)):
            one = self.database.read(lambda: self._reader.sandbox_of_row(id_))  # noqa: B023  the same
            if one is not None:
                yield one

    def unreadable_sandboxes(self, *, batch: int = PAGE) -> Iterator[Unreadable]:
        """Yield an error for each sandbox, on all hosts, whose own row cannot be read."""
        after: int | None = 0
        while after is not None:
            after, faults = self.database.read(lambda: self._salvage.own_rows_after(after or 0, batch))  # noqa: B023  run at once
            yield from faults

    def _page(
        self, listing: _Listing[T], filters: Sequence[Filter | str], page: _Page, scope: Scope, report: OnUnreadable
    ) -> list[T]:
        window = page.values()
        shape, values = selection.split(filters, scope)
        statement, values = listing.build(shape, page.sort), values | window

        def one_by_one() -> tuple[Statement, Statement]:
            return self._selects.ids(shape, page.sort), listing.row()

        readable, faults = self.database.read(lambda: self._salvage.page(statement, values, listing.decode, one_by_one))
        for fault in faults:
            report(fault)
        return list(readable)

    def _scope(self, all_hosts: bool) -> Scope:
        return ALL_HOSTS if all_hosts else Scope(self.host)

    # --- locks

    def lock(self, sid: str, *, shared: bool = False, timeout: float = 10.0) -> Lock:
        """Take a sandbox's lock, waiting ``timeout`` seconds at the most; use it in ``with``, or call ``release``.

        Shared locks coexist, an exclusive one excludes all others, of this process too. A lock ends with the process or
        connection that holds it. It stops only callers that ask for it: saves and reads go on. The sandbox need not
        exist.

        Raises :class:`~persistdb.errors.LockTimeout`, which names the holders.
        """
        check_text(sid)
        check_seconds("timeout", timeout)
        name = f"{self.host}\0{sid}"
        try:
            held = self.database.lock(name, shared=shared, timeout=timeout)
        except LockUnavailable as error:
            raise LockTimeout(sid, timeout, error.holders) from None
        return Lock(sid, held)


def _checked(write: SandboxWrite) -> SandboxWrite:
    check_write(write)
    return write
