"""The rules of a check: what holds for all rows that persistdb writes, and that no constraint can state."""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .core_history import IS_KEPT, IS_RECORDED
from .metadata import METADATA

if TYPE_CHECKING:
    from ..engines import Backend

# No timestamp is shown: PostgreSQL's 'infinity' is none that its driver can read. {} is for the condition of a page, on
# the column beside the statement.
RULES = {
    "containers without a rootfs (the mount at position 0)": (
        "container.id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
            " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE {} AND NOT EXISTS"
            " (SELECT 1 FROM mount WHERE mount.container_id = container.id AND mount.position = 0)"
        ),
    ),
    "sandboxes whose updated_at precedes created_at": (
        "id",
        "SELECT host, sid FROM sandbox WHERE {} AND updated_at < created_at",
    ),
    "containers whose updated_at precedes created_at": (
        "container.id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
            " JOIN sandbox ON sandbox.id = container.sandbox_id"
            " WHERE {} AND container.updated_at < container.created_at"
        ),
    ),
}

for _table, _children in (("mount", "mounts"), ("device_map", "device maps"), ("process", "processes")):
    RULES[f"containers with gaps in the positions of their {_children}"] = (
        "container_id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid, places.n AS listed, places.last AS last_position"
            f" FROM (SELECT container_id, count(*) AS n, max(position) AS last FROM {_table} WHERE {{}}"
            " GROUP BY container_id HAVING max(position) <> count(*) - 1) places"
            " JOIN container ON container.id = places.container_id JOIN sandbox ON sandbox.id = container.sandbox_id"
        ),
    )

# Of what was: with no gap and no overlap, but for what was removed with its age, or before the horizon.
_HORIZON = "(SELECT horizon FROM retention)"
for _one, _owner, _names in (
    ("container", "container_id", "live.sandbox_id, live.cid"),
    ("sandbox", "sandbox_id", "live.host, live.sid"),
):
    _past, _life = f"{_one}_history", f"{_one}_lifetime"
    RULES[f"{_one}s whose last past version does not end when the present one begins"] = (
        "live.id",
        (
            f"SELECT {_names} FROM {_one} AS live WHERE {{}} AND {IS_KEPT.format(time='live.updated_at')} AND EXISTS"
            f" (SELECT 1 FROM {_past} AS past WHERE past.{_owner} = live.id AND past.valid_to > {_HORIZON})"
            f" AND (SELECT max(past.valid_to) FROM {_past} AS past WHERE past.{_owner} = live.id) <> live.updated_at"
        ),
    )
    RULES[f"{_one}s whose lifetime is not recorded, or is over"] = (
        "live.id",
        (
            f"SELECT {_names} FROM {_one} AS live WHERE {{}} AND {IS_KEPT.format(time='live.created_at')}"
            f" AND NOT EXISTS (SELECT 1 FROM {_life} AS life WHERE life.id = live.id AND life.removed_at IS NULL)"
        ),
    )
    RULES[f"lifetimes of {_one}s that are not over, of which there is no row"] = (
        "life.id",
        (
            f"SELECT life.id FROM {_life} AS life WHERE {{}} AND life.removed_at IS NULL AND {IS_RECORDED}"
            f" AND NOT EXISTS (SELECT 1 FROM {_one} AS live WHERE live.id = life.id)"
        ),
    )
    RULES[f"past versions of {_one}s that end before they begin"] = (
        f"past.{_owner}",
        f"SELECT past.{_owner}, past.revision FROM {_past} AS past WHERE {{}} AND past.valid_to < past.valid_from",
    )
    RULES[f"past versions of {_one}s that overlap, or have a gap between them"] = (
        f"past.{_owner}",
        (
            f"SELECT {_owner}, revision FROM (SELECT past.{_owner}, past.revision, past.valid_from,"
            f" lag(past.valid_to) OVER (PARTITION BY past.{_owner} ORDER BY past.valid_to, past.revision) AS ended"
            f" FROM {_past} AS past WHERE {{}}) AS periods"
            f" WHERE ended IS NOT NULL AND ended <> valid_from AND valid_from > {_HORIZON}"
        ),
    )

for _table in ("mount", "device_map", "process"):
    RULES[f"past rows of {_table} that end before they begin"] = (
        "past.container_id",
        (
            "SELECT past.container_id, past.position, past.since, past.until"
            f" FROM {_table}_history AS past"
            " WHERE {} AND (past.until <= past.since OR past.valid_to < past.valid_from)"
        ),
    )
    RULES[f"rows of {_table} that are so since a revision that their container has not come to"] = (
        "now.container_id",
        (
            f"SELECT now.container_id, now.position, now.since, container.revision FROM {_table} AS now"
            " JOIN container ON container.id = now.container_id WHERE {} AND now.since > container.revision"
        ),
    )

RULES["events that are neither of a sandbox nor of a host, or of both"] = (
    "event.id",
    "SELECT event.id, event.kind FROM event WHERE {} AND (event.sandbox_id IS NULL) = (event.host IS NULL)",
)
RULES["gaps without a beginning, or that end before it"] = (
    "event.id",
    (
        "SELECT event.id, event.host FROM event WHERE {} AND event.sandbox_id IS NULL AND event.kind = 'gap'"
        " AND (event.began_at IS NULL OR event.began_at > event.at)"
    ),
)


TYPED: Final = "rows of {} with a value that is not of its column's type"
"""The name of the rule about a table's values."""


def misfits(backend: Backend) -> dict[str, str]:
    """Return the query for the rows of each table with a value that is not of its column's type, where that can be.

    It shows the numbers of rows: their IDs may be the values in question.
    """
    queries = {}
    for table in METADATA.sorted_tables:
        conditions = {column.name: backend.misfit(column.name, column.type) for column in table.c}
        checked = {name: condition for name, condition in conditions.items() if condition is not None}
        if checked:
            cases = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in checked.items())
            keys = ", ".join(column.name for column in table.primary_key)
            queries[TYPED.format(table.name)] = (
                f"SELECT {keys}, column_name FROM"
                f" (SELECT {keys}, CASE {cases} END AS column_name FROM {table.name}) typed"
                " WHERE column_name IS NOT NULL"
            )
    return queries
