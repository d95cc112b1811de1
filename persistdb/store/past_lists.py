"""What reads lists of containers as they were at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db import work
from ..errors import Unreadable
from . import shapes
from .compiled import Listing
from .encoding import utc_text
from .lists import Lists
from .row_statements import RowStatements
from .salvage import Salvage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from ..db.work import Runner
    from ..filters import Filter, Scope
    from ..records import Container
    from .compiled import Compiled
    from .lists import OnUnreadable
    from .selection import Selects
    from .shapes import QueryShape


class PastLists(Lists):
    """The lists of what was at a time."""

    def __init__(self, runner: Runner, compiled: Compiled, at: datetime, check: Callable[[], None]) -> None:
        super().__init__(runner, compiled)
        self._questions, self._raise = compiled.past_questions, check
        self._values = {"at": utc_text(at)}
        self._salvage = Salvage(compiled.database, RowStatements(self._questions.row), compiled.decode, self._values)
        rows, of = self._salvage.rows, self._questions.of
        self._containers = Listing(
            lambda shape, sort, *, after: of(shape).page(shape, sort, after=after),
            compiled.decode.container,
            lambda: rows.container,
        )
        self._summaries = Listing(
            lambda shape, sort, *, after: of(shape).summaries(shape, sort, after=after),
            compiled.decode.summary,
            lambda: rows.summary,
        )

    def _of(self, shape: QueryShape) -> Selects:
        return self._questions.of(shape)

    def _check(self) -> None:
        self._raise()

    def iterate(
        self, filters: Sequence[Filter | str], batch: int, scope: Scope, report: OnUnreadable
    ) -> Iterator[Container]:
        """Yield containers by their rows' IDs; those that a filter leaves out are in a batch, too."""
        shape, values = shapes.split(filters, scope)
        statement, decode = self._questions.windows(shape).window(shape), self._compiled.decode.container
        found, last, size = False, 0, batch
        while size == batch:
            page = {**values, **self._values, "after": last, "limit": batch}
            rows = list(self._runner.read(lambda: work.rows(statement, page)))  # noqa: B023  run at once
            size, last = len(rows), max((id_ for _, id_ in rows), default=last)
            for payload, _ in rows:
                if payload is None:
                    continue
                found = True
                try:
                    container = decode(payload)
                except Unreadable as error:
                    report(error)
                else:
                    yield container
        if not found:
            self._check()
