"""Backups of SQLite files: made before each change, checked, kept, restored."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.engines.sqlite.files import SQLiteFile
from persistdb.engines.sqlite.library import driver
from persistdb.errors import (
    BadURL,
    Corrupt,
    DatabaseError,
    NotFound,
    SchemaMissing,
    SchemaTooNew,
    StorageFull,
    Unavailable,
    WouldReplace,
)
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


def _earlier(database: Database, *names: str) -> list[Path]:
    """Make files with the names of backups."""
    paths = [_folder(database) / f"persistdb.db.{name}.backup" for name in names]
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
    backup.restore(database, oldest)
    assert oldest.exists()
    assert dumps.rows(database.engine) == model.sample("0001")


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


def _foreign(path: Path, *statements: str) -> None:
    """Make a database of another program, with one row."""
    with contextlib.closing(driver().connect(path, isolation_level=None)) as connection:
        for statement in (*statements, "CREATE TABLE invoices (number)", "INSERT INTO invoices VALUES (7)"):
            connection.execute(statement)


def _invoices(path: Path) -> list[tuple[int]]:
    with contextlib.closing(driver().connect(path)) as connection:
        rows: list[tuple[int]] = connection.execute("SELECT number FROM invoices").fetchall()
        return rows


@pytest.mark.parametrize(
    "statements",
    [
        [],
        ["CREATE TABLE alembic_version (version_num)"],
        ["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('ae1027a6acf')"],
        ["CREATE TABLE alembic_version (other)"],
        ["CREATE TABLE sandbox (id)"],
        ["PRAGMA page_size = 1024", "PRAGMA journal_mode = WAL"],
    ],
    ids=["plain", "empty version", "other revision", "other version table", "one name of ours", "WAL of small pages"],
)
def test_restore_over_a_foreign_database(database: Database, tmp_path: Path, statements: list[str]) -> None:
    """Another program's database is replaced only where that is asked for, and a backup of it is kept for good."""
    copy = backup.backup(database, tmp_path / "copy.db")
    theirs = tmp_path / "theirs.db"
    _foreign(theirs, *statements)
    content = theirs.read_bytes()
    with Database(f"sqlite:///{theirs}") as other:
        with pytest.raises(WouldReplace, match=r"holds other tables and no persistdb schema; .*--replace-foreign"):
            backup.restore(other, copy)
        assert theirs.read_bytes() == content
        assert list(tmp_path.glob("theirs.db?*")) == []
        kept = backup.restore(other, copy, replace_foreign=True)
        assert kept is not None
        assert kept.name.startswith("theirs.db.foreign.")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert _invoices(kept) == [(7,)]
        assert dumps.rows(other.engine) == model.sample("0001")
        assert backup.backups(other) == []


def test_restore_over_a_file_that_is_not_a_database(database: Database, tmp_path: Path) -> None:
    """Such a file is replaced only where that is asked for, and kept byte by byte with the log beside it."""
    copy = backup.backup(database, tmp_path / "copy.db")
    text = tmp_path / "text"
    text.write_text("precious" * 1000)
    log = tmp_path / "text-wal"
    log.write_text("more")
    with Database(f"sqlite:///{text}") as other:
        with pytest.raises(WouldReplace, match="not a database"):
            backup.restore(other, copy)
        assert (text.read_text(), log.read_text()) == ("precious" * 1000, "more")
        kept = backup.restore(other, copy, replace_foreign=True)
        assert kept is not None
        assert kept.name.startswith("text.not-a-database.")
        assert kept.read_text() == "precious" * 1000
        assert kept.with_name(kept.name + "-wal").read_text() == "more"
        assert dumps.rows(other.engine) == model.sample("0001")


def _damage(database: Database, page: int) -> bytes:
    """Overwrite a page, except for the file's header, and return the file."""
    path = Path(str(database.engine.url.database))
    database.close()
    content = bytearray(path.read_bytes())
    start, end = max(page * 4096, 100), (page + 1) * 4096
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    return bytes(content)


def test_restore_over_a_damaged_database(database: Database, tmp_path: Path) -> None:
    """A damaged database is what a backup is restored for: it is replaced, and kept under a name that says so."""
    copy = backup.backup(database, tmp_path / "copy.db")
    content = _damage(database, 3)
    kept = backup.restore(database, copy)
    assert kept is not None
    assert kept.name.startswith("persistdb.db.damaged.")
    assert kept.read_bytes()[3 * 4096 : 4 * 4096] == content[3 * 4096 : 4 * 4096]
    assert dumps.rows(database.engine) == model.sample("0001")


def test_restore_over_a_database_without_a_readable_schema(database: Database, tmp_path: Path) -> None:
    """A file so damaged that its owner is unknown is replaced only where that is asked for, and kept as it is."""
    copy = backup.backup(database, tmp_path / "copy.db")
    content = _damage(database, 0)
    with pytest.raises(WouldReplace, match="so damaged"):
        backup.restore(database, copy)
    kept = backup.restore(database, copy, replace_foreign=True)
    assert kept is not None
    assert kept.read_bytes() == content
    assert dumps.rows(database.engine) == model.sample("0001")


@pytest.mark.parametrize(("revision", "label"), [("0999", "0999"), ("../../x", "newer")])
def test_restore_over_a_newer_schema(database: Database, tmp_path: Path, revision: str, label: str) -> None:
    """The schema of a later release is replaced; whatever it calls its revision, the backup is beside the database."""
    copy = backup.backup(database, tmp_path / "copy.db")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    kept = backup.restore(database, copy)
    assert kept is not None
    assert kept.parent == _folder(database)
    assert kept.name.startswith(f"persistdb.db.{label}.")
    assert version.current(database) == "0001"


def test_restore_of_the_database_itself(database: Database) -> None:
    """The database is no backup of itself, under any name."""
    link = _folder(database) / "link"
    link.symlink_to("persistdb.db")
    rows = dumps.rows(database.engine)
    with pytest.raises(DatabaseError, match="is the database itself"):
        backup.restore(database, link)
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
    with pytest.raises(DatabaseError, match=rf"copy\.db{suffix}: .*exists already"):
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
    with pytest.raises(DatabaseError, match=r"copy\.db: .*exists already"):
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
    _damage(database, 3)
    with pytest.raises(Corrupt):
        migrate.upgrade(database)
    assert version.current(database) == "0001"
    assert [path.name for path in _folder(database).iterdir() if "backup" in path.name] == []


def test_servers(mariadb_url: str, tmp_path: Path) -> None:
    """For a server's database the message names the server's own tools."""
    with Database(mariadb_url) as database, pytest.raises(BadURL, match="mariadb-dump"):
        backup.backup(database, tmp_path / "copy")
