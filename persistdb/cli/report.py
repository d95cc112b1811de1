"""``report``: the list of named reports, and their rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from . import complete
from .answers import columns_of, number_of, print_answer
from .columns import Column
from .empty import nothing
from .messages import complain, tell
from .options import Whole, at_option, gathered, output_options, timeout_option
from .output import print_line, print_lines, print_rows
from .page import Wanted, page_options, print_metadata, write_page
from .progress import Share
from .repeat import repeated, watch_option
from .status import DONE, IN_PART, reading_arguments
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ..db.database import Database
    from ..reports import Page, Report
    from .output import Output

_COLUMNS = (Column("name", "REPORT"), Column("parameters", "PARAMETERS"), Column("title", "SHOWS", shrinks=True))


@dataclass(frozen=True)
class _Question:
    """The requested report, its parameters as typed, the user's folder of reports, and how its rows are wanted."""

    name: str | None
    values: Sequence[str]
    own: Path | None
    all_hosts: bool
    limit: int | None
    sort: str | None
    timeout: float
    every: float | None
    fail: bool
    at: datetime | None

    def folder(self) -> Path:
        """Return the folder of the user's reports; refuse one that does not exist."""
        from .. import reports

        if self.own is None:
            return reports.folder()
        if not self.own.is_dir():
            raise click.UsageError(f"--reports, PERSISTDB_REPORTS or configuration file: {self.own} is not a folder")
        return self.own


@click.command(
    "report",
    epilog="""\b
Examples:
  persistdb report                                  list the reports
  persistdb report leftover-mounts                  mounts left by containers that have stopped
  persistdb report device-holders d6a2f3c8b1e04a7f  the containers that hold this device
  persistdb report stale 2h --fail                  for monitoring: exit with 1 if there are rows
  persistdb report summary --host node-7            of one host
  persistdb report device-holders d6a2f3c8b1e04a7f --at 2h
                                                    who held it two hours ago
  persistdb report leftover-mounts --watch 5        again every five seconds
  persistdb report writable-binds --describe        its advice, parameters and SQL
  persistdb report stale --sort -updated_at --columns host,cid,updated_at
  persistdb report largest count=3 --format json | jq '.rows[].sid'
  persistdb report --html fleet.html                a page with plots, for a browser
  persistdb report --datasette-metadata > metadata.json
                                                    the reports as Datasette's queries

\b
Your own reports are .sql files in the folder of --reports or PERSISTDB_REPORTS,
else in persistdb/reports where your configuration is (docs/reporting.md).
""",
)
@click.argument("name", required=False, shell_complete=complete.reports)
@click.argument("values", metavar="[VALUE | NAME=VALUE]…", nargs=-1)
@click.option(
    "--reports",
    "own",
    metavar="DIR",
    envvar="PERSISTDB_REPORTS",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="The folder of your own reports.",
)
@click.option("--describe", is_flag=True, help="Show the report's advice, parameters and SQL; don't run it.")
@click.option("--fail", is_flag=True, help="Exit with 1 if the report has rows.")
@click.option("--limit", metavar="N", type=Whole(min=1), help="Print the first N rows only.")
@click.option("--sort", metavar="COLUMN", help="The column to sort by; -COLUMN reverses the order.")
@click.option("--all-hosts", is_flag=True, help="Cover all hosts, also if a host is set.")
@page_options
@at_option
@watch_option
@timeout_option
@output_options()
@host_option
@gathered("wanted", Wanted)
@gathered("question", _Question)
@pass_target
def report(target: Target, question: _Question, wanted: Wanted, describe: bool, output: Output) -> int:
    """Run a named report over all hosts in the database.

    With --host or PERSISTDB_HOST it covers one host. Without NAME, list the reports, or write with --html a page that
    shows the fleet: states over time, hosts, what to look into, mounts and devices, a pod's time line.

    A report that takes more than a second is read for some hosts after others: then --timeout is for each part, and a
    terminal shows how far it is.
    """
    from .. import reports

    if question.every is not None and (question.name is None or describe or question.fail):
        raise click.UsageError("--watch repeats a report: give its NAME, and leave out --describe and --fail")
    is_page = wanted.check(question.name)
    if is_page and (question.fail or question.limit or question.sort):
        raise click.UsageError("--fail, --limit and --sort are about the rows of one report: give its NAME")
    folder = question.folder()
    target.check_host()
    host = None if question.all_hosts else target.host
    if is_page:
        if wanted.datasette_metadata:
            print_metadata(target, folder)
        else:
            write_page(target, wanted, host=host, at=question.at, timeout=question.timeout)
        return DONE
    with target.reader() as database:
        engine = database.backend.name
        if question.name is None:
            return _list(engine, folder, output)
        with reading_arguments():
            path = reports.locate(question.name, engine, folder, past=question.at is not None)
        asked = reports.read(question.name, path)
        if describe:
            _describe(asked)
            return DONE
        return repeated(question.every, lambda: _run(database, asked, host, question, output), output)


def _run(database: Database, asked: Report, host: str | None, question: _Question, output: Output) -> int:
    from .. import reports

    with reading_arguments():
        values = asked.values(question.values)
    if question.at is not None:
        reports.check_time(database, question.at)
        values[reports.AT] = question.at
    limit = question.limit if question.sort is None else None
    if host is not None:
        answer = reports.run(database, asked, values, host=host, timeout=question.timeout, limit=limit)
    else:
        with Share("read", "sandboxes") as share:
            pages = reports.stream(database, asked, values, timeout=question.timeout, limit=limit)
            if question.every is None:
                pages = _told(pages, share)
            # a table's columns depend on all its rows
            if question.sort is None and output.form not in ("table", "wide", "markdown"):
                return _print_pages(pages, asked, question, output)
            answer = reports.whole(pages)
    if question.sort is not None:
        with reading_arguments():
            answer = reports.ordered(answer, question.sort, question.limit)
    print_answer(f"report/{asked.name}", answer, output)
    if not answer.rows and output.is_for_people:
        tell(nothing("rows", database, host))
    if asked.is_finding and answer.rows and output.is_for_people:
        complain(f"{number_of(len(answer.rows), is_cut=answer.is_cut)}. {asked.advice}")
    elif answer.is_cut:
        complain(number_of(len(answer.rows), is_cut=True))
    return IN_PART if question.fail and answer.rows else DONE


def _told(pages: Iterator[Page], share: Share) -> Iterator[Page]:
    for page in pages:
        if page.all_sandboxes:
            share.reach(page.sandboxes, page.all_sandboxes)
        yield page


def _print_pages(pages: Iterator[Page], asked: Report, question: _Question, output: Output) -> int:
    """Print each page's rows when it is read."""
    last = first = next(pages).rows
    number = 0

    def rows() -> Iterator[Sequence[object]]:
        nonlocal last, number
        for last in chain([first], (page.rows for page in pages)):
            number += len(last.rows)
            yield from last.rows

    print_rows(f"report/{asked.name}", columns_of(first), rows(), output)
    if last.is_cut:
        complain(number_of(number, is_cut=True))
    return IN_PART if question.fail and number else DONE


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

    print_line(f"{asked.name}: {asked.title}")
    if asked.advice:
        click.echo()
        print_line(f"What to do: {asked.advice}")
    if asked.parameters:
        click.echo("\nParameters:")
    for parameter in asked.parameters:
        default = "" if parameter.default is None else f"; {parameter.default} if not given"
        print_line(f"  {parameter.name}: {parameter.text} ({TYPES[parameter.type]}{default})")
    click.echo()
    print_lines(asked.sql.splitlines())
