"""Run a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema.prepare import prepare
from . import readonly, scope

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    Nothing is created. Raises :class:`~persistdb.errors.InvalidValue` for a report whose SQL is not one statement that
    reads, or cannot be limited to a host, :class:`~persistdb.errors.SchemaError`,
    :class:`~persistdb.errors.DatabaseError`.
    """
    if values is None:
        values = report.values(())
    prepare(database, create=False)
    sql = report.sql
    if host is not None:
        sql, parameters = scope.of_host(database, report, host)
        values = {**values, **parameters}
    # whoever may put a file into the folder of reports is trusted; bundled reports are
    return readonly.read(database, sql, values, timeout=timeout, limit=limit, trusted=True)
