"""``db``: schema versions, checks and backups."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.errors import Unavailable
from persistdb.runtimes.samples import KATA
from persistdb.schema import migrate, version

if TYPE_CHECKING:
    from .program import Program


def test_current_and_upgrade(absent: Program) -> None:
    """``current`` prints the schema's version and ``upgrade`` upgrades an older one; until then nothing else works."""
    assert absent("db", "current").status == 3
    with Database(absent.url) as database:
        migrate.upgrade(database, version.REVISIONS[3])
    assert "0004, older than this program's" in absent("db", "current").out
    done = absent("ls")
    assert done.status == 3
    assert "persistdb --db " in done.err
    assert absent("db", "upgrade", "0006").out.endswith("schema changed from 0004 to 0006\n")
    assert absent("db", "upgrade").out.endswith(f"schema changed from 0006 to {version.HEAD}\n")
    assert absent("db", "upgrade").out.endswith(f"schema {version.HEAD}, nothing to do\n")
    assert absent("db", "current").out == f"{absent.url}: schema {version.HEAD}, this program's version\n"
    assert absent("ls").status == 0


@pytest.mark.parametrize("tables", [["invoices"], ["sandbox"], ["alembic_version", "invoices"]], ids=" ".join)
def test_foreign_database(absent: Program, tables: list[str]) -> None:
    """Every command refuses a database with tables of other programs with the same error, and leaves it as it is."""
    with Database(absent.url) as database, database.engine.connect() as connection:
        for table in tables:
            connection.execute(text(f"CREATE TABLE {table} (version_num TEXT)"))
        connection.commit()
    for words in (["ls"], ["db", "current"], ["db", "check"]):
        done = absent(*words)
        assert (done.status, done.out) == (3, "")
        assert done.err.startswith(f"persistdb: {absent.url}: holds other tables and no persistdb schema; ")
    assert absent("sql", "SELECT count(*) AS n FROM sqlite_master", "--format", "json").rows == [{"n": len(tables)}]


def test_unreachable_folder(absent: Program, tmp_path: Path) -> None:
    """A file that cannot exist is not taken for a database that is still to be created."""
    (tmp_path / "file").touch()
    absent.url = f"sqlite:///{tmp_path}/file/x.db"
    for words in (["ls"], ["db", "current"], ["db", "check"], ["db", "history"]):
        done = absent(*words)
        assert (done.status, done.out) == (3, "")
        assert "cannot be reached or opened" in done.err


def test_unknown_revision(absent: Program) -> None:
    """An unknown version is status 3."""
    done = absent("db", "upgrade", "9999")
    assert (done.status, done.err) == (3, "persistdb: no schema revision '9999'\n")


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """The program on a database with the bundled sample."""
    assert persistdb("import", KATA).status == 0
    return persistdb


def test_downgrade_lists_what_it_would_lose(filled: Program) -> None:
    """A downgrade that would lose data lists it and changes nothing, unless the loss is allowed."""
    refused = filled("db", "downgrade", "0002")
    assert refused.status == 3
    assert "device_map.shared of 1 row" in refused.err
    assert "--allow-loss" in refused.err
    assert "this program's" in filled("db", "current").out
    done = filled("db", "downgrade", "0002", "--allow-loss")
    assert done.status == 0
    assert "backup: " in done.out
    assert "to 0002" in done.out
    assert filled("ls").status == 3
    assert filled("db", "upgrade", "--no-backup").out.count("\n") == 1
    assert filled("ls").status == 0


def test_history(filled: Program) -> None:
    """The versions are listed oldest first, with the losses of a downgrade from each."""
    rows = filled("db", "history", "--format", "json").rows
    assert [row["revision"] for row in rows] == list(version.REVISIONS)
    assert [row["revision"] for row in rows if row["current"]] == [version.HEAD]
    assert "device_map.shared" in rows[2]["loses"]


def test_backup_and_restore(filled: Program, tmp_path: Path) -> None:
    """Restoring a backup brings back rows removed since, and backs up the previous content."""
    before = filled("ls", "-q").out
    copy = tmp_path / "copies" / "state.db"
    copy.parent.mkdir()
    assert filled("db", "backup", copy).out == f"backup: {copy}\n"
    refused = filled("db", "backup", copy)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err == f"persistdb: {copy}: exists already; a backup is written to a new file\n"
    for row in filled("ls", "--format", "json").rows:
        assert filled("rm", f"{row['sid']}/{row['cid']}").status == 0
    assert filled("ls", "-q").out == ""
    restored = filled("db", "restore", copy)
    assert restored.status == 0
    assert "backup of the previous content: " in restored.out
    assert filled("ls", "-q").out == before


