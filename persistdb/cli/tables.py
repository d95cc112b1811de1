"""Tables of text: fitted to a terminal, or plain with whole values."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from .messages import printable, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from .columns import Column

SHORT_ID = 12
"""Characters of a long ID that a table on a terminal shows, as other container tools do."""

_LONG_ID = re.compile(r"[0-9a-f]{13,}")


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, no_trunc: bool = False) -> None:
    """Print rows as a table: fitted to the terminal, or, elsewhere, as plain text with whole values.

    With ``no_trunc`` values are whole on a terminal as well, folded over lines where it is too narrow.
    """
    if not sys.stdout.isatty():
        print_plain(columns, rows)
    elif no_trunc:
        _print_folded(columns, rows)
    else:
        _print_fitted(columns, rows)


def cell_text(value: object) -> str:
    """Return the text of a value in a table, on one line."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    return printable(str(value))


def _short(column: Column, value: object) -> str:
    if isinstance(value, datetime):
        return _age(datetime.now(UTC) - value)
    text = cell_text(value)
    return text[:SHORT_ID] if column.is_id and _LONG_ID.fullmatch(text) else text


def _age(age: timedelta) -> str:
    """Return how long ago it was, in units that filters take."""
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def _print_fitted(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    from .widths import fit

    lines = [[_short(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
    console = _console()
    width = console.width
    widths = fit(columns, _natural(columns, lines), width)
    console.print(_laid_out(columns, lines, widths, folds=False))
    left_out = [column.heading for place, column in enumerate(columns) if place not in widths]
    if left_out:
        tell(f"no room in {width} columns for {', '.join(left_out)}; -o wide shows all")


def _print_folded(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    from .widths import fold

    whole = list(rows)
    lines = [[cell_text(value) for value in row] for row in whole]
    console = _console()
    widths = fold(columns, _natural(columns, lines), _natural(columns, []), console.width)
    if widths is None:  # the terminal's own line breaks are easier to read than columns of a few characters
        print_plain(columns, whole)
    else:
        console.print(_laid_out(columns, lines, widths, folds=True))


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, emoji=False)


def _natural(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> list[int]:
    """Return the width that each column's heading and values take."""
    headings = [printable(column.heading) for column in columns]
    return [max(map(_width, texts)) for texts in zip(headings, *lines, strict=True)]


def _laid_out(
    columns: Sequence[Column], lines: Iterable[Sequence[str]], widths: Mapping[int, int], *, folds: bool
) -> Table:
    from rich.table import Table
    from rich.text import Text

    overflow: Literal["fold", "ellipsis"] = "fold" if folds else "ellipsis"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, width in widths.items():
        table.add_column(
            Text(printable(columns[place].heading), no_wrap=True, overflow="ellipsis"),
            justify="right" if columns[place].is_number else "left",
            no_wrap=not folds,
            width=width,
            overflow=overflow,
        )
    for line in lines:
        # as Text, not str: square brackets in data are not markup
        table.add_row(*(Text(line[place], no_wrap=not folds, overflow=overflow) for place in widths))
    return table


def print_plain(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as plain text with whole values, however long the lines are."""
    GrowingTable(columns).add(rows)


class GrowingTable:
    """A table of plain text to whose end rows are added: a column that needs more room is wider from then on."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._begun = False
        self._widths = [0] * len(columns)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Print rows, the first time below the headings."""
        lines = [[cell_text(value) for value in row] for row in rows]
        if not self._begun:
            lines.insert(0, [printable(column.heading) for column in self._columns])
            self._begun = True
        columns = zip(*lines, strict=True)
        self._widths = [max(width, *map(_width, texts)) for width, texts in zip(self._widths, columns, strict=True)]
        for line in lines:
            padded = [
                " " * (width - _width(text)) + text if column.is_number else text + " " * (width - _width(text))
                for text, width, column in zip(line, self._widths, self._columns, strict=True)
            ]
            sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _width(text: str) -> int:
    """Return the columns of a terminal that printable text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # start-up cost; East Asian characters are two columns wide

    return cell_len(text)
