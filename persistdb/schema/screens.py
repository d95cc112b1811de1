"""Several rules of the check in one pass over a table: nearly always they find nothing, which takes one pass to tell.

A screen has a row if one of its rules may find any. Only in the pages where it has are these rules themselves asked, so
that what they find is the same.
"""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import Final, NamedTuple

IS_KEPT: Final = "EXISTS (SELECT 1 FROM retention WHERE (seconds IS NULL OR seconds > 0) AND horizon < {time})"
"""Whether what was at a time is kept: with no gap and no overlap, but for what was removed with its age."""


class Screen(NamedTuple):
    """A statement, with ``{0}``, ``{1}``… for a page's condition on each of the columns, and the names of its rules."""

    columns: tuple[str, ...]
    statement: str
    rules: tuple[str, ...]


def _of_list(table: str, what: str) -> Screen:
    return Screen(
        ("container_id",),
        (
            "SELECT 1 FROM (SELECT container_id, count(*) AS n, max(position) AS last, max(since) AS since"
            f" FROM {table} WHERE {{0}} GROUP BY container_id) AS listed"
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
    Screen(
        # of the joined tables, too: PostgreSQL may merge them, from their first row on
        ("container.id", "mount.container_id", "life.id"),
        (
            "SELECT 1 FROM container LEFT JOIN sandbox ON sandbox.id = container.sandbox_id"
            " LEFT JOIN mount ON mount.container_id = container.id AND mount.position = 0 AND {1}"
            " LEFT JOIN container_lifetime AS life ON life.id = container.id AND life.removed_at IS NULL AND {2}"
            " WHERE {0} AND (sandbox.id IS NULL OR mount.container_id IS NULL"
            " OR container.updated_at < container.created_at"
            f" OR (life.id IS NULL AND {IS_KEPT.format(time='container.created_at')})) LIMIT 1"
        ),
        (
            "rows of container without their sandbox",
            "containers without a rootfs (the mount at position 0)",
            "containers whose updated_at precedes created_at",
            "containers whose lifetime is not recorded, or is over",
        ),
    ),
    _of_list("mount", "mounts"),
    _of_list("device_map", "device maps"),
    _of_list("process", "processes"),
)
