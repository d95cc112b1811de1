"""The program on an SQLite database."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from tests.reports import fleet

from .program import Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def absent(sqlite_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """Run ``absent("ls", …)`` in this process on a file that doesn't exist yet."""
    monkeypatch.delenv("PERSISTDB_URL", raising=False)
    monkeypatch.delenv("PERSISTDB_HOST", raising=False)
    monkeypatch.delenv("PERSISTDB_READER_URL", raising=False)
    monkeypatch.delenv("PERSISTDB_REPLICA_URL", raising=False)
    return Program(sqlite_url, capsys)


@pytest.fixture
def persistdb(absent: Program, sqlite_template: Path) -> Program:
    """Run ``persistdb("ls", …)`` in this process on a database that has the schema and nothing in it."""
    shutil.copy(sqlite_template, absent.url.removeprefix("sqlite:///"))
    return absent


@pytest.fixture
def hosts(persistdb: Program) -> Program:
    """A database with several hosts, and something for each report to find."""
    with Database(persistdb.url) as database:
        fleet.build(database)
    return persistdb
