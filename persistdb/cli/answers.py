"""Answers of ``report`` and ``sql``: rows whose columns are known only once a query has run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .columns import STAY, Column
from .messages import counted, printable
from .output import print_line, print_rows
from .tables import cell_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports.readonly import Rows
    from .output import Output

_IDS = frozenset({"sid", "cid", "token", "device_id"})
_SHRINKS = 20
"""Characters above which text may be cut where a terminal is too narrow."""


def number_of(number: int, *, is_cut: bool) -> str:
    """Say how many rows an answer has, and whether there are more."""
    rows = counted(number, "row")
    return f"cut after {rows}: there are more" if is_cut else rows


def print_answer(kind: str, answer: Rows, output: Output) -> None:
    """Print an answer's rows."""
    print_rows(kind, columns_of(answer), answer.rows, output)


def print_expanded(answer: Rows, output: Output) -> None:
    """Print an answer's rows one below the other, a column a line."""
    from rich.cells import cell_len

    columns = columns_of(answer)
    headings = {place: printable(columns[place].heading) for place in output.places(columns)}
    width = max(map(cell_len, headings.values()))
    for number, row in enumerate(answer.rows, 1):
        print_line(f"-[ row {number} ]-")
        for place, heading in headings.items():
            print_line(f"{heading}{' ' * (width - cell_len(heading))}  {cell_text(row[place])}")


def columns_of(answer: Rows) -> list[Column]:
    """Return an answer's columns, as its rows want them shown."""
    return [_column(name, place, answer.rows) for place, name in enumerate(_distinct(answer.columns))]


def _column(name: str, place: int, rows: Sequence[Sequence[Any]]) -> Column:
    values = [row[place] for row in rows if row[place] is not None]
    is_id = name in _IDS
    return Column(
        name,
        name.upper(),
        is_id=is_id,
        is_number=bool(values) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values),
        shrinks=not is_id and any(isinstance(v, str) and len(v) > _SHRINKS for v in values),
        stays=name in STAY,
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
