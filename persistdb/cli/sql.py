"""``sql``: one read-only query."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .answers import number_of, print_answer, print_expanded
from .messages import complain
from .options import Whole, gathered, output_options, timeout_option
from .status import Misuse, reading_arguments
from .target import Target, pass_target

if TYPE_CHECKING:
    from typing import BinaryIO

    from ..reports.readonly import Rows
    from .output import Output


@dataclass(frozen=True)
class _Question:
    """The query, as an argument or a file, and whether it is trusted with all rights of the user."""

    query: str | None
    file: BinaryIO | None
    trusted: bool


@click.command(
    "sql",
    epilog="""\b
Examples:
  persistdb sql "SELECT host, count(*) FROM containers GROUP BY host"
  persistdb sql "SELECT * FROM mounts WHERE cid LIKE '0a9b%'" --format csv
  persistdb sql -x "SELECT * FROM containers WHERE cid = 'web-1'"
  persistdb sql --file question.sql --format markdown
  echo "SELECT * FROM devices" | persistdb sql -
  persistdb sql                                    on a terminal: \\d lists the views
  persistdb --db state.db sql "EXPLAIN QUERY PLAN SELECT * FROM mounts"

\b
The columns of the views sandboxes, containers, mounts, devices, processes and
sandbox_devices are described in docs/reporting.md.
""",
)
@click.argument("query", required=False)
@click.option("--file", "-f", "file", metavar="FILE", type=click.File("rb"), help="Read the query from a file.")
@click.option(
    "--limit",
    metavar="N",
    type=Whole(min=0),
    default=1000,
    show_default=True,
    help="Print the first N rows only; 0 for all.",
)
@click.option("-x", "--expanded", is_flag=True, help="Print each row with a column a line, for wide rows.")
@click.option("--trusted", is_flag=True, help="Run the query also as a superuser, or with similar rights.")
@timeout_option
@output_options()
@gathered("question", _Question)
@pass_target
def sql(target: Target, question: _Question, expanded: bool, limit: int, timeout: float, output: Output) -> None:
    """Run one read-only query in the database's own SQL.

    QUERY is one SELECT, WITH … SELECT or VALUES, or EXPLAIN of one; it is read from stdin if it is - or missing. On a
    terminal, without QUERY, you are asked for one after another. The database itself refuses whatever would write; with
    --reader-url, whatever has any effect.
    """
    from ..reports import readonly
    from ..schema.prepare import refuse_missing

    if expanded and output.form != "table":
        raise click.UsageError("-x is for people: leave out --format")
    text = _query(question.query, question.file)
    with target.reader() as database:

        def read(query: str) -> Rows:
            with reading_arguments():
                return readonly.read(database, query, timeout=timeout, limit=limit or None, trusted=question.trusted)

        refuse_missing(database)
        if text is None:
            from .interactive import Repl

            Repl(database, read, output, expanded=expanded).run()
            return
        answer = read(text)
    if expanded:
        print_expanded(answer, output)
    else:
        print_answer("query", answer, output)
    if answer.is_cut:
        number = number_of(len(answer.rows), is_cut=True)
        complain(f"{number}; use --limit N for N rows, --limit 0 for all")


def _query(query: str | None, file: BinaryIO | None) -> str | None:
    """Return the query from the argument, a file, or stdin; ``None`` if a person at a terminal is to be asked."""
    if query not in (None, "-") and file is not None:
        raise click.UsageError("QUERY and --file exclude each other: give one of them")
    if query is None and file is None and sys.stdin.isatty():
        if sys.stdout.isatty():
            return None
        raise click.UsageError("no query: give QUERY, --file FILE, or - for stdin")
    if query is not None and query != "-":
        return query
    try:
        text = (file or sys.stdin.buffer).read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the query is not UTF-8: {error.reason} at byte {error.start}") from None
    if not text.strip():
        raise Misuse(f"query: no statement {'on stdin' if file is None else 'in the file'}: {text!r}")
    return text
