"""``sql``: one statement that reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .answers import print_answer
from .options import output_options, timeout_option
from .status import Misuse, reading_arguments
from .target import Target, pass_target

if TYPE_CHECKING:
    from typing import BinaryIO

    from .output import Output


@click.command(
    "sql",
    epilog="""\b
Examples:
  persistdb sql "SELECT host, count(*) FROM containers GROUP BY host"
  persistdb sql "SELECT * FROM mounts WHERE cid LIKE '0a9b%'" --format csv
  persistdb sql --file question.sql --format markdown
  echo "SELECT * FROM devices" | persistdb sql -

\b
The views sandboxes, containers, mounts, devices, processes and sandbox_devices
are described in docs/reporting.md. Nothing can be written.
""",
)
@click.argument("query", required=False)
@click.option("--file", "-f", "file", metavar="FILE", type=click.File("rb"), help="Read the statement from a file.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="The first N rows; 0 for all.",
)
@timeout_option
@output_options
@pass_target
def sql(target: Target, query: str | None, file: BinaryIO | None, limit: int, timeout: float, output: Output) -> None:
    """Ask the database one question in its own SQL.

    QUERY is one SELECT, WITH … SELECT or VALUES; it is read from stdin if it is - or not given. The database itself
    refuses all that writes.
    """
    from ..reports import readonly

    statement = _statement(query, file)
    with target.database() as database, reading_arguments():
        answer = readonly.read(database, statement, timeout=timeout, limit=limit or None)
    print_answer("query", answer, output, for_more="; --limit N gives N, --limit 0 all")


def _statement(query: str | None, file: BinaryIO | None) -> str:
    """Return the statement, from where it is: the argument, a file, or stdin."""
    if query not in (None, "-") and file is not None:
        raise click.UsageError("QUERY and --file: give one of them")
    if query is None and file is None and sys.stdin.isatty():
        raise click.UsageError("say what to ask: a QUERY, --file FILE, or - for stdin")
    if query is not None and query != "-":
        return query
    try:
        statement = (file or sys.stdin.buffer).read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the statement is not UTF-8: {error.reason} at byte {error.start}") from None
    if not statement.strip():
        raise Misuse(f"query: no statement {'on stdin' if file is None else 'in the file'}: {statement!r}")
    return statement
