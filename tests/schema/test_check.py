"""``check`` finds faults of a database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from persistdb import Database
from persistdb.errors import SchemaOutdated
from persistdb.schema import migrate
from persistdb.schema.check import check

from . import dumps, model


def _execute(database: Database, *statements: str) -> None:
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_sound(database: Database) -> None:
    """A sound database has no finding."""
    migrate.upgrade(database)
    assert check(database) == []


def test_older(database: Database) -> None:
    """A database of another schema is not checked."""
    with pytest.raises(SchemaOutdated):
        check(database)


def test_broken_rules(database: Database) -> None:
    """Containers without a rootfs, gaps in the positions of a list, and timestamps in the wrong order are named."""
    migrate.upgrade(database)
    data = model.at_head(model.sample("0001"), "0001")
    data["mount"] = [mount for mount in data["mount"] if mount["container_id"] != 11]
    dumps.insert(database.engine, data)
    _execute(database, "UPDATE container SET updated_at = '2001-01-01 00:00:00' WHERE id = 12")
    assert {(finding.what, finding.count) for finding in check(database)} == {
        ("containers without a rootfs (the mount at position 0)", 1),
        ("containers with gaps in the positions of their mounts", 1),
        ("containers whose updated_at precedes created_at", 1),
    }


def test_changed_tables(database: Database) -> None:
    """A column, a table and an index that somebody added, and an index that is missing, are named with a remedy."""
    migrate.upgrade(database)
    _execute(
        database,
        "ALTER TABLE sandbox ADD COLUMN note INTEGER",
        "CREATE TABLE notes (id INTEGER)",
        "CREATE INDEX ix_note ON sandbox (note)",
        "DROP INDEX ix_process_pid" + (" ON process" if database.backend.name == "mariadb" else ""),
    )
    create = "create it as its revision does (migrations/versions), or restore a backup"
    foreign = "is not one of this program's; drop it, for an upgrade may fail on it"
    assert sorted(map(str, check(database))) == [
        f"column sandbox.note {foreign}",
        f"index ix_note of table sandbox {foreign}",
        f"index ix_process_pid of table process is missing; {create}",
        f"table notes {foreign}",
    ]


def test_changed_column(postgresql_url: str) -> None:
    """A column whose definition was changed is named, with both definitions."""
    with Database(postgresql_url) as database:
        migrate.upgrade(database)
        _execute(
            database,
            "ALTER TABLE mount ALTER COLUMN source DROP NOT NULL",
            "ALTER TABLE process DROP CONSTRAINT fk_process_container",
            "ALTER TABLE process DROP CONSTRAINT ck_process_token",
        )
        assert sorted(str(finding).partition(";")[0] for finding in check(database)) == [
            "column mount.source was changed: its nullable is True instead of False",
            "constraint ck_process_token of table process is missing",
            "foreign key fk_process_container of table process is missing",
        ]
