"""Restores of backups: whatever a restore replaces is backed up, and what is not ours is refused."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.engines.sqlite import copies
from persistdb.engines.sqlite.library import driver
from persistdb.errors import (
    BackupRefused,
    Busy,
    Corrupt,
    NotFound,
    SchemaMissing,
    SchemaTooNew,
    WouldReplace,
)
from persistdb.schema import backup, migrate, version
from persistdb.schema.restore import restore

from . import dumps, model
from .files import damage, folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(baseline: Database) -> Database:
    """A file at the baseline, with rows."""
    return baseline


def test_restore(database: Database) -> None:
    """A restored backup brings its rows and schema, which other connections see, and the database before it is kept."""
    saved = migrate.upgrade(database).backup
    assert saved is not None
    with Database(str(database.engine.url)) as other:
        assert version.current(other) == version.HEAD
        kept = restore(database, saved)
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
        assert restore(new, copy) is None
        assert dumps.rows(new.engine) == model.sample("0001")


def test_restore_refuses(database: Database, tmp_path: Path) -> None:
    """A file that is not a backup of ours, or damaged, or newer, is refused, and the database stays as it is."""
    rows = dumps.rows(database.engine)
    with pytest.raises(NotFound):
        restore(database, tmp_path / "absent")
    text = tmp_path / "text"
    text.write_text("not a database" * 1000)
    log = tmp_path / "text-wal"
    log.touch()
    with pytest.raises(Corrupt):
        restore(database, text)
    assert log.exists()
    copy = backup.backup(database, tmp_path / "copy.db")
    cut = tmp_path / "cut.db"
    cut.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(Corrupt):
        restore(database, cut)
    with Database(f"sqlite:///{copy}") as other, other.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE persistdb_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(SchemaTooNew):
        restore(database, copy)
    with Database(f"sqlite:///{copy}") as other, other.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE persistdb_version")
        connection.commit()
    with pytest.raises(SchemaMissing):
        restore(database, copy)
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
        ["CREATE TABLE persistdb_version (version_num)"],
        ["CREATE TABLE persistdb_version (version_num)", "INSERT INTO persistdb_version VALUES ('ae1027a6acf')"],
        ["CREATE TABLE persistdb_version (other)"],
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
        with pytest.raises(WouldReplace, match=r"holds other tables and no persistdb schema; .*replace_foreign=True"):
            restore(other, copy)
        assert theirs.read_bytes() == content
        assert list(tmp_path.glob("theirs.db?*")) == []
        kept = restore(other, copy, replace_foreign=True)
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
            restore(other, copy)
        assert (text.read_text(), log.read_text()) == ("precious" * 1000, "more")
        kept = restore(other, copy, replace_foreign=True)
        assert kept is not None
        assert kept.name.startswith("text.not-a-database.")
        assert kept.read_text() == "precious" * 1000
        assert kept.with_name(kept.name + "-wal").read_text() == "more"
        assert dumps.rows(other.engine) == model.sample("0001")


def test_restore_over_a_damaged_database(database: Database, tmp_path: Path) -> None:
    """A damaged database is what a backup is restored for: it is replaced, and kept under a name that says so."""
    copy = backup.backup(database, tmp_path / "copy.db")
    content = damage(database, 3)
    kept = restore(database, copy)
    assert kept is not None
    assert kept.name.startswith("persistdb.db.damaged.")
    assert kept.read_bytes()[3 * 4096 : 4 * 4096] == content[3 * 4096 : 4 * 4096]
    assert dumps.rows(database.engine) == model.sample("0001")


def test_restore_over_a_database_without_a_readable_schema(database: Database, tmp_path: Path) -> None:
    """A file so damaged that its owner is unknown is replaced only where that is asked for, and kept as it is."""
    copy = backup.backup(database, tmp_path / "copy.db")
    content = damage(database, 0)
    with pytest.raises(WouldReplace, match="so damaged"):
        restore(database, copy)
    kept = restore(database, copy, replace_foreign=True)
    assert kept is not None
    assert kept.read_bytes() == content
    assert dumps.rows(database.engine) == model.sample("0001")


@pytest.mark.parametrize(("revision", "label"), [("0999", "0999"), ("../../x", "unknown"), (None, "unknown")])
def test_restore_over_a_newer_schema(database: Database, tmp_path: Path, revision: str | None, label: str) -> None:
    """The schema of a later release is replaced; whatever it calls its revision, the backup is beside the database."""
    copy = backup.backup(database, tmp_path / "copy.db")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM persistdb_version")
        if revision is not None:
            connection.exec_driver_sql("INSERT INTO persistdb_version VALUES (?)", (revision,))
    kept = restore(database, copy)
    assert kept is not None
    assert kept.parent == folder(database)
    assert kept.name.startswith(f"persistdb.db.{label}.")
    assert version.current(database) == "0001"


def test_restore_over_a_locked_database(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore does not wait for ever for another program that is writing; the database stays as it is."""
    monkeypatch.setattr(copies, "WAIT", 0.01)
    copy = backup.backup(database, tmp_path / "copy.db")
    migrate.upgrade(database)
    with Database(str(database.engine.url)) as other, other.session(write=True) as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Busy):
            restore(database, copy)
    assert version.current(database) == version.HEAD


def test_restore_of_the_database_itself(database: Database) -> None:
    """The database is no backup of itself, under any name."""
    link = folder(database) / "link"
    link.symlink_to("persistdb.db")
    rows = dumps.rows(database.engine)
    with pytest.raises(BackupRefused, match="is the database itself"):
        restore(database, link)
    assert dumps.rows(database.engine) == rows
