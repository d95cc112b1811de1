"""Fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import fleet

if TYPE_CHECKING:
    from persistdb import Database


@pytest.fixture
def database(store: tuple[str, Database]) -> Database:
    """Store the fleet, on each engine in turn."""
    fleet.build(store[1])
    return store[1]


@pytest.fixture
def databases(
    sqlite_store: tuple[str, Database], postgresql_store: tuple[str, Database], mariadb_store: tuple[str, Database]
) -> list[Database]:
    """Store the fleet on all three engines."""
    found = [database for _, database in (sqlite_store, postgresql_store, mariadb_store)]
    for database in found:
        fleet.build(database)
    return found
