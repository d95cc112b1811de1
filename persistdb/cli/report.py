"""``report``: the named reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from .answers import print_answer
from .messages import complain, counted, printable
from .output import Column, Form, excel_option, format_option, no_trunc_option, print_lines, print_rows
from .program import DONE, IN_PART
from .target import Target, pass_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports import Report

_COLUMNS = (Column("name", "REPORT"), Column("parameters", "PARAMETERS"), Column("title", "SHOWS", shrinks=True))


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
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001),
    default=30.0,
    show_default=True,
    help="Give up then.",
)
@no_trunc_option
@format_option
@excel_option
@pass_target
def report(
    target: Target,
    name: str | None,
    values: Sequence[str],
    own: Path | None,
    describe: bool,
    fail: bool,
    limit: int | None,
    timeout: float,
    no_trunc: bool,
    form: Form,
    excel: bool,
) -> int:
    """Ask a question that operators ask again and again, of all hosts in the database.

    Without NAME, the reports that there are.
    """
    from .. import reports

    place = own or reports.folder()
    if own is not None and not own.is_dir():
        raise click.UsageError(f"--reports: {own}: not a folder")
    with target.database() as database:
        engine = database.backend.name
        if name is None:
            return _list(engine, place, form=form, no_trunc=no_trunc, excel=excel)
        found = reports.find(name, engine, place)
        if describe:
            _describe(found)
            return DONE
        answer = reports.run(database, found, values, timeout=timeout, limit=limit)
    print_answer(f"report/{name}", answer, form=form, no_trunc=no_trunc, excel=excel)
    if answer.is_cut:
        complain(f"cut after {counted(len(answer.rows), 'row')}: there are more")
    if found.is_finding and answer.rows and form == "table":
        complain(f"{counted(len(answer.rows), 'row')}. {found.advice}")
    return IN_PART if fail and answer.rows else DONE


def _list(engine: str, place: Path, *, form: Form, no_trunc: bool, excel: bool) -> int:
    from .. import reports

    status = DONE
    rows = []
    for name in reports.names(place):
        try:
            found = reports.find(name, engine, place)
        except InvalidValue as error:
            complain(error)
            status = IN_PART
        else:
            rows.append((name, _usage(found), found.title))
    print_rows("reports", _COLUMNS, rows, form=form, no_trunc=no_trunc, excel=excel)
    return status


def _usage(found: Report) -> str:
    return " ".join(
        p.name.upper() if p.default is None else f"[{p.name.upper()}={p.default}]" for p in found.parameters
    )


def _describe(found: Report) -> None:
    from ..reports.parameters import TYPES

    click.echo(printable(f"{found.name}: {found.title}"))
    if found.advice:
        click.echo()
        click.echo(printable(f"What to do: {found.advice}"))
    if found.parameters:
        click.echo("\nParameters:")
    for parameter in found.parameters:
        default = "" if parameter.default is None else f"; {parameter.default} if not given"
        click.echo(printable(f"  {parameter.name}: {parameter.text} ({TYPES[parameter.type]}{default})"))
    click.echo()
    print_lines(found.sql.splitlines())
