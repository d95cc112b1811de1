"""Questions to reports, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from persistdb import reports

if TYPE_CHECKING:
    from datetime import datetime

    from persistdb import Database
    from persistdb.reports.readonly import Rows


def answer(database: Database, name: str, *given: str, at: datetime | None = None) -> Rows:
    """Run a report."""
    report = reports.find(name, database.backend.name, past=at is not None)
    return reports.run(database, report, report.values(given) | ({} if at is None else {reports.AT: at}))


def by_column(answer: Rows) -> list[dict[str, Any]]:
    """Return rows by the names of their columns."""
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def ask(database: Database, name: str, *given: str, at: datetime | None = None) -> list[dict[str, Any]]:
    """Return the rows of a report."""
    return by_column(answer(database, name, *given, at=at))


def values(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Return some columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]
