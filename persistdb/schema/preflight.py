"""The checks before a change of the schema: rows that would make it fail half-way, and what it would lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from ..errors import Finding, Loss
from .names import COMPARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection

    from .revisions import Revision

SHOWN = 20
"""The most rows of a finding that are kept; all are counted."""

# (child, parent, condition of their join, columns to show): a row without its parent fails the check at the end of a
# change, or is lost in a join
_PARENTS = (
    ("container", "sandbox", "child.sandbox_id = parent.id", "id, sandbox_id, cid"),
    ("mount", "container", "child.container_id = parent.id", "container_id, position, destination"),
    ("device_map", "container", "child.container_id = parent.id", "container_id, position, device_id"),
    ("process", "container", "child.container_id = parent.id", "container_id, position, token"),
)


def orphans(connection: Connection) -> list[Finding]:
    """Find rows whose parent is missing: they stay behind where foreign keys were switched off."""
    return [
        finding
        for what, (_, statement) in orphan_queries(connection).items()
        for finding in find_rows(connection, what, statement.format("1 = 1"))
    ]


def orphan_queries(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return the query for the rows of each table whose parent is missing: {} is for a condition on the column."""
    tables = set(inspect(connection).get_table_names())
    queries = {}
    for child, parent, condition, columns in _PARENTS:
        if {child, parent} <= tables:
            listed = ", ".join(f"child.{column.strip()}" for column in columns.split(","))
            queries[f"rows of {child} without their {parent}"] = (
                listed.partition(",")[0],
                (
                    f"SELECT {listed} FROM {child} child WHERE {{}} AND NOT EXISTS"  # noqa: S608  constants of ours
                    f" (SELECT 1 FROM {parent} parent WHERE {condition})"
                ),
            )
    return queries


def blocks(
    connection: Connection, revisions: Iterable[Revision], held: tuple[str, Mapping[str, object]], *, down: bool
) -> list[Finding]:
    """Find rows that make one of these revisions impossible; ``held`` tells leases that are not over."""
    condition, values = held
    columns = _columns(connection)
    findings = []
    for revision in revisions:
        if down and _dropped(revision, columns):
            continue  # an interrupted downgrade, which was checked before it began
        reasons = revision.blocks_downgrade if down else revision.blocks_upgrade
        for what, statement in reasons.items():
            findings += find_rows(connection, what, statement.replace("{held}", condition), values)
    return findings


def losses(connection: Connection, revisions: Iterable[Revision]) -> list[Loss]:
    """Return what the downgrade of these revisions would lose of the stored rows."""
    columns = _columns(connection)
    lost = []
    for revision in revisions:
        dropped = _dropped(revision, columns)
        for place, statement in revision.loses.items():
            if place.partition(".")[0] not in dropped:
                rows = connection.execute(text(statement)).scalar_one()
                if rows:
                    lost.append(Loss(place, rows, revision.id))
    return lost


def _columns(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    ours = COMPARED.intersection(inspector.get_table_names())
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in ours}


def _dropped(revision: Revision, columns: dict[str, set[str]]) -> set[str]:
    """Return the tables that lack what a revision's downgrade drops: on MariaDB, an interrupted one dropped it."""
    places = [place.partition(".") for place in revision.loses]
    return {table for table, _, column in places if table not in columns or (column and column not in columns[table])}


def find_rows(
    connection: Connection, what: str, statement: str, values: Mapping[str, object] | None = None
) -> list[Finding]:
    """Return the rows of a SELECT as one finding; no finding without a row."""
    result = connection.execute(text(f"{statement} LIMIT {SHOWN + 1}"), values)
    columns = tuple(result.keys())
    rows = tuple(tuple(row) for row in result)
    if not rows:
        return []
    count = len(rows)
    if count > SHOWN:
        counted = text(f"SELECT count(*) FROM ({statement}) found")  # noqa: S608  a constant of ours
        count = connection.execute(counted, values).scalar_one()
    return [Finding(what, columns, rows[:SHOWN], count)]
