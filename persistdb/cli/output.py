"""Rows as a table, as JSON, CSV or Markdown: the one way in which commands print rows.

JSON is ``{"version": 1, "kind": KIND, "rows": [ROW, …]}`` with an object for each row; ``docs/json.md`` documents the
keys of each kind. Within a version keys are only added.

JSON and CSV hold values as they are stored, for programs. On a terminal, whatever the terminal would act on is escaped.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from .messages import printable, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Form = Literal["table", "json", "csv", "markdown"]

JSON_VERSION = 1
SHORT_ID = 12
"""Characters of a long ID that a table on a terminal shows, as other container tools do."""

_LONG_ID = re.compile(r"[0-9a-f]{13,}")
# Beginnings of text that a spreadsheet takes for a formula (owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&#]")


@dataclass(frozen=True, slots=True)
class Output:
    """The form in which a user wants rows: ``--format``, ``--excel`` and ``--no-trunc``."""

    form: Form = "table"
    excel: bool = False
    no_trunc: bool = False


TABLE = Output()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in JSON and CSV, and its form in a table.

    Where a terminal is too narrow, columns with ``shrinks`` are narrowed before others.
    """

    name: str
    heading: str
    is_id: bool = False
    is_number: bool = False
    shrinks: bool = False


def print_rows(kind: str, columns: Sequence[Column], rows: Iterable[Sequence[object]], output: Output = TABLE) -> None:
    """Print rows as they come, or, for a table, once all are known: its columns are as wide as their longest value."""
    if output.form == "json":
        names = [column.name for column in columns]
        print_json(kind, (dict(zip(names, row, strict=True)) for row in rows))
    elif output.form == "csv":
        _print_csv(columns, rows, excel=output.excel)
    elif output.form == "markdown":
        _print_markdown(columns, rows)
    else:
        print_table(columns, rows, no_trunc=output.no_trunc)


def print_json(kind: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as one JSON value, one row per line."""
    import msgspec

    encode = msgspec.json.Encoder(enc_hook=str).encode
    shown = _escaped_json if sys.stdout.isatty() else str
    out = _Utf8()
    out.write(shown(f'{{"version": {JSON_VERSION}, "kind": "{kind}", "rows": ['))
    separator = "\n"
    for row in rows:
        out.write(separator + shown(encode(row).decode()))
        separator = ",\n"
    out.write("\n]}\n")


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, no_trunc: bool = False) -> None:
    """Print rows as a table: fitted to the terminal, or, elsewhere, as plain text with whole values."""
    if sys.stdout.isatty():
        _print_on_terminal(columns, rows, no_trunc=no_trunc)
    else:
        _print_plain(columns, rows)


def print_line(text: str) -> None:
    """Print a text on one line."""
    sys.stdout.write(printable(text) + "\n")


def print_lines(lines: Iterable[str]) -> None:
    """Print texts, one per line."""
    for line in lines:
        print_line(line)


def print_code(lines: Iterable[str]) -> None:
    """Print lines of code for a program that reads stdin; on a terminal they are texts."""
    shown = printable if sys.stdout.isatty() else str
    for line in lines:
        sys.stdout.write(shown(line) + "\n")


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


def _print_on_terminal(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, no_trunc: bool) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from .widths import fit

    console = Console(highlight=False, emoji=False)
    show = (lambda _, value: cell_text(value)) if no_trunc else _short
    lines = [[show(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
    widths: Mapping[int, int | None] = dict.fromkeys(range(len(columns)))
    if not no_trunc:
        headings = [printable(column.heading) for column in columns]
        natural = [max(map(cell_len, texts)) for texts in zip(headings, *lines, strict=True)]
        widths = fit(columns, natural, console.width)
    overflow: Literal["fold", "ellipsis"] = "fold" if no_trunc else "ellipsis"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, width in widths.items():
        column = columns[place]
        # Rich narrows columns that may wrap before others.
        table.add_column(
            Text(printable(column.heading), no_wrap=True, overflow="ellipsis"),
            justify="right" if column.is_number else "left",
            no_wrap=not (no_trunc and (column.shrinks or column.is_id)),
            min_width=8 if no_trunc and column.shrinks else None,
            width=width,
            overflow=overflow,
        )
    for line in lines:
        # as Text, not str: square brackets in data are not markup
        table.add_row(*(Text(line[place], no_wrap=not no_trunc, overflow=overflow) for place in widths))
    console.print(table)
    left_out = [column.heading for place, column in enumerate(columns) if place not in widths]
    if left_out:
        tell(f"no room in {console.width} columns for {', '.join(left_out)}")


def _print_plain(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    from rich.cells import cell_len  # start-up cost; East Asian characters are two columns wide

    lines = [[printable(column.heading) for column in columns], *([cell_text(value) for value in row] for row in rows)]
    widths = [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            " " * (width - cell_len(text)) + text if column.is_number else text + " " * (width - cell_len(text))
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _print_markdown(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    print_lines(
        [
            _markdown_line(printable(column.name) for column in columns),
            _markdown_line("--:" if column.is_number else "---" for column in columns),
        ]
    )
    print_lines(_markdown_line("" if value is None else cell_text(value) for value in row) for row in rows)


def _markdown_line(cells: Iterable[str]) -> str:
    # characters with a meaning in Markdown or in HTML; a backslash takes it away (GitHub Flavored Markdown)
    return "| " + " | ".join(_MARKDOWN.sub(r"\\\g<0>", cell) for cell in cells) + " |"


def _escaped_json(text: str) -> str:
    """Write JSON of one line without the characters that :func:`printable` escapes: it means the same."""
    if text.isprintable():
        return text
    # Characters below the space are never within a string: between values they are blanks.
    return "".join(
        character if character.isprintable() else " " if character < " " else json.dumps(character)[1:-1]
        for character in text
    )


def _print_csv(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, excel: bool) -> None:
    shown = _printable_value if sys.stdout.isatty() else _same
    out = _Utf8()
    if excel:
        out.write("\ufeff")
    writer = csv.writer(out)  # RFC 4180: quotes where needed, CRLF
    writer.writerow([shown(column.name) for column in columns])
    for row in rows:
        writer.writerow([shown(_csv_value(value, excel=excel)) for value in row])


def _printable_value(value: object) -> object:
    return printable(value) if isinstance(value, str) else value


def _same(value: object) -> object:
    return value


def _csv_value(value: object, *, excel: bool) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if excel and isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


class _Utf8:
    """A file that writes UTF-8 to stdout with line ends as they are, whatever the terminal's encoding."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = sys.stdout.buffer

    def write(self, text: str) -> int:
        """Write text; the method that ``csv.writer`` calls."""
        return self._out.write(text.encode())
