"""Lines on stderr, and text from elsewhere made safe to print."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal, NamedTuple

import click

from ..errors import PersistDBError

Form = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]


class Style(NamedTuple):
    """How a run of the program writes on stderr: ``--log-format``, ``--verbose`` and ``--quiet``."""

    log_format: Form = "text"
    verbose: int = 0
    quiet: bool = False


style = Style()
"""The style of this run. Of the process, for also other threads write."""


def use(wanted: Style) -> None:
    """Write in a style from now on."""
    global style
    style = wanted


def printable(text: str) -> str:
    r"""Escape characters on which a terminal would act instead of showing them: ``\n``, ``\x1b``, ``\u202e``.

    These are control characters, marks that change the direction of text, invisible characters, and blanks other than
    the space. IDs and paths may hold any of them.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def tell(line: str) -> None:
    """Print a note on stderr, unless only problems are wanted."""
    if not style.quiet:
        write(line, line, "info")


def complain(problem: object, level: Level = "warning") -> None:
    """Print one line on stderr about what went wrong; an error of ours names the command that helps."""
    message = said(problem)
    write(f"persistdb: {message}", message, level)


def said(problem: object) -> str:
    """Return the text of a problem on the command line."""
    return problem.on_command_line() if isinstance(problem, PersistDBError) else str(problem)


def write(line: str, message: str, level: Level) -> None:
    """Write one line on stderr, ``message`` as JSON or ``line``; if that fails, the work and the exit status go on."""
    if style.log_format == "json":
        import json
        from datetime import UTC, datetime

        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "level": level, "message": message})
    with suppress(OSError):
        click.echo(printable(line), err=True)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 sandbox``, ``2 sandboxes``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
