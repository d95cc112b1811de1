"""Options that several commands share, and a way to pass many options as one value."""

from __future__ import annotations

import functools
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

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


def format_option(*formats: Form) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--format`` to a command, passed as ``output``."""
    csv = "; CSV begins with the column names" if "csv" in formats else ""
    option = click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default="table",
        show_default=True,
        help=f"The output format. JSON has a fixed, versioned shape{csv}.",
    )
    return lambda command: option(gathered("output", Output)(command))


def output_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add ``--no-trunc``, ``--format`` and ``--excel`` to a command, passed as ``output``."""
    excel = click.option("--excel", is_flag=True, help="With --format csv: add a byte-order mark and defuse formulas.")
    no_trunc = click.option("--no-trunc", is_flag=True, help="Do not shorten values in a table on a terminal.")
    return no_trunc(all_formats_option(excel(command)))


all_formats_option = format_option("table", "json", "csv", "markdown")


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


timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=Seconds(min=0.001, max=1_000_000),
    default=30.0,
    show_default=True,
    help="Stop the query after this time.",
)
