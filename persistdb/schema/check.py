"""The check of a database: its file, tables and views, foreign keys, and rules that SQL can't state."""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..engines import ViewsNotComparable
from ..errors import Finding, SchemaOutdated, SchemaTooNew
from . import drift, preflight, version
from .tables import Base

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..engines import Backend

# Rules that hold for all rows that persistdb writes, and that no constraint of a single table can state. No timestamp
# is shown: PostgreSQL's 'infinity' is none that its driver can read.
_RULES = {
    "containers without a rootfs (the mount at position 0)": (
        "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
        " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE NOT EXISTS"
        " (SELECT 1 FROM mount WHERE mount.container_id = container.id AND mount.position = 0)"
    ),
    "sandboxes whose updated_at precedes created_at": ("SELECT host, sid FROM sandbox WHERE updated_at < created_at"),
    "containers whose updated_at precedes created_at": (
        "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
        " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE container.updated_at < container.created_at"
    ),
}

for _table, _children in (("mount", "mounts"), ("device_map", "device maps"), ("process", "processes")):
    _RULES[f"containers with gaps in the positions of their {_children}"] = (
        "SELECT sandbox.host, sandbox.sid, container.cid, places.n AS listed, places.last AS last_position"
        f" FROM (SELECT container_id, count(*) AS n, max(position) AS last FROM {_table} GROUP BY container_id"
        " HAVING max(position) <> count(*) - 1) places JOIN container ON container.id = places.container_id"
        " JOIN sandbox ON sandbox.id = container.sandbox_id"
    )


def check(database: Database) -> list[Finding]:
    """Return everything that is wrong with a database; an empty list is good news. Nothing is changed.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`: the rules are for rows of this program's schema.
    """
    current = version.current(database)
    if current is None:
        version.refuse_foreign(database)
    if current != version.HEAD:
        kind = SchemaOutdated if current is None or current in version.REVISIONS else SchemaTooNew
        raise kind(database.url, current, version.HEAD)
    try:
        with database.engine.connect() as connection:
            findings = [Finding(f"the file is damaged: {fault}") for fault in database.backend.damage(connection)]
            findings += _tables(connection)
        # in a separate transaction: a server may be asked to let it write, which must be its first statement
        with database.engine.connect() as connection:
            findings += _views(database.backend, connection)
        with database.engine.connect() as connection:
            queries = preflight.orphan_queries(connection) | _RULES | _misfits(database.backend)
            for what, statement in queries.items():
                findings += _rows(database.backend, connection, what, statement)
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
    return findings


def _rows(backend: Backend, connection: Connection, what: str, statement: str) -> list[Finding]:
    """Return the rows of a rule's query; a query that reads what is missing is a finding, too."""
    try:
        return preflight.find_rows(connection, what, statement)
    except DBAPIError as error:
        cause = error.orig or error
        if error.connection_invalidated or backend.rule(cause) is not None:
            raise
        connection.rollback()  # on PostgreSQL the transaction takes no other statement
        return [Finding(f"{what}: could not be looked for ({backend.detail(cause)})")]


def _misfits(backend: Backend) -> dict[str, str]:
    """Return the query for the rows of each table with a value that is not of its column's type, where that can be.

    It shows the numbers of rows: their IDs may be the values in question.
    """
    queries = {}
    for table in Base.metadata.sorted_tables:
        conditions = {column.name: backend.misfit(column.name, column.type) for column in table.c}
        checked = {name: condition for name, condition in conditions.items() if condition is not None}
        if checked:
            cases = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in checked.items())
            keys = ", ".join(column.name for column in table.primary_key)
            queries[f"rows of {table.name} with a value that is not of its column's type"] = (
                f"SELECT {keys}, column_name FROM"
                f" (SELECT {keys}, CASE {cases} END AS column_name FROM {table.name}) typed"
                " WHERE column_name IS NOT NULL"
            )
    return queries


def _tables(connection: Connection) -> list[Finding]:
    """Return a finding for each difference between the tables and the mapped classes."""
    remedies = {
        drift.FOREIGN: "drop it, for an upgrade may fail on it",
        drift.MISSING: "create it as its revision does (migrations/versions), or restore a backup",
    }
    return [
        Finding(f"{difference}; {remedies.get(difference.how, 'change it back, or restore a backup')}")
        for difference in drift.table_differences(connection, Base.metadata)
    ]


def _views(backend: Backend, connection: Connection) -> list[Finding]:
    """Return a finding for each view that is missing or was changed."""
    try:
        differences = drift.view_differences(backend, connection)
    except ViewsNotComparable as error:
        return [Finding(f"the views could not be compared with their definitions: {error.remedy}")]
    return [Finding(f"{difference}; persistdb db upgrade creates it again") for difference in differences]
