"""Ranges of rows by a key of several columns. Pure: nothing here touches a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def beyond(key: Sequence[str], operator: str, prefix: str = "", alias: str = "") -> str:
    """Write the condition of rows on one side of a key, whose values are parameters: the columns behind a prefix.

    ``alias`` stands before each column, with its dot.
    """
    first = f"{alias}{key[0]} {{}} :{prefix}{key[0]}"
    if len(key) == 1:
        return first.format(operator)
    mine, given = (", ".join(f"{before}{name}" for name in key) for before in (alias, f":{prefix}"))
    # the first condition is the range of the index
    return f"{first.format(f'{operator[0]}=')} AND ({mine}) {operator} ({given})"
