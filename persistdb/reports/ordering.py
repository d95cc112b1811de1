"""An answer's rows in another order than its query's. Pure: nothing here touches a database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..validation import check_sort
from .readonly import Rows


def ordered(answer: Rows, sort: str, limit: int | None = None) -> Rows:
    """Sort a whole answer by one of its columns, ``-`` before its name for the reverse; then keep the first rows.

    NULL comes before all values, text is compared by code points, and rows that are equal in the column stay in the
    order in which they are. Raises :class:`~persistdb.errors.InvalidValue` for a column that the answer does not have.
    """
    place = list(answer.columns).index(check_sort(sort, dict.fromkeys(answer.columns)))
    rows = sorted(answer.rows, key=lambda row: _rank(row[place]), reverse=sort.startswith("-"))
    return Rows(answer.columns, rows[:limit], limit is not None and len(rows) > limit)


def _rank(value: Any) -> tuple[int, Any]:
    """Return what a value compares by: SQLite's columns may hold values of several types."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, datetime):
        return 2, value
    return 3, str(value)
