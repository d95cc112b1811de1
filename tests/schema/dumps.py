"""Dumps of a database's schema and rows, by which two databases can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from persistdb.engines import types

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from persistdb import Database

Rows = dict[str, list[dict[str, Any]]]

TABLES = (
    "sandbox",
    "container",
    "mount",
    "device_map",
    "process",
    "lease",
    "lease_number",
    "host",
    "sandbox_seen",
    "annotation",
    "sandbox_annotation",
    "audit_run",
    "audit_finding",
    "sandbox_device",
    "vfio_device",
)
"""The tables, parents before children."""

_KEYS = {
    "sandbox": ("id",),
    "container": ("id",),
    "lease": ("name", "number"),
    "lease_number": ("bucket",),
    "host": ("name",),
    "sandbox_seen": ("sandbox_id",),
    "sandbox_annotation": ("sandbox_id", "position"),
    "audit_run": ("id",),
    "audit_finding": ("id",),
    "sandbox_device": ("sandbox_id", "position"),
    "vfio_device": ("sandbox_id", "device_position", "position"),
}
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    **dict.fromkeys(("is_rootfs", "read_only", "mounted", "shared"), sa.Boolean()),
    **dict.fromkeys(("options", "extra", "checks", "roots"), types.json()),
    **dict.fromkeys(("start_time", "created_at", "updated_at"), types.UTCDateTime()),
    **dict.fromkeys(("first_seen", "last_seen", "seen_at"), types.UTCDateTime()),
    **dict.fromkeys(("started_at", "finished_at", "began_at", "gone_at"), types.UTCDateTime()),
}


def tables(engine: Engine) -> dict[str, sa.TableClause]:
    """Return the tables with their current columns, typed so that values are the same on all engines."""
    inspector = sa.inspect(engine)
    return {
        name: sa.table(name, *(sa.column(c["name"], _TYPES.get(c["name"])) for c in inspector.get_columns(name)))
        for name in TABLES
        if inspector.has_table(name)
    }


def rows(engine: Engine) -> Rows:
    """Return all rows of all tables, by primary key."""
    data: Rows = {}
    with engine.connect() as connection:
        for name, table in tables(engine).items():
            key = _KEYS.get(name, ("container_id", "position"))
            result = connection.execute(sa.select(table).order_by(*(table.c[column] for column in key)))
            data[name] = [dict(row) for row in result.mappings()]
    return data


def undated(data: Rows) -> Rows:
    """Return rows without the timestamps of the change itself."""
    times = {"created_at", "updated_at"}
    return {name: [{k: v for k, v in row.items() if k not in times} for row in rows] for name, rows in data.items()}


def insert(engine: Engine, data: Rows) -> None:
    """Write rows into the current tables."""
    current = tables(engine)
    with engine.execution_options(persistdb_begin="write").begin() as connection:
        for name in TABLES:
            for row in data.get(name, []):
                connection.execute(sa.insert(current[name]).values(**row))


def schema(engine: Engine) -> dict[str, list[str]]:
    """Return the engine's description of each table and view; the order of a table's columns doesn't count."""
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        tables = {name: sorted(_LINES[engine.dialect.name](connection, name)) for name in inspector.get_table_names()}
        return tables | {name: [str(inspector.get_view_definition(name))] for name in inspector.get_view_names()}


def _sqlite(connection: sa.Connection, name: str) -> list[str]:
    texts = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (name,))
    lines = []
    for (text,) in texts:
        # each column and constraint is a separate line, as SQLAlchemy writes it; ALTER TABLE adds to the last column's
        parts = re.sub(r", (\w+ [\w()]+ DEFAULT [\w']+ NOT NULL|\w+ (?:BIGINT|TEXT)\b)", r",\n\1", text).splitlines()
        lines += [line.strip().removesuffix(",").replace(f'"{name}"', name) for line in parts]
    return lines


def _postgresql(connection: sa.Connection, name: str) -> list[str]:
    columns = connection.exec_driver_sql(
        "SELECT concat_ws(' ', column_name, data_type, character_maximum_length, collation_name, is_nullable,"
        " column_default) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s",
        (name,),
    )
    constraints = connection.exec_driver_sql(
        "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(%s AS regclass)",
        (name,),
    )
    indexes = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes WHERE tablename = %s", (name,))
    return [*columns.scalars(), *constraints.scalars(), *indexes.scalars()]


def _mariadb(connection: sa.Connection, name: str) -> list[str]:
    text = connection.exec_driver_sql(f"SHOW CREATE TABLE {name}").one()[1]
    text = re.sub(r" AUTO_INCREMENT=\d+", "", text)
    return [line.strip().removesuffix(",") for line in text.splitlines()]


_LINES = {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}


def execute(database: Database, *statements: str) -> None:
    """Execute statements that write, in one transaction."""
    with database.writer.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def select(database: Database, *queries: str) -> tuple[list[tuple[Any, ...]], ...]:
    """Return the rows of each query."""
    with database.engine.connect() as connection:
        return tuple([tuple(row) for row in connection.execute(sa.text(query))] for query in queries)
