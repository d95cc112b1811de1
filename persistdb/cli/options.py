"""Options that several commands share, and a way to pass many options as one value."""

from __future__ import annotations

import functools
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from . import complete
from .output import Output
from .templates import MARK, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from .output import Form

T = TypeVar("T")


def gathered(name: str, kind: type) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Pass a command's arguments and options that are fields of a dataclass as one parameter, ``name``."""

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(command)
        def call(*arguments: object, **options: object) -> T:
            values = {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}
            return command(*arguments, **options, **{name: kind(**values)})

        return call

    return decorate


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Read names with commas between them."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    for place, name in enumerate(names):
        if not name or name in names[:place]:
            fault = f"has {name!r} twice" if name else "has an empty name"
            raise click.BadParameter(f"{value!r} {fault}.", ctx, param)
    return names


_NOTES: Final[dict[Form, str]] = {
    "wide": "wide is a table with all columns and whole values, however long its lines.",
    "json": "JSON has a fixed, versioned shape, and YAML the same.",
    "csv": "CSV begins with the column names.",
}


def _form(ctx: click.Context, param: click.Parameter, value: str, formats: Sequence[Form]) -> Form | Template:
    """Read the name of a format, or a template."""
    for form in formats:
        if value == form:
            return form
    if MARK not in value:
        known = ", ".join(formats)
        raise click.BadParameter(f"{value!r} is none of {known}, and no template such as '{{{{.cid}}}}'.", ctx, param)
    try:
        return Template.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def format_option(*formats: Form) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--format`` to a command, passed as ``output``."""
    notes = [note for form, note in _NOTES.items() if form in formats]
    option = click.option(
        "-o",
        "--format",
        "form",
        metavar="FORMAT",
        callback=lambda ctx, param, value: _form(ctx, param, value, formats),
        shell_complete=complete.words(*formats),
        default="table",
        show_default=True,
        help=f"{', '.join(formats)}, or a template such as '{{{{.cid}}}} {{{{.state}}}}', a line for each row. "
        + " ".join(notes),
    )
    return lambda command: option(gathered("output", Output)(command))


def row_options(*names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--columns`` and ``--format`` to a command that prints rows; ``names`` are the columns known beforehand."""
    known = f" Known: {', '.join(names)}." if names else ""
    columns = click.option(
        "--columns",
        metavar="A,B,…",
        callback=_names,
        shell_complete=complete.names(*names),
        help=f"Print only these columns, in this order.{known}",
    )
    all_formats = format_option("table", "wide", "json", "yaml", "csv", "markdown")
    return lambda command: columns(all_formats(command))


def output_options(*names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--no-trunc``, ``--columns``, ``--format`` and ``--excel`` to a command, passed as ``output``."""
    excel = click.option("--excel", is_flag=True, help="With --format csv: add a byte-order mark and defuse formulas.")
    no_trunc = click.option(
        "--no-trunc", is_flag=True, help="Do not shorten values in a table on a terminal: fold them where it is narrow."
    )
    return lambda command: no_trunc(row_options(*names)(excel(command)))


class Whole(click.IntRange):
    """A whole number in ASCII digits; ``int()`` also takes underscores, blanks, and digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the number."""
        if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,4000}", value):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds in ASCII digits; ``float()`` also takes ``nan``, ``inf``, and what ``int()`` does."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the number."""
        if isinstance(value, str) and not re.fullmatch(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", value):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return super().convert(value, param, ctx)


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a time as people write it; an age is one before now."""
    from ..errors import InvalidValue
    from ..filters import parse_time

    if value is None:
        return None
    try:
        return parse_time(value)
    except InvalidValue as error:
        raise click.BadParameter(f"{value!r}: {error.reason}.", ctx, param) from None


def order_options(default: str, complete_with: Callable[..., Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--sort`` and ``--limit`` to a command that lists."""
    sort = click.option(
        "--sort",
        metavar="COLUMN",
        default=default,
        shell_complete=complete_with,
        show_default=True,
        help="The column to sort by; -COLUMN reverses the order.",
    )
    limit = click.option("--limit", metavar="N", type=Whole(min=1), help="List the first N only.")
    return lambda command: sort(limit(command))


at_option = click.option(
    "--at",
    metavar="TIME",
    callback=_time,
    help="As it was at this time: 2026-01-31T12:00:00Z, a date, or an age such as 15m, 2h, 7d.",
)
timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=Seconds(min=0.001, max=1_000_000),
    default=30.0,
    show_default=True,
    help="Stop the query after this time.",
)
