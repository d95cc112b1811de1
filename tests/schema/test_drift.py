"""The migrated schema is the schema of the mapped classes, on each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from persistdb.schema import drift, migrate, views
from persistdb.schema.tables import Base

from . import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import Database


def _differences(database: Database, metadata: sa.MetaData) -> list[Any]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=dict(drift.COMPARISON))
        differences: list[Any] = compare_metadata(context, metadata)
        return differences


def test_autogenerate_finds_nothing(database: Database) -> None:
    """Alembic sees no difference in tables, columns, types, defaults, constraints and indexes."""
    migrate.upgrade(database)
    assert _differences(database, Base.metadata) == []


def test_migrated_is_created(database: Database) -> None:
    """The engine describes migrated tables and views in the same way as the ones that the program defines."""
    migrate.upgrade(database)
    migrated = dumps.schema(database.engine)
    del migrated["persistdb_version"]
    migrate.downgrade(database, "base")
    Base.metadata.create_all(database.engine)
    with database.writer.begin() as connection:
        for statement in views.creation(database.backend):
            connection.exec_driver_sql(statement)
    created = dumps.schema(database.engine)
    del created["persistdb_version"]
    assert migrated == created


def _longer_key(metadata: sa.MetaData) -> None:
    metadata.tables["sandbox"].c.sid.type = sa.String(300)


def _default(metadata: sa.MetaData) -> None:
    metadata.tables["sandbox"].c.revision.server_default = sa.DefaultClause("1")


def _nullable(metadata: sa.MetaData) -> None:
    metadata.tables["mount"].c.source.nullable = True


def _column(metadata: sa.MetaData) -> None:
    metadata.tables["mount"].append_column(sa.Column("propagation", sa.Text()))


def _index(metadata: sa.MetaData) -> None:
    metadata.tables["container"].indexes.clear()


def _check(metadata: sa.MetaData) -> None:
    metadata.tables["process"].append_constraint(sa.CheckConstraint("pid <> 0", name="pid"))


@pytest.mark.parametrize("change", [_longer_key, _default, _nullable, _column, _index, _check])
def test_autogenerate_finds_something(database: Database, change: Callable[[sa.MetaData], None]) -> None:
    """A class that was changed without a revision is noticed."""
    migrate.upgrade(database)
    metadata = sa.MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(metadata)
    change(metadata)
    assert _differences(database, metadata)
