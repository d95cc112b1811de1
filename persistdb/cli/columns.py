"""The columns of rows: their names and headings, and which of them are printed. Pure: nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .status import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Column(NamedTuple):
    """One column: its name in JSON, CSV and ``--columns``, and its form in a table.

    Where a terminal is too narrow, columns with ``shrinks`` are narrowed before others, and all but the ones with
    ``stays`` may be left out. One with ``is_extra`` is in a table only if it was asked for.
    """

    name: str
    heading: str
    is_id: bool = False
    is_number: bool = False
    shrinks: bool = False
    stays: bool = False
    is_extra: bool = False


STAY = frozenset({"host", "sid", "cid", "state"})
"""The names of columns that no table leaves out by itself: which container it is, where, and how it is."""


def places(columns: Sequence[Column], names: Iterable[str]) -> list[int]:
    """Return the places of the columns of these names; an unknown name is misuse."""
    known = [column.name for column in columns]
    found = []
    for name in names:
        if name not in known:
            raise Misuse(f"no column {name!r}; use some of {', '.join(known)}")
        found.append(known.index(name))
    return found
