"""Rows as a table, as JSON, YAML, CSV, Markdown or lines of a template: the one way in which commands print rows.

JSON is ``{"version": 1, "kind": KIND, "rows": [ROW, …]}`` with an object for each row; ``docs/json.md`` documents the
keys of each kind. Within a version keys are only added.

JSON, YAML and CSV hold values as they are stored, for programs. On a terminal, whatever the terminal would act on is
escaped.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from .columns import places
from .messages import printable
from .status import Misuse
from .tables import cell_text, print_plain, print_table
from .templates import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .columns import Column

Form = Literal["table", "wide", "json", "yaml", "csv", "markdown"]

JSON_VERSION = 1

_FOR_PEOPLE: Final = ("table", "wide")
# Beginnings of text that a spreadsheet takes for a formula (owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&#]")


@dataclass(frozen=True, slots=True)
class Output:
    """The form in which a user wants rows: ``--format``, ``--columns``, ``--excel`` and ``--no-trunc``."""

    form: Form | Template = "table"
    columns: Sequence[str] | None = None
    excel: bool = False
    no_trunc: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.form, Template) and self.columns is not None:
            raise Misuse("a template names its columns itself: leave out --columns")

    @property
    def is_for_people(self) -> bool:
        """Whether a person reads it, who may be told more."""
        return self.form in _FOR_PEOPLE

    def places(self, columns: Sequence[Column]) -> list[int]:
        """Return the places of the columns to print, in their order; an unknown name is misuse."""
        names = self.form.fields if isinstance(self.form, Template) else self.columns
        if names is not None:
            return places(columns, names)
        has_room = self.form not in ("table", "markdown")
        return [place for place, column in enumerate(columns) if has_room or not column.is_extra]


TABLE = Output()


def print_rows(
    kind: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    output: Output = TABLE,
    *,
    following: Callable[[], str | None] = lambda: None,
) -> None:
    """Print rows as they come, or, for a table, once all are known: its columns are as wide as their longest value.

    ``following``, asked after the last row, returns the cursor of further rows, which JSON and YAML have as ``next``.
    """
    shown = output.places(columns)
    if shown != list(range(len(columns))):
        columns = [columns[place] for place in shown]
        rows = ([row[place] for place in shown] for row in rows)
    if isinstance(output.form, Template):
        _print_template(output.form, rows)
    elif output.form == "json":
        _print_json(kind, _encoded(columns, rows), following)
    elif output.form == "yaml":
        _print_yaml(kind, _encoded(columns, rows), following)
    elif output.form == "csv":
        _print_csv(columns, rows, excel=output.excel)
    elif output.form == "markdown":
        _print_markdown(columns, rows)
    elif output.form == "wide":
        print_plain(columns, rows)
    else:
        if output.columns is not None:
            columns = [column._replace(stays=True) for column in columns]
        print_table(columns, rows, no_trunc=output.no_trunc)


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


def _encoded(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield each row as an object of JSON."""
    import msgspec

    encode = msgspec.json.Encoder(enc_hook=str).encode
    names = [column.name for column in columns]
    return (encode(dict(zip(names, row, strict=True))) for row in rows)


def _print_json(kind: str, rows: Iterable[bytes], following: Callable[[], str | None]) -> None:
    """Print rows as one JSON value, one row per line."""
    import json  # start-up cost, as all that is of one format

    shown = _escaped_json if sys.stdout.isatty() else str
    out = _Utf8()
    out.write(shown(f'{{"version": {JSON_VERSION}, "kind": "{kind}", "rows": ['))
    separator = "\n"
    for row in rows:
        out.write(separator + shown(row.decode()))
        separator = ",\n"
    cursor = following()
    out.write("\n]}\n" if cursor is None else f'\n], "next": {json.dumps(cursor)}}}\n')


def _print_yaml(kind: str, rows: Iterable[bytes], following: Callable[[], str | None]) -> None:
    from . import yaml_rows  # start-up cost: PyYAML

    shown = yaml_rows.escaped if sys.stdout.isatty() else str
    out = _Utf8()
    for part in yaml_rows.documents({"version": JSON_VERSION, "kind": kind}, "rows", rows):
        out.write(shown(part))
    cursor = following()
    if cursor is not None:
        out.write(yaml_rows.text({"next": cursor}))


def _print_template(template: Template, rows: Iterable[Sequence[object]]) -> None:
    """Print a line for each row, wherever it goes: a value with a line end in it would be two."""
    out = _Utf8()
    for row in rows:
        out.write(template.line([printable(_template_value(value)) for value in row]) + "\n")


def _template_value(value: object) -> str:
    if isinstance(value, list | dict):
        import msgspec

        return msgspec.json.encode(value, enc_hook=str).decode()
    return "" if value is None else str(_csv_value(value, excel=False))


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
    import json

    # Characters below the space are never within a string: between values they are blanks.
    return "".join(
        character if character.isprintable() else " " if character < " " else json.dumps(character)[1:-1]
        for character in text
    )


def _print_csv(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, excel: bool) -> None:
    import csv

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
