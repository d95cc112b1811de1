"""What is looked at before the schema is changed: rows that make the change fail half-way, and what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from ..errors import Finding, Loss

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from .revisions import Revision

SHOWN = 20
"""Rows of a finding that are kept to be shown; all are counted."""

# (child, its parent, how they meet): a row without its parent fails the check at the end, or is lost in a join
_PARENTS = (
    ("container", "sandbox", "child.sandbox_id = parent.id", "id, sandbox_id, cid"),
    ("mount", "container", "child.container_id = parent.id", "container_id, position, destination"),
    ("device_map", "container", "child.container_id = parent.id", "container_id, position, device_id"),
    ("process", "container", "child.container_id = parent.id", "container_id, position, token"),
)


def orphans(connection: Connection) -> list[Finding]:
    """Rows whose parent is missing, as foreign keys that were switched off for a while leave them behind."""
    tables = set(inspect(connection).get_table_names())
    found = []
    for child, parent, meet, columns in _PARENTS:
        if {child, parent} <= tables:
            listed = ", ".join(f"child.{column.strip()}" for column in columns.split(","))
            statement = (
                f"SELECT {listed} FROM {child} child WHERE NOT EXISTS"  # noqa: S608  constants of ours
                f" (SELECT 1 FROM {parent} parent WHERE {meet})"
            )
            found += find_rows(connection, f"rows of {child} without their {parent}", statement)
    return found


def blocks(connection: Connection, revisions: Iterable[Revision], *, down: bool) -> list[Finding]:
    """Rows that make one of these revisions impossible."""
    columns = _columns(connection)
    found = []
    for revision in revisions:
        if down and _gone(revision, columns):
            continue  # it was found possible when it was begun
        reasons = revision.blocks_downgrade if down else revision.blocks_upgrade
        for what, statement in reasons.items():
            found += find_rows(connection, what, statement)
    return found


def losses(connection: Connection, revisions: Iterable[Revision]) -> list[Loss]:
    """What the downgrade of these revisions would lose, in the rows that are there."""
    columns = _columns(connection)
    found = []
    for revision in revisions:
        gone = _gone(revision, columns)
        for place, statement in revision.loses.items():
            if place.partition(".")[0] not in gone:
                rows = connection.execute(text(statement)).scalar_one()
                if rows:
                    found.append(Loss(place, rows, revision.id))
    return found


def _columns(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}


def _gone(revision: Revision, columns: dict[str, set[str]]) -> set[str]:
    """Tables that have lost already what a revision's downgrade loses: on MariaDB, one may have been cut off."""
    places = [place.partition(".") for place in revision.loses]
    return {table for table, _, column in places if table not in columns or (column and column not in columns[table])}


def find_rows(connection: Connection, what: str, statement: str) -> list[Finding]:
    """Give what a statement finds as one finding, nothing if it finds nothing."""
    result = connection.execute(text(f"{statement} LIMIT {SHOWN + 1}"))
    columns = tuple(result.keys())
    rows = tuple(tuple(row) for row in result)
    if not rows:
        return []
    count = len(rows)
    if count > SHOWN:
        count = connection.execute(text(f"SELECT count(*) FROM ({statement}) found")).scalar_one()  # noqa: S608  ours, too
    return [Finding(what, columns, rows[:SHOWN], count)]
