"""``report``: the named reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from .answers import print_answer
from .messages import complain, counted, printable
from .options import gathered, output_options, timeout_option
from .output import Column, print_lines, print_rows
from .status import DONE, IN_PART, reading_arguments
from .target import Target, pass_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports import Report
    from .output import Output

_COLUMNS = (Column("name", "REPORT"), Column("parameters", "PARAMETERS"), Column("title", "SHOWS", shrinks=True))


@dataclass(frozen=True)
class _Question:
    """The report that is asked for, the values of its parameters as they were typed, and a folder to look in first."""

    name: str | None
    values: Sequence[str]
    own: Path | None

    def folder(self) -> Path:
        from .. import reports

        if self.own is None:
            return reports.folder()
        if not self.own.is_dir():
            raise click.UsageError(f"--reports: {self.own}: not a folder")
        return self.own


@click.command(
    "report",
    epilog="""\b
Examples:
  persistdb report                                  which reports there are
  persistdb report leftover-mounts                  what is still mounted for containers that don't run
  persistdb report device-holders d6a2f3c8b1e04a7f  who holds this device
  persistdb report stale 2h --fail                  for a monitor: 1 if there is something to look into
  persistdb report writable-binds --describe        what it is for, its parameters and its SQL
  persistdb report largest count=3 --format json | jq '.rows[].sid'

\b
A folder of .sql files of your own is read beside the bundled ones: --reports DIR,
PERSISTDB_REPORTS, or persistdb/reports where your configuration is.
""",
)
@click.argument("name", required=False)
@click.argument("values", metavar="[VALUE | NAME=VALUE]…", nargs=-1)
@click.option(
    "--reports", "own", metavar="DIR", type=click.Path(path_type=Path), help="A folder of reports of your own."
)
@click.option("--describe", is_flag=True, help="Say what the report is for, and show its SQL; don't run it.")
@click.option("--fail", is_flag=True, help="Exit with 1 if the report has rows.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="The first N rows only.")
@timeout_option
@output_options
@gathered("question", _Question)
@pass_target
def report(
    target: Target,
    question: _Question,
    describe: bool,
    fail: bool,
    limit: int | None,
    timeout: float,
    output: Output,
) -> int:
    """Ask a question that operators ask again and again, of all hosts in the database.

    Without NAME, the reports that there are.
    """
    from .. import reports

    folder = question.folder()
    with target.database() as database:
        engine = database.backend.name
        if question.name is None:
            return _list(engine, folder, output)
        with reading_arguments():
            path = reports.locate(question.name, engine, folder)
        asked = reports.read(question.name, path)
        if describe:
            _describe(asked)
            return DONE
        with reading_arguments():
            values = asked.values(question.values)
        answer = reports.run(database, asked, values, timeout=timeout, limit=limit)
    print_answer(f"report/{asked.name}", answer, output)
    if asked.is_finding and answer.rows and output.form == "table":
        complain(f"{counted(len(answer.rows), 'row')}. {asked.advice}")
    return IN_PART if fail and answer.rows else DONE


def _list(engine: str, folder: Path, output: Output) -> int:
    from .. import reports

    status = DONE
    rows = []
    for name in reports.names(folder):
        try:
            listed = reports.find(name, engine, folder)
        except InvalidValue as error:
            complain(error)
            status = IN_PART
        else:
            rows.append((name, _usage(listed), listed.title))
    print_rows("reports", _COLUMNS, rows, output)
    return status


def _usage(listed: Report) -> str:
    return " ".join(
        p.name.upper() if p.default is None else f"[{p.name.upper()}={p.default}]" for p in listed.parameters
    )


def _describe(asked: Report) -> None:
    from ..reports.parameters import TYPES

    click.echo(printable(f"{asked.name}: {asked.title}"))
    if asked.advice:
        click.echo()
        click.echo(printable(f"What to do: {asked.advice}"))
    if asked.parameters:
        click.echo("\nParameters:")
    for parameter in asked.parameters:
        default = "" if parameter.default is None else f"; {parameter.default} if not given"
        click.echo(printable(f"  {parameter.name}: {parameter.text} ({TYPES[parameter.type]}{default})"))
    click.echo()
    print_lines(asked.sql.splitlines())