def test_backups_in_a_folder(filled: Program, tmp_path: Path) -> None:
    """A backup into a folder gets a name with its date and number; ``--keep`` removes the oldest ones, by number."""
    folder = tmp_path / "copies"
    folder.mkdir()
    foreign = folder / "other.db.copy.20200101T000000Z.000001.backup"
    foreign.touch()
    names = []
    for _ in range(3):
        done = filled("db", "backup", folder)
        assert (done.status, done.err) == (0, "")
        names.append(done.out.removeprefix("backup: ").rstrip("\n"))
    assert re.fullmatch(rf"{folder}/persistdb\.db\.copy\.[0-9]{{8}}T[0-9]{{6}}Z\.000003\.backup", names[2])
    # the clock was set back since
    newest = folder / "persistdb.db.copy.20200101T000000Z.000004.backup"
    (folder / names[2]).rename(newest)
    done = filled("db", "backup", f"{folder}/", "--keep", "2")
    made, *removed = done.out.splitlines()
    assert removed == [f"removed: {names[0]}", f"removed: {names[1]}"]
    assert {str(path) for path in folder.iterdir()} == {str(foreign), str(newest), made.removeprefix("backup: ")}
    assert filled("db", "restore", made.removeprefix("backup: ")).status == 0


def test_backups_beside_the_database(filled: Program, tmp_path: Path) -> None:
    """Backups that were asked for and those before changes don't remove each other."""
    folder = tmp_path / "sqlite"
    made = filled("db", "backup", folder).out.split()[1]
    assert filled("db", "downgrade", "0009", "--allow-loss").status == 0
    for _ in range(3):
        assert filled("db", "upgrade").status == 0
        assert filled("db", "downgrade", "0009", "--allow-loss").status == 0
    before = {path for path in folder.glob("*.backup") if ".copy." not in path.name}
    assert Path(made).exists()
    assert len(before) == 5
    assert f"removed: {made}\n" in filled("db", "backup", folder, "--keep", "1").out
    assert {path for path in folder.glob("*.backup") if ".copy." not in path.name} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new.db", "--keep", "2"], "new.db: --keep is for backups in a folder, and this is no folder"),
        (["absent/"], "absent/: this is no folder"),
        (["taken", "--keep", "2"], "taken: --keep is for backups in a folder, and this is no folder"),
        (["taken"], "taken: exists already; a backup is written to a new file"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else None,
)
def test_misplaced_backup(
    filled: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    """A backup to where it cannot go is misuse, with the reason."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    done = filled("db", "backup", *words)
    assert (done.status, done.out, done.err) == (2, "", f"persistdb: {says}\n")
    assert (tmp_path / "taken").stat().st_size == 0
    assert not (tmp_path / "absent").exists()


def test_restore_of_something_else(filled: Program, tmp_path: Path) -> None:
    """A file that is no backup is refused, and the database stays as it is."""
    before = filled("ls", "-q").out
    (tmp_path / "text").write_text("no database")
    assert filled("db", "restore", tmp_path / "text").status == 3
    assert filled("db", "restore", tmp_path / "absent").status == 3
    assert filled("ls", "-q").out == before


def test_restore_over_a_foreign_database(filled: Program, tmp_path: Path) -> None:
    """``restore`` refuses another program's database like every other command, unless it is asked to replace it."""
    before = filled("ls", "-q").out
    copy = tmp_path / "copy.db"
    assert filled("db", "backup", copy).status == 0
    filled.url = f"sqlite:///{tmp_path}/app.db"
    with Database(filled.url) as database, database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (number TEXT)"))
    refused = filled("db", "restore", copy)
    assert (refused.status, refused.out) == (3, "")
    assert refused.err == (
        f"persistdb: {filled.url}: holds other tables and no persistdb schema; nothing was changed; "
        "to replace it, and keep a backup of it, add --replace-foreign\n"
    )
    done = filled("db", "restore", copy, "--replace-foreign")
    assert done.status == 0
    assert f"backup of the previous content: {tmp_path}/app.db.foreign." in done.out
    assert filled("ls", "-q").out == before


def test_check(filled: Program) -> None:
    """A sound database has no finding; a row that breaks a rule is one, and the exit status says so."""
    assert filled("db", "check").status == 0
    with Database(filled.url) as database, database.session(write=True) as session:
        session.execute(text("DELETE FROM mount WHERE position = 0"))
    found = filled("db", "check")
    assert found.status == 1
    assert "without a rootfs" in found.err


def test_check_cut_short(filled: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is printed before the error that ends the check, whose exit status it is."""
    with Database(filled.url) as database, database.session(write=True) as session:
        session.execute(text("DROP VIEW mounts"))

    def fail(*_arguments: object) -> None:
        raise Unavailable(filled.url, "gone")

    monkeypatch.setattr("persistdb.store.check_decoded.Doubtful.containers", fail)
    found = filled("db", "check")
    first, second = found.err.splitlines()
    assert first == "persistdb: view mounts is missing; persistdb db upgrade creates it again"
    assert "gone" in second
    assert (found.status, found.out) == (3, "")


def test_check_of_views(filled: Program) -> None:
    """A view that was dropped is a finding that names the command which creates it again, and then there is none."""
    with Database(filled.url) as database, database.session(write=True) as session:
        session.execute(text("DROP VIEW mounts"))
    found = filled("db", "check")
    assert (found.status, found.err) == (
        1,
        "persistdb: view mounts is missing; persistdb db upgrade creates it again\n",
    )
    assert filled("db", "upgrade").out == f"{filled.url}: schema {version.HEAD}, created again: view mounts\n"
    assert filled("db", "check").status == 0
    assert filled("sql", "SELECT count(*) FROM mounts").status == 0
