"""Run a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema.prepare import prepare
from ..store import past_reader
from . import devices, pages, readonly, scope
from .totals import added_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ..db.database import Database
    from .catalog import Report


def run(
    database: Database,
    report: Report,
    values: Mapping[str, object] | None = None,
    *,
    host: str | None = None,
    timeout: float | None = None,
    limit: int | None = None,
) -> readonly.Rows:
    """Run a report over all hosts, or one, with the values of its parameters or their defaults.

    Nothing is created; a database with a replica has it read there. Over all hosts it may be read in pages, and
    ``timeout`` is for each (:func:`~persistdb.reports.pages.stream`). Raises
    :class:`~persistdb.errors.InvalidValue` for a report whose SQL is not one statement that reads, or cannot be limited
    to a host, :class:`~persistdb.errors.SchemaError`, :class:`~persistdb.errors.DatabaseError`.
    """
    if values is None:
        values = report.values(())
    if host is None:
        return whole(pages.stream(database, report, values, timeout=timeout, limit=limit))
    database = database.replica or database
    prepare(database, create=False)
    seconds = database.timeouts.statement if timeout is None else timeout
    report, values = devices.resolved(database, report, values, host=host, timeout=seconds)
    sql, parameters = scope.of_hosts(database, report, [host])
    values = {**values, **parameters}
    # whoever may put a file into the folder of reports is trusted; bundled reports are
    if report.totals:
        return added_up(report, [readonly.read(database, sql, values, timeout=timeout, trusted=True)], limit)
    return readonly.read(database, sql, values, timeout=timeout, limit=limit, trusted=True)


def check_time(database: Database, at: datetime) -> None:
    """Raise an error for a time of which nothing is known, where a report would have no rows.

    They are :class:`~persistdb.errors.BeforeHorizon` and :class:`~persistdb.errors.HistoryOff`.
    """
    database = database.replica or database
    prepare(database, create=False)
    database.read(lambda: past_reader.check(database, at))


def whole(found: Iterable[pages.Page]) -> readonly.Rows:
    """Return the rows of all pages."""
    answers = [page.rows for page in found]
    rows = [row for answer in answers for row in answer.rows]
    return readonly.Rows(answers[0].columns, rows, answers[-1].is_cut)
