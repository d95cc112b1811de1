"""Numbers of some hosts, added up to those of all. Pure: nothing here touches a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue
from .readonly import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .catalog import Report


def added_up(report: Report, answers: Iterable[Rows], limit: int | None = None) -> Rows:
    """Return the rows of several answers as one answer, in which rows are one that differ in the report's totals only.

    The row with the largest first total comes first, equal ones in the order of their other columns. A row whose totals
    but the first are 0 is left out. Raises :class:`~persistdb.errors.InvalidValue` for a total that is no column.
    """
    columns: list[str] = []
    sums: dict[tuple[Any, ...], list[int]] = {}
    for answer in answers:
        columns = list(answer.columns)
        missing = next((name for name in report.totals if name not in columns), None)
        if missing is not None:
            raise InvalidValue("report file", str(report.path), f"adds up {missing}, which is none of its columns")
        places = [columns.index(name) for name in report.totals]
        for row in answer.rows:
            of = tuple(value for place, value in enumerate(row) if place not in places)
            numbers = sums.setdefault(of, [0] * len(places))
            for i, place in enumerate(places):
                numbers[i] += row[place]
    kept = [(of, numbers) for of, numbers in sums.items() if len(numbers) == 1 or any(numbers[1:])]
    rows = [_row(columns, report.totals, of, numbers) for of, numbers in sorted(kept, key=_rank)]
    return Rows(columns, rows[:limit], limit is not None and len(rows) > limit)


def _rank(row: tuple[tuple[Any, ...], list[int]]) -> tuple[int, list[str]]:
    of, numbers = row
    return -numbers[0], ["" if value is None else str(value) for value in of]


def _row(columns: Iterable[str], totals: Iterable[str], of: Iterable[Any], numbers: Iterable[int]) -> list[Any]:
    by_name = dict(zip(totals, numbers, strict=True))
    others = iter(of)
    return [by_name[name] if name in by_name else next(others) for name in columns]
