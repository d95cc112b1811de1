"""Texts of several JSON files as one JSON object by name, which is how a record's files are stored together."""

from __future__ import annotations

from .gojson import Malformed, scan


def join_files(texts: dict[str, str]) -> str:
    """Join texts to one JSON object by name; each text stays as it is, white space included."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def split_files(joined: str) -> dict[str, str]:
    """Split an object of files into their texts by name; raises :class:`ValueError` if it is not one.

    A name that leads out of a folder is refused, too: an export creates files of these names, and whoever may write to
    the database may have written the text.
    """
    texts: dict[str, str] = {}
    try:
        members, _ = scan.members(joined, scan.skip_space(joined, 0))
    except Malformed as error:
        raise ValueError(f"it is not an object of files by name: {error}") from None
    for member in members:
        # join_files adds no white space: all of it around the value is the file's own.
        if {"", ".", ".."} & set(member.key.split("/")):
            raise ValueError(f"{member.key!r} is no name of a file")
        begin = joined.rindex(":", 0, member.start) + 1
        texts[member.key] = joined[begin : scan.skip_space(joined, member.end)]
    return texts
