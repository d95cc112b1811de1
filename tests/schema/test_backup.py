"""Backups of SQLite files: made before each change, checked, kept, restored."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.errors import BadURL, Corrupt, DatabaseError, NotFound, SchemaMissing, SchemaTooNew, StorageFull
from persistdb.schema import backup, migrate, version

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """A file at the baseline, with rows."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database, "0001")
        dumps.insert(database.engine, model.sample("0001"))
        yield database


def _folder(database: Database) -> Path:
    return Path(str(database.engine.url.database)).parent


def test_before_each_change(database: Database) -> None:
    """An upgrade and a downgrade first copy the file, and the copy holds the rows from before."""
    change = migrate.upgrade(database)
    assert change.backup is not None
    assert change.backup.name.startswith("persistdb.db.0001.")
    assert stat.S_IMODE(change.backup.stat().st_mode) == 0o600
    with Database(f"sqlite:///{change.backup}") as copy:
        assert version.current(copy) == "0001"
        assert dumps.rows(copy.engine) == model.sample("0001")
    down = migrate.downgrade(database, "0001", allow_loss=True)
    assert down.backup is not None
    assert backup.backups(database) == [change.backup, down.backup]


def test_no_backup(database: Database) -> None:
    """No copy is made if none is wanted, if nothing is changed, or if the database was empty."""
    assert migrate.upgrade(database, backup=False).backup is None
    assert migrate.upgrade(database).backup is None
    assert backup.backups(database) == []


def test_in_memory() -> None:
    """A database in memory is changed without a copy."""
    with Database("sqlite://") as database:
        migrate.upgrade(database, "0001")
        assert migrate.upgrade(database).backup is None


def test_the_newest_are_kept(database: Database) -> None:
    """After many changes the newest backups are kept, and other files stay."""
    other = _folder(database) / "persistdb.db.note"
    other.touch()
    made = [
        change.backup
        for _ in range(4)
        for change in (migrate.upgrade(database, "0002"), migrate.downgrade(database, "0001"))
    ]
    assert backup.backups(database) == made[-backup.KEPT :]
    assert other.exists()


def test_restore(database: Database) -> None:
    """A restored backup brings its rows and schema, which other connections see, and the database before it is kept."""
    saved = migrate.upgrade(database).backup
    assert saved is not None
    with Database(str(database.engine.url)) as other:
        assert version.current(other) == version.HEAD
        kept = backup.restore(database, saved)
        assert version.current(other) == "0001"
        assert dumps.rows(other.engine) == model.sample("0001")
    assert version.current(database) == "0001"
    assert kept is not None
    with Database(f"sqlite:///{kept}") as copy:
        assert version.current(copy) == version.HEAD
    migrate.upgrade(database)


def test_restore_to_nothing(database: Database, tmp_path: Path) -> None:
    """A backup can be restored where no database is."""
    copy = backup.backup(database, tmp_path / "copy.db")
    with Database(f"sqlite:///{tmp_path}/new.db") as new:
        assert backup.restore(new, copy) is None
        assert dumps.rows(new.engine) == model.sample("0001")


def test_restore_refuses(database: Database, tmp_path: Path) -> None:
    """A file that is not a backup of ours, or damaged, or newer, is refused, and the database stays as it is."""
    rows = dumps.rows(database.engine)
    with pytest.raises(NotFound):
        backup.restore(database, tmp_path / "absent")
    text = tmp_path / "text"
    text.write_text("not a database" * 1000)
    with pytest.raises(Corrupt):
        backup.restore(database, text)
    copy = backup.backup(database, tmp_path / "copy.db")
    cut = tmp_path / "cut.db"
    cut.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(Corrupt):
        backup.restore(database, cut)
    with Database(f"sqlite:///{copy}") as other, other.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(SchemaTooNew):
        backup.restore(database, copy)
    with Database(f"sqlite:///{copy}") as other, other.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.commit()
    with pytest.raises(SchemaMissing):
        backup.restore(database, copy)
    assert dumps.rows(database.engine) == rows


def test_a_new_file(database: Database, tmp_path: Path) -> None:
    """A backup never overwrites a file."""
    (tmp_path / "there").write_text("precious")
    with pytest.raises(DatabaseError, match="exists already"):
        backup.backup(database, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"


def test_no_room(database: Database, small_disk: Callable[..., Path]) -> None:
    """Without room for a copy nothing is written, and the message says how much is needed."""
    full = small_disk("1M")
    with pytest.raises(StorageFull, match="MB are needed"):
        backup.backup(database, full / "copy.db")
    assert list(full.iterdir()) == []


@pytest.mark.parametrize("size", ["16k", "64k"])
def test_a_disk_that_fills_up(
    database: Database, small_disk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """When others fill the disk after the look for room, the error says so, and there is no backup."""
    full = small_disk(size)
    monkeypatch.setattr(backup, "_MARGIN", -(1 << 30))
    with pytest.raises(StorageFull, match="no space left"):
        backup.backup(database, full / "copy.db")
    assert not (full / "copy.db").exists()


def test_damaged(database: Database) -> None:
    """A damaged file is not changed: its copy is damaged, too."""
    path = Path(str(database.engine.url.database))
    database.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 4 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(Corrupt):
        migrate.upgrade(database)
    assert version.current(database) == "0001"
    assert [path.name for path in _folder(database).iterdir() if "backup" in path.name] == []


def test_servers(mariadb_url: str, tmp_path: Path) -> None:
    """For a server's database the message names the server's own tools."""
    with Database(mariadb_url) as database, pytest.raises(BadURL, match="mariadb-dump"):
        backup.backup(database, tmp_path / "copy")
