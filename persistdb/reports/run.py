"""Run a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema.prepare import prepare
from . import readonly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..db.database import Database
    from .catalog import Report


def run(
    database: Database,
    report: Report,
    values: Mapping[str, object] | None = None,
    *,
    timeout: float | None = None,
    limit: int | None = None,
) -> readonly.Rows:
    """Run a report over all hosts, with the values of its parameters or their defaults.

    Raises :class:`~persistdb.errors.InvalidValue` for a report whose SQL is not one statement that reads,
    :class:`~persistdb.errors.SchemaError`, :class:`~persistdb.errors.DatabaseError`.
    """
    if values is None:
        values = report.values(())
    prepare(database)
    # whoever may put a file into the folder of reports is trusted; bundled reports are
    return readonly.read(database, report.sql, values, timeout=timeout, limit=limit, trusted=True)
