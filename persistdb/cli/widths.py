"""The widths of a table's columns on a terminal that may be too narrow for it. Pure: nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .columns import Column

GAP: Final = 2
_LEAST: Final = 8
"""The narrowest that a column is made, unless all of its values are shorter."""


def fit(columns: Sequence[Column], natural: Sequence[int], width: int) -> dict[int, int]:
    """Return the places of the columns to show, each with its width; ``natural`` is what their values take.

    Long texts are narrowed first, then IDs. If that is not enough, columns are left out: long texts, then the last.
    """
    shown = list(range(len(columns)))
    least = [_LEAST] * len(columns)
    while True:
        widths = {place: natural[place] for place in shown}
        for group in (
            [place for place in shown if columns[place].shrinks],
            [place for place in shown if columns[place].is_id],
            [place for place in shown if columns[place].stays],
        ):
            _narrow(widths, group, width, least)
        if _total(widths) <= width:
            return widths
        spare = [place for place in shown if not columns[place].stays]
        if not spare or len(shown) == 1:
            _narrow(widths, shown, width, [1] * len(columns))
            return widths
        shown.remove(next((place for place in spare if columns[place].shrinks), spare[-1]))


def fold(
    columns: Sequence[Column], natural: Sequence[int], headings: Sequence[int], width: int
) -> dict[int, int] | None:
    """Return the widths of all columns at which whole values are folded over lines, or ``None`` if there is no room.

    ``headings`` are the widths of the headings, and ``natural`` of whole columns. Long texts are narrowed first, then
    IDs, then all but numbers; none below its heading.
    """
    widths = dict(enumerate(natural))
    least = [max(_LEAST, heading) for heading in headings]
    for group in (
        [place for place, column in enumerate(columns) if column.shrinks],
        [place for place, column in enumerate(columns) if column.is_id],
        [place for place, column in enumerate(columns) if not column.is_number],
    ):
        _narrow(widths, group, width, least)
    return widths if _total(widths) <= width else None


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _narrow(widths: dict[int, int], group: Sequence[int], width: int, least: Sequence[int]) -> None:
    """Take what is too much from the widest of some columns, a character at a time, down to the ``least`` of each."""
    while _total(widths) > width:
        widest = max((place for place in group if widths[place] > least[place]), key=widths.__getitem__, default=None)
        if widest is None:
            return
        widths[widest] -= 1
