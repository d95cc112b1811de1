"""Two SQLite libraries in one process: closing a file with one drops the locks of the other (POSIX advisory locks)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text

import persistdb
from persistdb import OtherLibrary
from persistdb.engines.sqlite import library
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from persistdb import Database

pytestmark = pytest.mark.skipif(library.driver() is sqlite3, reason="Python's own SQLite library is the one in use")

_WRITE = """
import sys
from persistdb import Busy, ContainerRepository, Database, Timeouts

repository = ContainerRepository(Database(sys.argv[1], timeouts=Timeouts(busy=0.1)), host="node-1")
try:
    repository.transition("pod-1", "a", "stopped", expected="running")
    print("written")
except Busy:
    print("busy")
"""


@pytest.fixture
def path(sqlite_store: tuple[str, Database]) -> str:
    """Return the path of a database's file."""
    return str(make_url(sqlite_store[0]).database)


OPENERS: dict[str, Callable[[str], object]] = {
    "path": sqlite3.connect,
    "bytes": lambda path: sqlite3.connect(path.encode()),
    "URI": lambda path: sqlite3.connect(f"file:{path}?mode=ro", uri=True),
    "SQLAlchemy": lambda path: create_engine(f"sqlite:///{path}").connect(),
}


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_a_file_that_is_open(
    sqlite_store: tuple[str, Database], path: str, opener: Callable[[str], object], tmp_path: Path
) -> None:
    """Python's sqlite3 is refused for a file that persistdb has open, so that no other process gets past its locks."""
    url, database = sqlite_store
    put(persistdb.ContainerRepository(database, host="node-1"), "pod-1", "a")
    (tmp_path / "link.db").symlink_to(path)
    with database.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'ours'"))
        for name in (path, str(tmp_path / "link.db")):
            with pytest.raises(OtherLibrary, match=r"persistdb\.sqlite3"):
                opener(name)
        done = subprocess.run([sys.executable, "-c", _WRITE, url], capture_output=True, text=True, check=True)
        assert done.stdout == "busy\n"
        session.rollback()


def test_other_files_and_later(sqlite_store: tuple[str, Database], path: str, tmp_path: Path) -> None:
    """Other files are not refused, nor the same file once it is closed."""
    database = sqlite_store[1]
    repository = persistdb.ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a")
    for name in (":memory:", "", str(tmp_path / "other.db"), "file::memory:"):
        sqlite3.connect(name, uri=name.startswith("file:")).close()
    database.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM container").fetchone() == (1,)
    connection.close()
    assert repository.count() == 1


def test_the_one_module(sqlite_store: tuple[str, Database], path: str) -> None:
    """persistdb.sqlite3 is the library that persistdb uses: connections of it share the locks."""
    assert persistdb.sqlite3 is library.driver()
    put(persistdb.ContainerRepository(sqlite_store[1], host="node-1"), "pod-1", "a")
    connection = persistdb.sqlite3.connect(path)
    assert connection.execute("SELECT cid FROM container").fetchall() == [("a",)]
    connection.close()
