"""What is asked of the store: one container or sandbox, lists, look-ups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ..db import work
from ..errors import InvalidValue, Unreadable
from ..filters import ALL_HOSTS, Scope
from ..records import Container, ContainerSummary
from ..validation import check_count, check_kind
from . import lookup, selection
from .lookup import ContainerIDs
from .payloads import decoders
from .reader import Reader
from .salvage import Salvage
from .statements import Statements
from .stored import SpoiltSandbox

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Runner, Statement
    from ..filters import Filter
    from ..records import Sandbox
    from .conditions import QueryShape

T = TypeVar("T")
Named = Container | ContainerSummary | ContainerIDs
"""What has the IDs of a container."""

PAGE = 200
"""Containers that an iteration reads with one statement: their payloads fit in a CPU's cache."""

_ALL = (1 << 63) - 1


class _Page(NamedTuple):
    """Which part of an answer to return, and in which order."""

    sort: str
    limit: int | None
    offset: int
    after: Named | None

    def values(self) -> dict[str, object]:
        """Return the parameters; raises :class:`~persistdb.errors.InvalidValue`."""
        check_kind("sort", self.sort, str)
        if self.limit is not None:
            check_count("limit", self.limit, 0)
        check_count("offset", self.offset, 0)
        window: dict[str, object] = {"limit": _ALL if self.limit is None else self.limit, "offset": self.offset}
        if self.after is None:
            return window
        if not isinstance(self.after, Container | ContainerSummary | ContainerIDs):
            raise InvalidValue("after", self.after, "must be a container of the page before, or its ContainerIDs")
        if self.sort.removeprefix("-") not in selection.NAMED_SORTS:
            reason = f"is for lists in the order of {', '.join(selection.NAMED_SORTS)}, not {self.sort}: use offset"
            raise InvalidValue("after", self.after, reason)
        return window | {f"after_{name}": getattr(self.after, name) for name in ("host", "sid", "cid")}


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A kind of list: the statement for a page of it, the decoder of its payloads, and the statement for one row."""

    build: Callable[..., Statement]
    decode: Callable[[str], T]
    row: Callable[[], Statement]


OnUnreadable = Callable[[Unreadable], object]
"""A function that is given the error for each row that is left out of a list because it cannot be read."""


def check_ids(sid: object, cid: object = "", revision: object = None) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` for arguments of another type."""
    if not (isinstance(sid, str) and isinstance(cid, str)):
        check_kind("sid", sid, str)
        check_kind("cid", cid, str)
    if revision is not None:
        check_kind("revision", revision, int)


def _refuse(error: Unreadable) -> None:
    raise error


