"""``report --html`` and ``report --datasette-metadata``: what is written for a browser, and for Datasette."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidValue
from . import complete
from .messages import tell
from .status import importing, reading_arguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .target import Target

_STDOUT = "-"


@dataclass(frozen=True)
class Wanted:
    """What is wanted in the place of a report's rows."""

    html: str | None
    since: str | None
    sandbox: str | None
    mode: int | None
    datasette_metadata: bool

    def check(self, name: str | None) -> bool:
        """Return whether anything is; refuse what makes no sense together, and beside the ``name`` of a report."""
        others = {"--since": self.since, "--sandbox": self.sandbox, "--mode": self.mode}
        given = [option for option, value in others.items() if value is not None]
        if given and self.html is None:
            raise click.UsageError(f"{given[0]} is for --html")
        if self.html is not None and self.datasette_metadata:
            raise click.UsageError("--html and --datasette-metadata exclude each other: give one of them")
        is_any = self.html is not None or self.datasette_metadata
        if is_any and name is not None:
            raise click.UsageError(f"--html and --datasette-metadata are about all reports: leave out {name}")
        return is_any


class _Mode(click.ParamType[int]):
    """A file's mode in octal digits."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) in (3, 4)) or set(text) & {"8", "9"}:
            self.fail(f"{text!r} is no mode such as 600 or 0644.", param, ctx)
        return int(text, 8) & 0o777


def page_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(
        (
            click.option(
                "--html",
                metavar="FILE",
                shell_complete=complete.paths,
                help="Write a page that shows the fleet, for a browser; - is stdout. It needs no network.",
            ),
            click.option(
                "--since",
                metavar="TIME",
                help="With --html: what happened from this time on, a time or an age; by default 7d.",
            ),
            click.option(
                "--sandbox",
                metavar="SID",
                shell_complete=complete.sandboxes,
                help="With --html: the pod whose time line it shows, by its whole ID; by default the busiest.",
            ),
            click.option("--mode", metavar="MODE", type=_Mode(), help="With --html: the file's mode; by default 600."),
            click.option(
                "--datasette-metadata",
                is_flag=True,
                help="Print the reports as Datasette's metadata, each a query with its parameters.",
            ),
        )
    ):
        command = option(command)
    return command


def write_page(target: Target, wanted: Wanted, *, host: str | None, at: datetime | None, timeout: float) -> None:
    """Write the page as a whole: a reader sees the file before it, or this one."""
    with importing("report --html", extra="page"):
        from ..reports.page import html
    from ..filters import parse_time
    from ..replacing import replace

    since = None
    if wanted.since is not None:
        with reading_arguments():
            since = parse_time(wanted.since)
    with target.reader() as database:
        try:
            text = html.page(database, html.Options(host, at, since, wanted.sandbox, timeout))
        except InvalidValue as error:
            if error.field != "since":
                raise
            raise click.UsageError(f"--since: {error.reason}") from None
    if wanted.html == _STDOUT:
        sys.stdout.write(text)
        return
    path = Path(str(wanted.html))
    replace(path, text.encode(), mode=0o600 if wanted.mode is None else wanted.mode)
    tell(f"wrote {path}")


def print_metadata(target: Target, folder: Path) -> None:
    """Print the metadata for the file that the target names."""
    from ..reports import datasette

    with target.database() as database:
        with reading_arguments():
            datasette.check(database)
        sys.stdout.write(datasette.metadata(database, folder))
