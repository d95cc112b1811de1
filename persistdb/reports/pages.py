"""A report over all hosts, of as many of them at a time as one statement should read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import QueryTimeout
from ..schema.prepare import prepare
from . import devices, page_hosts, readonly, scope
from .ranks import ranked
from .totals import added_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..db.database import Database
    from .catalog import Report

WHOLE: Final = 1.0
"""Seconds for a report in one statement; one that takes longer is read in pages."""
SANDBOXES: Final = 500
"""Sandboxes whose hosts make up a page; a host is never divided, and one without any takes the place of one."""


class Page(NamedTuple):
    """Some of a report's rows, and of how many of all sandboxes they and the rows before are."""

    rows: readonly.Rows
    sandboxes: int
    all_sandboxes: int


def stream(
    database: Database,
    report: Report,
    values: Mapping[str, object] | None = None,
    *,
    timeout: float | None = None,
    limit: int | None = None,
    whole: float = WHOLE,
    sandboxes: int = SANDBOXES,
) -> Iterator[Page]:
    """Yield a report's rows over all hosts in pages, which together are the report, in its order.

    A report that is done within ``whole`` seconds is one page; without that many all is. The others are read a page
    after another, if their rows are about one host each and sorted by it: each page has the rows as they are when it is
    read, and ``timeout`` is the time for each. ``limit`` is for all rows together. Totals, and what is ranked, come on
    the last page, when all hosts are read; the pages before are without rows.

    A database with a replica has them read there. Raises what :func:`~persistdb.reports.run` does.
    """
    if values is None:
        values = report.values(())
    database = database.replica or database
    prepare(database, create=False)
    seconds = database.timeouts.statement if timeout is None else timeout
    report, values = devices.resolved(database, report, values, host=None, timeout=seconds)
    if not (report.totals or report.ranked_by):
        yield from _read(database, report, values, timeout, limit, whole, sandboxes)
        return
    answers, page = [], None
    for page in _read(database, report, values, timeout, None, whole, sandboxes):
        answers.append(page.rows)
        if page.all_sandboxes:
            yield page._replace(rows=readonly.Rows(page.rows.columns, [], is_cut=False))
    done, total = (page.sandboxes, page.all_sandboxes) if page else (0, 0)
    yield Page(_together(report, answers, values, limit), done, total)


def _together(
    report: Report, answers: list[readonly.Rows], values: Mapping[str, object], limit: int | None
) -> readonly.Rows:
    if report.totals:
        return added_up(report, answers, limit)
    count = values.get("count")
    return ranked(report, answers, count if isinstance(count, int) else None, limit)


def _read(
    database: Database,
    report: Report,
    values: Mapping[str, object],
    timeout: float | None,
    limit: int | None,
    whole: float,
    sandboxes: int,
) -> Iterator[Page]:
    timeout = database.timeouts.statement if timeout is None else timeout
    # whoever may put a file into the folder of reports is trusted; bundled reports are
    if not (report.is_by_host or report.totals or report.ranked_by) or timeout <= whole:
        yield Page(readonly.read(database, report.sql, values, timeout=timeout, limit=limit, trusted=True), 0, 0)
        return
    if whole:
        try:
            yield Page(readonly.read(database, report.sql, values, timeout=whole, limit=limit, trusted=True), 0, 0)
        except QueryTimeout:
            pass
        else:
            return
    done = rows = 0
    for group in page_hosts.host_groups(database, report, sandboxes, timeout):
        sql, parameters = scope.of_hosts(database, report, group.hosts)
        left = None if limit is None else limit - rows
        answer = readonly.read(database, sql, {**values, **parameters}, timeout=timeout, limit=left, trusted=True)
        rows, done = rows + len(answer.rows), done + group.sandboxes
        yield Page(answer, done, max(done, group.all_sandboxes))
        if answer.is_cut:
            return
