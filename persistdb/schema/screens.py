"""Several rules of the check in one pass over a table: nearly always they find nothing, which takes one pass to tell.

A screen has a row if one of its rules may find any. Only in the pages where it has are these rules themselves asked, so
that what they find is the same.
"""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import Final, NamedTuple


class Screen(NamedTuple):
    """A statement, with ``{}`` for a page's condition on the column, and the names of its rules."""

    column: str
    statement: str
    rules: tuple[str, ...]


def _of_list(table: str, what: str) -> Screen:
    return Screen(
        "container_id",
        (
            "SELECT 1 FROM (SELECT container_id, count(*) AS n, max(position) AS last, max(since) AS since"
            f" FROM {table} WHERE {{}} GROUP BY container_id) AS listed"
            " LEFT JOIN container ON container.id = listed.container_id"
            " WHERE container.id IS NULL OR listed.last <> listed.n - 1 OR listed.since > container.revision LIMIT 1"
        ),
        (
            f"rows of {table} without their container",
            f"containers with gaps in the positions of their {what}",
            f"rows of {table} that are so since a revision that their container has not come to",
        ),
    )


SCREENS: Final = (
    _of_list("mount", "mounts"),
    _of_list("device_map", "device maps"),
    _of_list("process", "processes"),
)
