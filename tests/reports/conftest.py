"""Fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import Database

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Create the fleet's database, on each engine in turn."""
    with Database(database_url) as database:
        fleet.build(database)
        yield database


@pytest.fixture
def databases(sqlite_url: str, postgresql_url: str, mariadb_url: str) -> Iterator[list[Database]]:
    """Create the fleet's database on all three engines."""
    found = [Database(url) for url in (sqlite_url, postgresql_url, mariadb_url)]
    for database in found:
        fleet.build(database)
    yield found
    for database in found:
        database.close()
