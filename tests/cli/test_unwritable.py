"""Databases that can only be read: on a full disk, a read-only one, and in folders of others."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.engines import file_url
from persistdb.engines.sqlite import fallback
from persistdb.runtimes.samples import KATA
from tests.docs.blocks import ROOT
from tests.servers import disks, rights

from .program import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .program import Done

CID = "0a9b8c7d6e5f"
OTHERS = ROOT / "tests/data/kata/2.1.0/run/vc/sbs"
COMMANDS = (
    ("ls", "--format", "csv"),
    ("show", CID),
    ("report", "summary"),
    ("sql", "SELECT cid, container_path FROM devices"),
    ("db", "check"),
    ("db", "current"),
    ("export", "--to", "exported"),
    ("db", "backup", "kept.db"),
)
"""What only reads the database; some write elsewhere."""


@pytest.fixture
def folder(small_disk: Callable[..., Path]) -> Path:
    """Make the folder of the database."""
    return small_disk("32M")


@pytest.fixture
def program(folder: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    """Import the samples into a database in the folder."""
    program = Program(file_url(folder / "x.db"), capsys)
    assert program("import", KATA).status == 0
    return program


def obstacle(name: str, folder: Path) -> AbstractContextManager[object]:
    """Let nothing more be written in the folder."""
    if name == "others":
        return rights.another_users(folder)
    return nullcontext({"full": disks.fill, "read-only": disks.set_read_only}[name](folder))


def run(program: Program, commands: tuple[tuple[str, ...], ...]) -> list[Done]:
    """Run commands, each as if it were the first one of its process."""
    results = []
    for command in commands:
        fallback._tell.cache_clear()
        results.append(program(*command))
    return results


def test_the_line_on_stderr(program: Program, folder: Path) -> None:
    """A command says how it reads, and why, on one line on stderr."""
    disks.fill(folder)
    for command in (("ls",), ("sql", "SELECT count(*) FROM containers")):
        done = program.child(*command)
        assert done.status == 0
        assert done.err == f"persistdb: {folder}/x.db: reading a private copy of it, because its disk is full\n"


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("full", "reading a private copy of it, because its disk is full"),
        ("read-only", "reading it as it is, without locks, because its file system is mounted read-only"),
        ("others", f"reading a private copy of it, because user {os.geteuid()} may not create files in"),
    ],
)
def test_all_that_reads(
    program: Program,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    way: str,
) -> None:
    """Each command that reads gives the same answer as before, and says once how it reads, and why."""
    for place in ("before", "after"):
        (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / "before")
    before = run(program, COMMANDS)
    monkeypatch.chdir(tmp_path / "after")
    with obstacle(name, folder):
        after = run(program, COMMANDS)
    for command, expected, done in zip(COMMANDS, before, after, strict=True):
        assert (expected.status, done) == (0, expected), command
    assert len(caplog.messages) == len(COMMANDS)
    assert all(message.startswith(f"{folder}/x.db: {way}") for message in caplog.messages)
    for made in ("kept.db", "exported"):
        assert content(tmp_path / "after" / made) == content(tmp_path / "before" / made)


def content(path: Path) -> object:
    """Return what a backup or an export holds."""
    if path.is_dir():
        return {each.relative_to(path): each.read_bytes() for each in path.rglob("*") if each.is_file()}
    with Database(file_url(path)) as database, database.engine.connect() as connection:
        tables = ("sandbox", "container", "mount", "device_map", "process", "persistdb_version")
        return {table: connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("full", "no space left; nothing was written"),
        ("read-only", "the database is read-only"),
        ("others", "the database is read-only"),
    ],
)
def test_all_that_writes(program: Program, folder: Path, name: str, error: str) -> None:
    """A command that writes fails, says why, and has written nothing."""
    listing = program("ls", "--format", "json").out
    writing = (
        ("rm", CID),
        ("import", str(OTHERS)),
        ("db", "downgrade", "0009", "--no-backup", "--allow-loss"),
    )
    with obstacle(name, folder):
        for command, done in zip(writing, run(program, writing), strict=True):
            assert done.status == 3, command
            assert str(folder) in done.err, command
            assert error in done.err, command
        assert program("ls", "--format", "json").out == listing


def test_a_file_of_another_user(program: Program, folder: Path) -> None:
    """A write to a file that may only be read, in a folder where files may be created, says whose right is missing."""
    (folder / "x.db").chmod(0o444)
    with rights.without():
        assert program("ls").status == 0
        done = program("rm", CID)
        assert done.status == 3
        assert (
            f"the database is read-only (attempt to write a readonly database: user {os.geteuid()} may not" in done.err
        )


def test_a_file_that_may_not_be_read(program: Program, folder: Path, tmp_path: Path) -> None:
    """The error names the file that may not be read: it need not be the one that was given."""
    (folder / "x.db").chmod(0o000)
    reading = (("ls",), ("sql", "SELECT 1 FROM containers"), ("db", "backup", str(tmp_path / "kept.db")))
    with rights.without():
        for done in run(program, reading):
            assert (done.status, done.out) == (3, "")
            assert "access denied" in done.err
            assert "Permission denied" in done.err
            assert f"{folder}/x.db" in done.err


def test_a_log_that_may_not_be_read(program: Program, folder: Path, tmp_path: Path) -> None:
    """A log with commits that this user may not read is an error that names it: a copy without it would be old."""
    killed = (
        "import os, sys\nfrom persistdb import *\n"
        "repository = ContainerRepository(Database(sys.argv[1]), host='node-1')\n"
        "repository.save_sandbox(SandboxState(sid='new'), {})\nos._exit(0)"
    )
    subprocess.run([sys.executable, "-c", killed, program.url], check=True)
    (folder / "x.db-shm").unlink()
    with rights.another_users(folder):
        assert program("sql", "SELECT sid FROM sandboxes WHERE sid = 'new'").out.split() == ["SID", "new"]
        (folder / "x.db-wal").chmod(0o000)
        reading = (("ls",), ("sql", "SELECT 1 FROM containers"), ("db", "backup", str(tmp_path / "kept.db")))
        for done in run(program, reading):
            assert (done.status, done.out) == (3, "")
            assert "access denied" in done.err
            assert "x.db-wal" in done.err
