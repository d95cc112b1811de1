"""Real faults in the middle of a change of the schema: a typed error, nothing lost, and a retry succeeds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.errors import Busy, Corrupt, ReadOnly, StorageFull, Unavailable
from persistdb.schema import migrate, version
from tests.conftest import SERVERS
from tests.servers import on_small_disk

from . import dumps, many, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers import Server

CONTAINERS = 2_000
MOUNTS = 10


def _old(database: Database) -> None:
    migrate.upgrade(database, "0001")
    dumps.insert(database.engine, model.sample("0001"))


def _is_upgraded(database: Database) -> bool:
    return dumps.rows(database.engine) == model.at_head(model.sample("0001"), "0001")


def _upgrade(database: Database, wait: float = migrate.WAIT) -> None:
    migrate.upgrade(database, host=model.HOST, moment=model.MOMENT, wait=wait)


def _fill(file: Path, *, leave: int) -> None:
    """Fill a disk, except for so many bytes."""
    file.write_bytes(bytes(shutil.disk_usage(file.parent).free - leave))


@pytest.mark.slow
def test_a_disk_that_fills_up(small_disk: Callable[..., Path]) -> None:
    """When others fill the disk while SQLite copies the mounts, nothing is changed; with space a retry succeeds."""
    disk = small_disk("64M")
    with Database(f"sqlite:///{disk}/persistdb.db") as database:
        migrate.upgrade(database, "0001")
        many.fill(database, CONTAINERS, MOUNTS)
        before = dumps.schema(database.engine), dumps.rows(database.engine)
        rest = disk / "rest"

        def fill_up(step: migrate.Step) -> None:
            if step.revision.id == "0002":
                _fill(rest, leave=0)

        with pytest.raises(StorageFull):
            migrate.upgrade(database, progress=fill_up)
        assert version.current(database) == "0001"
        assert (dumps.schema(database.engine), dumps.rows(database.engine)) == before
        rest.unlink()
        migrate.upgrade(database)
        assert many.faults(database, CONTAINERS, MOUNTS) == [0] * 8


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_whose_disk_fills_up(
    request: pytest.FixtureRequest, small_disk: Callable[..., Path], server: str
) -> None:
    """A server whose disk fills up during an upgrade loses nothing, and the upgrade continues with space again."""
    own: Server = request.getfixturevalue(f"own_{server}_server")
    name, disk = on_small_disk(own, small_disk, postgresql="96M", mariadb="96M")
    with Database(own.url(name), retries=0) as database:
        migrate.upgrade(database, "0001")
        many.fill(database, CONTAINERS, MOUNTS)
        rest = disk / "rest"
        _fill(rest, leave=2 << 20)
        # MariaDB ends when it cannot write its log
        with pytest.raises(StorageFull if server == "postgresql" else (StorageFull, Unavailable)):
            migrate.upgrade(database)
        own.restart()
        assert version.current(database) in ({"0001"} if server == "postgresql" else {"0001", "0002"})
        rest.unlink()
        migrate.upgrade(database)
        assert many.faults(database, CONTAINERS, MOUNTS) == [0] * 8


def test_tables_that_others_use(database: Database, database_url: str) -> None:
    """While another transaction holds a table, an upgrade waits and raises Busy; later it succeeds with all rows."""
    _old(database)
    with Database(database_url) as other:
        with other.writer.connect() as connection:
            connection.execute(text("UPDATE mount SET source = source"))
            with pytest.raises(Busy):
                _upgrade(database, wait=1)
        _upgrade(other)
        assert _is_upgraded(other)


def test_a_read_only_file(sqlite_database: Database) -> None:
    """A file that may only be read raises ReadOnly, and stays as it is."""
    _old(sqlite_database)
    path = sqlite_database.engine.url.database
    before = dumps.rows(sqlite_database.engine)
    with Database(f"sqlite:///file:{path}?mode=ro&uri=true") as database, pytest.raises(ReadOnly):
        _upgrade(database)
    assert (version.current(sqlite_database), dumps.rows(sqlite_database.engine)) == ("0001", before)
    _upgrade(sqlite_database)
    assert _is_upgraded(sqlite_database)


@pytest.mark.parametrize("direction", [migrate.upgrade, lambda database: migrate.downgrade(database, "0001")])
@pytest.mark.parametrize("content", [b"This is not a database, but a text.\n" * 100, b"SQLite format 3\0"])
def test_not_a_database(tmp_path: Path, content: bytes, direction: Callable[[Database], object]) -> None:
    """A file that is not a database raises Corrupt with its name, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with Database(f"sqlite:///{path}") as database, pytest.raises(Corrupt, match=r"notes\.txt"):
        direction(database)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_file(sqlite_database: Database) -> None:
    """A file with a damaged page is not upgraded: the backup before it is checked, and nothing is changed."""
    migrate.upgrade(sqlite_database, "0001")
    many.fill(sqlite_database, CONTAINERS, MOUNTS)
    path = sqlite_database.engine.url.database
    assert path is not None
    with sqlite_database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        (root,) = connection.exec_driver_sql("SELECT rootpage FROM sqlite_schema WHERE name = 'mount'").one()
    sqlite_database.close()
    with open(path, "rb+") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with Database(f"sqlite:///{path}") as database:
        with pytest.raises(Corrupt):
            migrate.upgrade(database)
        assert version.current(database) == "0001"
