"""Options that several commands share, and a way to pass many options as one value."""

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

timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001),
    default=30.0,
    show_default=True,
    help="Stop the query after this time.",
)
