"""Lines on stderr, and text from elsewhere made safe to print."""

from __future__ import annotations

from contextlib import suppress

import click


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
    """Print one line on stderr; if that fails, the work goes on and the exit status stays."""
    with suppress(OSError):
        click.echo(printable(line), err=True)


def complain(problem: object) -> None:
    """Print one line on stderr about what went wrong."""
    tell(f"persistdb: {problem}")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 sandbox``, ``2 sandboxes``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
