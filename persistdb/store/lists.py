"""What reads lists of containers: a page of one, all of one in constant memory, how many are in one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..db import work
from ..errors import Unreadable
from ..filters import ALL_HOSTS
from ..records import Container, ContainerSummary
from ..validation import check_count, check_kind
from . import cursors, shapes
from .cursors import Page, Start

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from ..db.work import Runner, Statement
    from ..filters import Filter, Scope
    from .compiled import Compiled, Listing
    from .cursors import Named
    from .selection import Selects
    from .shapes import QueryShape

T = TypeVar("T", Container, ContainerSummary)

_ALL = (1 << 63) - 1


class Part(NamedTuple):
    """Which part of an answer to return, and in which order."""

    sort: str
    limit: int | None
    offset: int
    after: Named | str | None

    def start(self) -> Start:
        """Return where it begins; raises :class:`~persistdb.errors.InvalidValue`."""
        check_kind("sort", self.sort, str)
        if self.limit is not None:
            check_count("limit", self.limit, 0)
        check_count("offset", self.offset, 0)
        start = Start() if self.after is None else cursors.read(self.after, self.sort)
        return start._replace(skip=min(start.skip + self.offset, _ALL))


OnUnreadable = Callable[[Unreadable], object]
"""A function that is given the error for each row that is left out of a list because it cannot be read."""


def refuse(error: Unreadable) -> None:
    """Raise it: what is done where nobody takes such errors."""
    raise error


class Lists:
    """The lists of a database, or of the replica that is asked for them in its place."""

    def __init__(self, runner: Runner, compiled: Compiled) -> None:
        self._runner, self._compiled = runner, compiled
        self._selects, self._salvage = compiled.selects, compiled.salvage
        self._containers, self._summaries = compiled.containers, compiled.summaries
        self._values: Mapping[str, object] = {}
        """The values of parameters that all statements have."""

    def _of(self, shape: QueryShape) -> Selects:  # noqa: ARG002  those about what was need it
        """Return the selects for questions of a shape."""
        return self._selects

    def _check(self) -> None:
        """Raise what is behind an answer without rows, if it is not that there are none."""

    def find(self, filters: Sequence[Filter | str], part: Part, scope: Scope, report: OnUnreadable) -> Page[Container]:
        """Read a page of containers."""
        return self._page(self._containers, filters, part, scope, report)

    def summaries(
        self, filters: Sequence[Filter | str], part: Part, scope: Scope, report: OnUnreadable
    ) -> Page[ContainerSummary]:
        """Read a page of summaries."""
        return self._page(self._summaries, filters, part, scope, report)

    def count(self, filters: Sequence[Filter | str], scope: Scope) -> int:
        """Count containers."""
        shape, values = shapes.split(filters, scope)
        number = int(self._runner.read(lambda: work.value(self._of(shape).count(shape), {**values, **self._values})))
        if not number:
            self._check()
        return number

    def iterate(
        self, filters: Sequence[Filter | str], batch: int, scope: Scope, report: OnUnreadable
    ) -> Iterator[Container]:
        """Yield containers in the order that costs least."""
        shape, values = shapes.split(filters, scope)
        yield from self._decoded(self._pages(shape, values, batch), report)

    def between(self, behind: int, last: int, batch: int, report: OnUnreadable) -> Iterator[Container]:
        """Yield the containers of all hosts whose rows' IDs are behind one and up to another."""
        shape, values = shapes.split((), ALL_HOSTS)
        pages = self._pages(shape, values, batch, behind)
        within = takewhile(bool, ([row for row in rows if row[1] <= last] for rows in pages))
        yield from self._decoded(within, report)

    def _decoded(self, pages: Iterable[list[tuple[str, int]]], report: OnUnreadable) -> Iterator[Container]:
        decode = self._compiled.decode.container
        for rows in pages:
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

    def iterate_sorted(
        self, filters: Sequence[Filter | str], part: Part, scope: Scope, report: OnUnreadable
    ) -> Iterator[Container]:
        """Yield containers in the order of ``part``, a page of it at a time."""
        is_last = False
        while not is_last:
            page = self.find(filters, part, scope, report)
            part, is_last = part._replace(after=page.cursor), page.cursor is None
            yield from page

    def _pages(
        self, shape: QueryShape, values: Mapping[str, object], batch: int, behind: int = 0
    ) -> Iterator[list[tuple[str, int]]]:
        """Yield pages of payloads, each with the ID of its row; a payload that cannot be read is empty."""
        start: Mapping[str, object] | None = {}
        if not shape.all_hosts:
            start = yield from self._pages_by_name(shape, values, batch)
        if start is None:
            return
        statement, ids = self._selects.page_after(shape, named=bool(start)), partial(self._selects.ids_after, shape)
        size, last = batch, behind
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

    def _page(
        self, listing: Listing[T], filters: Sequence[Filter | str], part: Part, scope: Scope, report: OnUnreadable
    ) -> Page[T]:
        sort, limit, start = part.sort, part.limit, part.start()
        shape, values = shapes.split(filters, scope)
        number = _ALL if limit is None else limit
        values |= {"limit": number, "offset": start.skip, "until": min(start.skip + number, _ALL), **self._values}
        values |= {f"after{i}": value for i, value in enumerate(start.values)}
        after = bool(start.values)
        statement = listing.build(shape, sort, after=after)
        last = ""

        def decode(payload: str) -> T:
            nonlocal last
            last = payload
            return listing.decode(payload)

        def one_by_one() -> tuple[Statement, Statement]:
            return self._of(shape).ids(shape, sort, after=after), listing.row()

        readable, faults = self._runner.read(lambda: self._salvage.page(statement, values, decode, one_by_one))
        if not readable and not faults:
            self._check()
        for fault in faults:
            report(fault)
        page = Page(readable)
        if limit and len(readable) + len(faults) == limit:
            if faults:
                page.cursor = cursors.write(sort, start._replace(skip=start.skip + limit))
            else:
                page.cursor = cursors.behind(readable[-1], sort, last)
        return page