class Compiled:
    """What is built once for a database, whoever runs it: statements, and decoders of their answers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.statements = Statements(database.backend, database.engine.dialect)
        self.selects = selection.Selects(self.statements)
        self.decode = decoders(database.backend)
        self.salvage = Salvage(database, self.statements, self.decode)
        of_one = self.salvage.rows
        self.containers = Listing(self.selects.page, self.decode.container, lambda: of_one.container)
        self.summaries = Listing(self.selects.summaries, self.decode.summary, lambda: of_one.summary)


class Queries:
    """The questions to the sandboxes and containers of one host, and of all hosts."""

    def __init__(self, runner: Runner, host: str, compiled: Compiled) -> None:
        self.host = host
        self._runner, self._compiled = runner, compiled
        self._statements, self._selects, self._decode = compiled.statements, compiled.selects, compiled.decode
        self._salvage = compiled.salvage
        self._reader = Reader(host, compiled.statements, compiled.decode, compiled.salvage)

    # --- one container or sandbox

    def get(self, sid: str, cid: str) -> Container:
        """Load one container.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`.
        """
        check_ids(sid, cid)
        return self._runner.read(lambda: self._reader.container(sid, cid))

    def exists(self, sid: str, cid: str) -> bool:
        """Return whether there is such a container."""
        check_ids(sid, cid)
        return self._runner.read(lambda: self._reader.revision(sid, cid)) is not None

    def load_sandbox(self, sid: str) -> Sandbox:
        """Load a sandbox with all its containers.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`, which names the container
        that cannot be read, or the sandbox if it is its own row.
        """
        check_ids(sid)
        return self._runner.read(lambda: self._reader.sandbox(sid))

    # --- look-ups

    def find(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | None = None,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> list[Container]:
        """Return the containers that match all filters, sorted, in one select.

        A filter is text such as ``state=running``, or a :class:`~persistdb.filters.Filter`.

        A container whose rows no record can hold is left out and given to ``on_unreadable``, as the
        :class:`~persistdb.errors.Unreadable` that names it; without that function the first one is raised.

        For the next page of a list by names (``sid``, ``cid``, ``host``) give its last container as ``after``: an index
        leads there, where an ``offset`` passes over all that comes before.

        Raises :class:`~persistdb.errors.InvalidValue` for text that is no filter, and an unknown sort order.
        """
        page = _Page(sort, limit, offset, after)
        return self._page(self._compiled.containers, filters, page, self._scope(all_hosts), on_unreadable or _refuse)

    def summaries(
        self,
        *filters: Filter | str,
        sort: str = "sid",
        limit: int | None = None,
        offset: int = 0,
        after: Named | None = None,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> list[ContainerSummary]:
        """Return what ``find`` does, as a list shows it: for a page of many it takes a fifth of the time.

        A value that a summary does not have makes no container unreadable here.
        """
        page = _Page(sort, limit, offset, after)
        return self._page(self._compiled.summaries, filters, page, self._scope(all_hosts), on_unreadable or _refuse)

    def iterate(
        self,
        *filters: Filter | str,
        batch: int = PAGE,
        all_hosts: bool = False,
        on_unreadable: OnUnreadable | None = None,
    ) -> Iterator[Container]:
        """Yield the containers that match all filters, in no particular order, ``batch`` of them in memory at a time.

        A container that is added or removed meanwhile may be missed, any other comes once. One that
        cannot be read is left out and given to ``on_unreadable``, as ``find`` does; without that function
        :class:`~persistdb.errors.Unreadable` is raised in its place, which ends the iteration.
        """
        check_count("batch", batch, 1)
        shape, values = selection.split(filters, self._scope(all_hosts))
        decode, report = self._decode.container, on_unreadable or _refuse
        for rows in self._pages(shape, values, batch):
            rows.reverse()
            while rows:
                # one at a time, and released: records that are held until the page is done cost a third more
                payload, id_ = rows.pop()
                try:
                    container = decode(payload)
                except Unreadable:
                    again = self._runner.read(lambda: self._salvage.whole(id_))  # noqa: B023  the same
                    if isinstance(again, Unreadable):
                        report(again)
                    elif again is not None:
                        yield again
                else:
                    yield container

    def _pages(self, shape: QueryShape, values: Mapping[str, object], batch: int) -> Iterator[list[tuple[str, int]]]:
        """Yield pages of payloads, each with the ID of its row; a payload that cannot be read is empty."""
        start: Mapping[str, object] | None = {}
        if not shape.all_hosts:
            start = yield from self._pages_by_name(shape, values, batch)
        if start is None:
            return
        statement, ids = self._selects.page_after(shape, named=bool(start)), partial(self._selects.ids_after, shape)
        size, last = batch, 0
        while size == batch:
            page = {**values, **start, "after": last, "limit": batch}
            rows = list(
                self._runner.read(
                    lambda: self._salvage.payloads(statement, page, partial(ids, named=bool(start)))  # noqa: B023  run at once
                )
            )
            size, last = len(rows), max((id_ for _, id_ in rows), default=last)
            yield rows

    def _pages_by_name(
        self, shape: QueryShape, values: Mapping[str, object], batch: int
    ) -> Generator[list[tuple[str, int]], None, Mapping[str, object] | None]:
        """Yield pages of one host's containers in the order of their names, for which there is an index with the host.

        It ends at a page that cannot be read, where a name may be no text, and returns the name before it.
        """
        last: dict[str, object] = {}
        while True:
            statement = self._selects.page_after_name(shape, first=not last)
            page = {**values, **last, "limit": batch}
            rows = self._runner.read(lambda: self._salvage.rows_of(statement, page))  # noqa: B023  run at once
            if rows is None:
                return last
            payloads = [(payload, id_) for payload, id_, _, _ in rows]
            is_last = len(rows) < batch
            if not is_last:
                last["sid"], last["cid"] = max((sid, cid) for _, _, sid, cid in rows)
            del rows  # so that each payload is released when it is decoded
            yield payloads
            if is_last:
                return None

    def count(self, *filters: Filter | str, all_hosts: bool = False) -> int:
        """Return how many containers match all filters."""
        shape, values = selection.split(filters, self._scope(all_hosts))
        return int(self._runner.read(lambda: work.value(self._selects.count(shape), values)))

    def look_up(self, ref: str, *, all_hosts: bool = False) -> Container:
        """Find a container by ``CID`` or ``SID/CID``; each may be abbreviated to a prefix that no other one has.

        An exact match wins over longer IDs, and no character is a wildcard.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`, and
        :class:`~persistdb.errors.Unreadable` if it is this container that cannot be read.
        """
        scope = self._scope(all_hosts)
        statement, values = lookup.container_query(self._selects, scope, ref)
        candidates = self._runner.read(lambda: self._salvage.all_of(statement, values, self._decode.container))
        if candidates is None:  # one cannot be read, perhaps not the one that is asked for
            host, sid, cid = self.look_up_ids(ref, all_hosts=all_hosts)
            return Queries(self._runner, host, self._compiled).get(sid, cid)
        return lookup.one_container(ref, candidates, scope)

    def look_up_ids(self, ref: str, *, all_hosts: bool = False) -> ContainerIDs:
        """Find a container's IDs as ``look_up`` does, also of one that cannot be read.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        scope = self._scope(all_hosts)
        shape, values = selection.split(lookup.filters_of(ref, scope), scope)
        statement = self._selects.names(shape, "sid" if "/" in ref else "cid")
        page = {"limit": lookup.CANDIDATES, "offset": 0}
        names = self._runner.read(lambda: work.rows(statement, values | page))
        return lookup.one_container(ref, [ContainerIDs(*name) for name in names], scope)

    def look_up_sandbox(self, ref: str) -> str:
        """Find a sandbox's ID by a prefix that no other sandbox of the host has; an exact match wins.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        values = lookup.sandbox_parameters(self.host, ref)
        rows = self._runner.read(lambda: work.rows(self._statements.look_up_sandbox, values))
        return lookup.one_sandbox(ref, [sid for (sid,) in rows], host=self.host)

    def sandbox_ids(self) -> list[str]:
        """Return the IDs of the host's sandboxes, sorted."""
        return self._runner.read(self._reader.sandbox_ids)

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
        while (page := self._runner.read(lambda: self._reader.sandboxes_after(last, batch))) is not None:  # noqa: B023  run at once
            yield from page
            if len(page) < batch:
                return
            last = page[-1].sid if isinstance(page[-1], SpoiltSandbox) else page[-1].record.sid
        for id_ in self._runner.read(lambda: self._reader.rows_after(last)):
            one = self._runner.read(lambda: self._reader.sandbox_of_row(id_))  # noqa: B023  the same
            if one is not None:
                yield one

    def unreadable_sandboxes(self, *, batch: int = PAGE) -> Iterator[Unreadable]:
        """Yield an error for each sandbox, on all hosts, whose own row cannot be read."""
        return (each for each in self.own_rows(batch=batch) if isinstance(each, Unreadable))

    def own_rows(self, *, batch: int = PAGE) -> Iterator[Sandbox | Unreadable]:
        """Yield each sandbox on all hosts without its containers, or the error for one whose own row cannot be read."""
        after: int | None = 0
        while after is not None:
            after, rows = self._runner.read(lambda: self._salvage.own_rows_after(after or 0, batch))  # noqa: B023  run at once
            yield from rows

    def _page(
        self, listing: Listing[T], filters: Sequence[Filter | str], page: _Page, scope: Scope, report: OnUnreadable
    ) -> list[T]:
        window = page.values()
        shape, values = selection.split(filters, scope)
        after = page.after is not None
        statement, values = listing.build(shape, page.sort, after=after), values | window

        def one_by_one() -> tuple[Statement, Statement]:
            return self._selects.ids(shape, page.sort, after=after), listing.row()

        readable, faults = self._runner.read(lambda: self._salvage.page(statement, values, listing.decode, one_by_one))
        for fault in faults:
            report(fault)
        return list(readable)

    def _scope(self, all_hosts: bool) -> Scope:
        return ALL_HOSTS if all_hosts else Scope(self.host)
