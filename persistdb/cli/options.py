"""Options that several commands share, and how a command takes many of its options as one value."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

import click

from .output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from .output import Form

T = TypeVar("T")


def gathered(name: str, kind: type) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Pass the arguments and options that are fields of a dataclass to a command as one parameter ``name``."""

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(command)
        def call(*arguments: object, **options: object) -> T:
            values = {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}
            return command(*arguments, **options, **{name: kind(**values)})

        return call

    return decorate


def format_option(*formats: Form) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command ``--format``, which it gets as ``output``."""
    csv = "; CSV has a line of column names" if "csv" in formats else ""
    option = click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default="table",
        show_default=True,
        help=f"How rows are printed. JSON has a fixed, versioned shape{csv}.",
    )
    return lambda command: option(gathered("output", Output)(command))


def output_options(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command ``--no-trunc``, ``--format`` and ``--excel``, which it gets as ``output``."""
    excel = click.option(
        "--excel", is_flag=True, help="With --format csv: a byte-order mark, and no text that is taken for a formula."
    )
    no_trunc = click.option("--no-trunc", is_flag=True, help="Cut nothing short in a table on a terminal.")
    return no_trunc(all_formats_option(excel(command)))


all_formats_option = format_option("table", "json", "csv", "markdown")

timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001),
    default=30.0,
    show_default=True,
    help="Give up then.",
)
