"""The widths of a table's columns on a terminal that may be too narrow for it. Pure: nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = 2
_LEAST: Final = 8
"""The narrowest that a column is made, unless all of its values are shorter."""


class Column(Protocol):
    """What matters of a column: whether its values may be shortened, and it left out."""

    @property
    def stays(self) -> bool:
        """Whether it is never left out."""

    @property
    def is_id(self) -> bool:
        """Whether its values are IDs, of which the beginning is enough."""

    @property
    def shrinks(self) -> bool:
        """Whether it is narrowed before others."""


def fit(columns: Sequence[Column], natural: Sequence[int], width: int) -> dict[int, int]:
    """Return the places of the columns to show, each with its width; ``natural`` is what their values take.

    Long texts are narrowed first, then IDs. If that is not enough, columns are left out: long texts, then the last.
    """
    shown = list(range(len(columns)))
    while True:
        widths = {place: natural[place] for place in shown}
        for group in (
            [place for place in shown if columns[place].shrinks],
            [place for place in shown if columns[place].is_id],
            [place for place in shown if columns[place].stays],
        ):
            _narrow(widths, group, width)
        if _total(widths) <= width:
            return widths
        spare = [place for place in shown if not columns[place].stays]
        if not spare or len(shown) == 1:
            _narrow(widths, shown, width, least=1)
            return widths
        shown.remove(next((place for place in spare if columns[place].shrinks), spare[-1]))


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _narrow(widths: dict[int, int], group: Sequence[int], width: int, least: int = _LEAST) -> None:
    """Take what is too much from the widest of some columns, a character at a time."""
    while _total(widths) > width:
        widest = max(group, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= least:
            return
        widths[widest] -= 1
