"""Backups of SQLite files: made before each change, checked, kept, restored."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.engines.sqlite.copies import SQLiteFile
from persistdb.errors import (
    BackupRefused,
    BadURL,
    Corrupt,
    StorageFull,
    Unavailable,
)
from persistdb.schema import backup, migrate, version
from persistdb.schema.restore import restore

from . import dumps, model
from .files import damage, folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def database(baseline: Database) -> Database:
    """A file at the baseline, with rows."""
    return baseline


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
    other = folder(database) / "persistdb.db.note"
    other.touch()
    made = [
        change.backup
        for _ in range(4)
        for change in (migrate.upgrade(database, "0002"), migrate.downgrade(database, "0001"))
    ]
    assert backup.backups(database) == made[-backup.KEPT :]
    assert other.exists()


def _earlier(database: Database, *names: str) -> list[Path]:
    """Make files with the names of backups."""
    paths = [folder(database) / f"persistdb.db.{name}.backup" for name in names]
    for path in paths:
        path.touch()
    return paths


@pytest.mark.parametrize(
    "names",
    [
        [f"0001.2099010{i}T000000.000000Z" for i in range(1, 8)],
        [f"0001.2099010{i}T000000Z.{i:06d}" for i in range(1, 8)],
    ],
    ids=["without numbers", "numbered"],
)
def test_the_clock_went_back(database: Database, names: list[str]) -> None:
    """A backup that was just made is kept, though the names of all others have later times."""
    earlier = _earlier(database, *names)
    made = migrate.upgrade(database).backup
    assert made is not None
    assert made.exists()
    assert backup.backups(database)[-1] == made
    assert earlier[-1].exists()


def test_numbers_tell_the_oldest(database: Database) -> None:
    """Backups are removed in the order of their numbers, whatever the times in their names."""
    earlier = _earlier(database, *(f"0001.2099010{9 - i}T000000Z.{i + 94:06d}" for i in range(8)))
    made = migrate.upgrade(database).backup
    assert made is not None
    assert made.name.endswith("Z.000102.backup")
    assert backup.backups(database) == [*earlier[-backup.KEPT + 1 :], made]


def test_backups_of_earlier_releases(database: Database) -> None:
    """Backups without numbers count by the times in their names; one from the future has no known age and is kept."""
    past = _earlier(database, *(f"0001.2020010{i}T000000.000000Z" for i in (1, 3, 2, 4, 5, 6)))
    (future,) = _earlier(database, "0001.20990101T000000.000000Z")
    made = migrate.upgrade(database, "0002").backup
    kept = sorted(past)[-backup.KEPT + 2 :]
    assert backup.backups(database) == [*kept, future, made]
    for _ in range(3):
        migrate.downgrade(database, "0001")
        made = migrate.upgrade(database, "0002").backup
    assert len(backup.backups(database)) == backup.KEPT + 1
    assert made in backup.backups(database)
    assert future.exists()


@pytest.mark.parametrize("form", ["0001.2099010{}T000000.000000Z", "0001.20990101T000000Z.00000{}"])
def test_restore_of_the_oldest_backup(database: Database, form: str) -> None:
    """The backup that is being restored is not removed, though it is the oldest of many."""
    oldest = migrate.upgrade(database).backup
    assert oldest is not None
    _earlier(database, *(form.format(i) for i in range(2, 8)))
    restore(database, oldest)
    assert oldest.exists()
    assert dumps.rows(database.engine) == model.sample("0001")


def test_a_backup_that_cannot_be_removed(database: Database) -> None:
    """What has the name of an old backup and cannot be removed, such as a folder, hinders no change."""
    (earlier,) = _earlier(database, "0001.20200101T000000Z.000001")
    earlier.unlink()
    earlier.mkdir()
    _earlier(database, *(f"0001.20200101T000000Z.{i:06d}" for i in range(2, 7)))
    made = migrate.upgrade(database, "0002").backup
    assert made in backup.backups(database)
    assert earlier.is_dir()


def test_other_files_are_not_pruned(database: Database) -> None:
    """Only backups made before changes count: neither other copies of the database nor another's backups."""
    others = _earlier(
        database,
        *(f"old.0001.2020010{i}T000000.000000Z" for i in range(1, 8)),
        *(f"foreign.20200101T000000Z.{i:06d}" for i in range(1, 8)),
        *(f"mine-{i}" for i in range(1, 8)),
    )
    made = [migrate.upgrade(database, "0002").backup, migrate.downgrade(database, "0001").backup]
    assert backup.backups(database) == made
    assert all(path.exists() for path in others)


