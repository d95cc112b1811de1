"""Fixtures of the migration tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.schema import migrate

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, on each engine in turn."""
    with Database(database_url) as database:
        yield database


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """An SQLite file that doesn't exist yet."""
    with Database(sqlite_url) as database:
        yield database


@pytest.fixture
def baseline(sqlite_url: str) -> Iterator[Database]:
    """A file at the baseline, with rows."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database, "0001")
        dumps.insert(database.engine, model.sample("0001"))
        yield database
