"""Text from elsewhere made safe to show: IDs, paths and names may hold any character."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escape characters on which a terminal or a page would act instead of showing them: ``\n``, ``\x1b``, ``\u202e``.

    These are control characters, marks that change the direction of text, invisible characters, and blanks other than
    the space. IDs and paths may hold any of them.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