def test_a_new_file(database: Database, tmp_path: Path) -> None:
    """A backup never overwrites a file."""
    (tmp_path / "there").write_text("precious")
    with pytest.raises(BackupRefused, match="/there: exists already"):
        backup.backup(database, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"


def test_no_room(database: Database, small_disk: Callable[..., Path]) -> None:
    """Without room for a copy nothing is written, and the message says how much is needed."""
    full = small_disk("1M")
    with pytest.raises(StorageFull, match="MB are needed"):
        backup.backup(database, full / "copy.db")
    assert list(full.iterdir()) == []


def test_a_planted_name(database: Database, tmp_path: Path) -> None:
    """What others put at names that a copy could have on its way is not followed, overwritten or removed."""
    victim, planted, other = tmp_path / "victim", tmp_path / "copy.db.partial", tmp_path / "more.db.partial"
    victim.write_text("precious")
    planted.symlink_to(victim)
    other.write_text("of another program")
    for name in ("copy.db", "more.db"):
        with Database(f"sqlite:///{backup.backup(database, tmp_path / name)}") as copy:
            assert dumps.rows(copy.engine) == model.sample("0001")
    assert victim.read_text() == "precious"
    assert planted.is_symlink()
    assert other.read_text() == "of another program"


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_a_dangling_symlink(database: Database, tmp_path: Path, suffix: str) -> None:
    """A symlink in the place of the backup, or of a file that would belong to it, is refused and not followed."""
    (tmp_path / f"copy.db{suffix}").symlink_to(tmp_path / "absent")
    with pytest.raises(BackupRefused, match=rf"copy\.db{suffix}: exists already"):
        backup.backup(database, tmp_path / "copy.db")
    assert not (tmp_path / "absent").exists()
    assert (tmp_path / f"copy.db{suffix}").is_symlink()


def test_two_backups_to_one_name(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two backups to one name the first to end wins, the other says that the name is taken, and no rows mix."""
    make_single = SQLiteFile.make_single

    def make_another(file: SQLiteFile) -> None:
        monkeypatch.undo()
        with Database(f"sqlite:///{tmp_path}/other.db") as other:
            migrate.upgrade(other)
            backup.backup(other, tmp_path / "copy.db")
        make_single(file)

    monkeypatch.setattr(SQLiteFile, "make_single", make_another)
    with pytest.raises(BackupRefused, match=r"copy\.db: exists already"):
        backup.backup(database, tmp_path / "copy.db")
    with Database(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert version.current(copy) == version.HEAD
    assert list(tmp_path.glob("*.partial*")) == list(tmp_path.glob(".*")) == []


def test_two_changes_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two backups beside a database never have one name."""
    make_single = SQLiteFile.make_single

    def make_another(file: SQLiteFile) -> None:
        monkeypatch.undo()
        backup.before_change(database, "0001")
        make_single(file)

    monkeypatch.setattr(SQLiteFile, "make_single", make_another)
    backup.before_change(database, "0001")
    assert [path.name.split(".")[-2] for path in backup.backups(database)] == ["000001", "000002"]


def test_a_missing_folder(database: Database, tmp_path: Path) -> None:
    """The error of a backup into a folder that does not exist names that folder."""
    with pytest.raises(Unavailable, match="absent: cannot be reached"):
        backup.backup(database, tmp_path / "absent" / "copy.db")


@pytest.mark.parametrize("size", ["16k", "64k"])
def test_a_disk_that_fills_up(
    database: Database, small_disk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """When others fill the disk after the look for room, the error says so, and nothing of the copy is left."""
    full = small_disk(size)
    monkeypatch.setattr(backup, "_MARGIN", -(1 << 30))
    with pytest.raises(StorageFull, match="no space left"):
        backup.backup(database, full / "copy.db")
    assert list(full.iterdir()) == []


def test_damaged(database: Database) -> None:
    """A damaged file is not changed: its copy is damaged, too."""
    damage(database, 3)
    with pytest.raises(Corrupt):
        migrate.upgrade(database)
    assert version.current(database) == "0001"
    assert [path.name for path in folder(database).iterdir() if "backup" in path.name] == []


def test_servers(mariadb_url: str, tmp_path: Path) -> None:
    """For a server's database the message names the server's own tools."""
    with Database(mariadb_url) as database, pytest.raises(BadURL, match="mariadb-dump"):
        backup.backup(database, tmp_path / "copy")
