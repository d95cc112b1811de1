"""``check`` finds what is wrong with a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb.errors import SchemaOutdated
from persistdb.schema import migrate
from persistdb.schema.check import check

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database


def _execute(database: Database, *statements: str) -> None:
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_sound(database: Database) -> None:
    """Nothing is found where nothing is wrong."""
    migrate.upgrade(database)
    assert check(database) == []


def test_older(database: Database) -> None:
    """A database of another schema is not checked."""
    with pytest.raises(SchemaOutdated):
        check(database)


def test_broken_rules(database: Database) -> None:
    """Containers without a rootfs, lists with a place missing, and times that run backwards are found."""
    migrate.upgrade(database)
    data = model.at_head(model.sample("0001"), "0001")
    data["mount"] = [mount for mount in data["mount"] if mount["container_id"] != 11]
    dumps.insert(database.engine, data)
    _execute(database, "UPDATE container SET updated_at = '2001-01-01 00:00:00' WHERE id = 12")
    assert {(finding.what, finding.count) for finding in check(database)} == {
        ("containers without a rootfs (the mount at position 0)", 1),
        ("places missing in the list of mounts", 1),
        ("containers that were changed before they were made", 1),
    }


def test_changed_schema(database: Database) -> None:
    """A column that somebody added, and one that is missing, are found."""
    migrate.upgrade(database)
    _execute(database, "ALTER TABLE sandbox ADD COLUMN note INTEGER")
    (finding,) = check(database)
    assert "note" in str(finding)
