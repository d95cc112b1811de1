"""Rows of some hosts, ranked among those of all. Pure: nothing here touches a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue
from .readonly import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .catalog import Report


def ranked(report: Report, answers: Iterable[Rows], count: int | None, limit: int | None = None) -> Rows:
    """Return the rows of several answers as one answer, the largest first, and of them the first ``count``.

    Equal ones come in the order of their columns. Raises :class:`~persistdb.errors.InvalidValue` for a report that is
    ranked by no column of it.
    """
    columns: list[str] = []
    rows: list[Sequence[Any]] = []
    for answer in answers:
        columns = list(answer.columns)
        if report.ranked_by not in columns:
            raise InvalidValue("report file", str(report.path), f"is ranked by {report.ranked_by}, which is no column")
        place = columns.index(report.ranked_by)
        rows += answer.rows
        # the others will not be among the first
        rows = sorted(rows, key=lambda row: _rank(row, place))[:count]
    return Rows(columns, rows[:limit], limit is not None and len(rows) > limit)


def _rank(row: Sequence[Any], place: int) -> tuple[int, list[str]]:
    return -row[place], ["" if value is None else str(value) for value in row]
