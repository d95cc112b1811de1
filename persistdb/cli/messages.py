"""What is said on stderr, and how text that comes from elsewhere is made fit to be printed."""

from __future__ import annotations

from contextlib import suppress

import click


def printable(text: str) -> str:
    r"""Write what a terminal would act on instead of showing it as escape sequences: ``\n``, ``\x1b``, ``\u202e``.

    These are control characters, marks that change the direction of text, invisible ones and blanks but the space. IDs
    and paths may hold any of them.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def tell(line: str) -> None:
    """Say something in one line on stderr; work goes on, and the status stays, also if nobody can read it."""
    with suppress(OSError):
        click.echo(printable(line), err=True)


def complain(problem: object) -> None:
    """Say in one line on stderr what went wrong."""
    tell(f"persistdb: {problem}")


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 sandbox``, ``2 sandboxes``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
