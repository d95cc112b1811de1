"""``sql``: one statement that reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from .answers import print_answer
from .messages import complain, counted
from .output import Form, excel_option, format_option, no_trunc_option
from .target import Target, pass_target

if TYPE_CHECKING:
    from typing import BinaryIO


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
def sql(
    target: Target,
    query: str | None,
    file: BinaryIO | None,
    limit: int,
    timeout: float,
    no_trunc: bool,
    form: Form,
    excel: bool,
) -> None:
    """Ask the database one question in its own SQL.

    QUERY is one SELECT, WITH … SELECT or VALUES; it is read from stdin if it is - or not given. The database itself
    refuses all that writes.
    """
    from ..reports import readonly

    if query not in (None, "-") and file is not None:
        raise click.UsageError("QUERY and --file: give one of them")
    if query is None and file is None and sys.stdin.isatty():
        raise click.UsageError("say what to ask: a QUERY, --file FILE, or - for stdin")
    if file is not None or query in (None, "-"):
        try:
            query = (file or sys.stdin.buffer).read().decode()
        except UnicodeDecodeError as error:
            raise click.UsageError(f"the statement is not UTF-8: {error.reason} at byte {error.start}") from None
        if not query.strip():
            raise InvalidValue("query", query, f"no statement {'on stdin' if file is None else 'in the file'}")
    assert query is not None  # noqa: S101  for the type checker
    with target.database() as database:
        answer = readonly.read(database, query, timeout=timeout, limit=limit or None)
    print_answer("query", answer, form=form, no_trunc=no_trunc, excel=excel)
    if answer.is_cut:
        complain(f"cut after {counted(len(answer.rows), 'row')}: there are more; --limit N gives N, --limit 0 all")
