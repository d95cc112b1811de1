"""Answers of ``report`` and ``sql``: rows whose columns are known only once a query has run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .messages import counted, printable
from .output import Column, cell_text, print_line, print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports.readonly import Rows
    from .output import Output

_IDS = frozenset({"sid", "cid", "token", "device_id"})
_SHRINKS = 20
"""Characters above which text may be cut where a terminal is too narrow."""


def number_of(answer: Rows) -> str:
    """Say how many rows an answer has, and whether there are more."""
    rows = counted(len(answer.rows), "row")
    return f"cut after {rows}: there are more" if answer.is_cut else rows


def print_answer(kind: str, answer: Rows, output: Output) -> None:
    """Print an answer's rows."""
    columns = [_column(name, i, answer.rows) for i, name in enumerate(_distinct(answer.columns))]
    print_rows(kind, columns, answer.rows, output)


def print_expanded(answer: Rows) -> None:
    """Print an answer's rows one below the other, a column a line."""
    from rich.cells import cell_len

    names = [printable(name.upper()) for name in _distinct(answer.columns)]
    width = max(map(cell_len, names))
    for number, row in enumerate(answer.rows, 1):
        print_line(f"-[ row {number} ]-")
        for name, value in zip(names, row, strict=True):
            print_line(f"{name}{' ' * (width - cell_len(name))}  {cell_text(value)}")


def _column(name: str, place: int, rows: Sequence[Sequence[Any]]) -> Column:
    values = [row[place] for row in rows if row[place] is not None]
    is_id = name in _IDS
    return Column(
        name,
        name.upper(),
        is_id=is_id,
        is_number=bool(values) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values),
        shrinks=not is_id and any(isinstance(v, str) and len(v) > _SHRINKS for v in values),
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Number repeated names: a JSON object has each key once."""
    distinct: list[str] = []
    for name in names:
        number, other = 1, name
        while other in distinct:
            number += 1
            other = f"{name}_{number}"
        distinct.append(other)
    return distinct
