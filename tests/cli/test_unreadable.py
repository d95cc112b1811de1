"""Containers and sandboxes that no record can hold: each command names them, and does the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.ingest.files import other, tree
from tests.runtimes.kata.trees import make
from tests.store import spoil
from tests.store.fixtures import HOST

from .program import Program

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import Database, Unreadable


@pytest.fixture
def sandboxes(tmp_path: Path) -> Path:
    """Make the files of three sandboxes, each with a container x, and the second with y, too."""
    root = tmp_path / "sbs"
    make(root, tree("s1", x=other("t")) | tree("s2", x=other("t"), y=other("u")) | tree("s3", x=other("t")))
    return root


def _spoilt(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], sandboxes: Path
) -> tuple[Program, Database, str]:
    engine, kind = request.param
    url, database = request.getfixturevalue(f"{engine}_store")
    persistdb = Program(url, capsys)
    assert persistdb("import", sandboxes).status == 0
    return persistdb, database, kind


@pytest.fixture(params=spoil.params(spoil.CONTAINERS))
def persistdb(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], sandboxes: Path) -> Program:
    """Run the program on a database in which s2/y is spoilt, in each way."""
    persistdb, database, kind = _spoilt(request, capsys, sandboxes)
    spoil.container(database, "s2", "y", kind)
    return persistdb


@pytest.fixture(params=spoil.params(spoil.SANDBOXES))
def of_sandbox(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], sandboxes: Path) -> Program:
    """Run the program on a database in which the own row of s2 is spoilt, in each way."""
    persistdb, database, kind = _spoilt(request, capsys, sandboxes)
    spoil.sandbox(database, "s2", kind)
    return persistdb


def test_import(persistdb: Program, sandboxes: Path) -> None:
    """An import stores all sandboxes again, and the container is replaced."""
    done = persistdb("import", sandboxes)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("imported 3 sandboxes with 4 containers")
    with persistdb.repository() as repository:
        assert sorted(repository.load_sandbox("s2").containers) == ["x", "y"]
    assert persistdb("export", "--to", sandboxes.with_name("out")).status == 0


def test_import_with_a_fault_in_the_files(persistdb: Program, sandboxes: Path) -> None:
    """Where the container's file is damaged, it stays as it is, and everything else is imported."""
    (sandboxes / "s2" / "y" / "persist.json").write_text("{")
    done = persistdb("import", sandboxes)
    assert done.status == 1
    assert done.out.startswith("imported 3 sandboxes with 3 containers")
    assert done.err.count("\n") == 1
    assert "s2/y/persist.json" in done.err


def test_import_without_the_sandbox_file(persistdb: Program, sandboxes: Path) -> None:
    """Where the sandbox's own file is damaged, the sandbox is left out, and its container named with its remedy."""
    (sandboxes / "s2" / "persist.json").write_text("{")
    done = persistdb("import", sandboxes)
    assert done.status == 1
    assert re.match(r"imported 2 sandboxes with 2 containers into .*; 1 sandbox left out; 2 faults\n", done.out)
    assert "s2/persist.json" in done.err
    assert f"persistdb --host {HOST} rm s2/y" in done.err


def test_export(persistdb: Program, sandboxes: Path) -> None:
    """An export writes all other sandboxes, and names the container with its remedy."""
    out = sandboxes.with_name("out")
    done = persistdb("export", "--to", out)
    assert done.status == 1
    assert done.out.startswith("exported 2 sandboxes with 2 containers")
    assert done.err.count("\n") == 1
    assert f"persistdb --host {HOST} rm s2/y" in done.err
    assert sorted(folder.name for folder in out.iterdir()) == ["s1", "s3"]
    assert persistdb("export", "s2", "--to", out).status == 3
    done = persistdb("export", "s2", "s1", "--replace", "--to", out)
    assert (done.status, done.err.count("\n")) == (1, 1)


def test_ls(persistdb: Program) -> None:
    """A list shows the others; if a list's columns cannot be read, it is one line on stderr, and the status is 1."""
    for arguments in ((), ("-q",), ("--format", "json"), ("--sort", "-updated", "--all-hosts")):
        done = persistdb("ls", *arguments)
        assert done.out.count("s2") + done.err.count("s2/y on host") >= 2
        assert "s1" in done.out
        assert "s3" in done.out
        assert (done.status, done.err.count("\n")) in ((0, 0), (1, 1))


def test_show(persistdb: Program) -> None:
    """The container itself is one line on stderr; the others are shown."""
    done = persistdb("show", "s2/y")
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert f"persistdb --host {HOST} rm s2/y" in done.err
    assert persistdb("show", "s2/x").status == 0


def test_rm(persistdb: Program, sandboxes: Path) -> None:
    """The remedy works: the container is removed, and the next import brings it back."""
    done = persistdb("rm", "s2/y")
    assert (done.status, done.out, done.err) == (0, "removed container s2/y\n", "")
    assert persistdb("export", "--to", sandboxes.with_name("out")).status == 0
    assert persistdb("import", sandboxes).status == 0
    assert persistdb("show", "y").status == 0


def test_a_sandbox(of_sandbox: Program, sandboxes: Path) -> None:
    """A sandbox whose own row is spoilt is named by an export, replaced by an import, and can be removed."""
    out = sandboxes.with_name("out")
    done = of_sandbox("export", "--to", out)
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert f"persistdb --host {HOST} rm --sandbox s2" in done.err
    assert sorted(folder.name for folder in out.iterdir()) == ["s1", "s3"]
    assert of_sandbox("ls").status == 0
    assert of_sandbox("import", sandboxes).status == 0
    assert of_sandbox("export", "--replace", "--to", out).status == 0


def test_removing_a_sandbox(of_sandbox: Program, sandboxes: Path) -> None:
    """The remedy for a sandbox works, too."""
    done = of_sandbox("rm", "--sandbox", "s2")
    assert (done.status, done.out) == (0, "removed sandbox s2 with 2 containers\n")
    assert of_sandbox("export", "--to", sandboxes.with_name("out")).status == 0


def test_check(persistdb: Program) -> None:
    """The check names the container on stderr, once for each rule that it breaks, and its status is 1."""
    done = persistdb("db", "check")
    assert done.status == 1
    assert "containers or sandboxes that cannot be read: host='node-1', sid='s2', cid='y'" in done.err
    assert persistdb("rm", "s2/y").status == 0
    assert persistdb("db", "check").status == 0


@pytest.mark.parametrize(
    "sid", ["CAST(sid AS BLOB)", "x'ff00'", "CAST(x'61ff' AS TEXT)", "CAST(x'ff61' AS TEXT)", "x''"]
)
def test_a_sandbox_without_an_id(
    sqlite_store: tuple[str, Database], capsys: pytest.CaptureFixture[str], sandboxes: Path, sid: str
) -> None:
    """A sandbox whose ID is no text is named by its row, and an export writes all others, on pages of any length."""
    url, database = sqlite_store
    persistdb = Program(url, capsys)
    assert persistdb("import", sandboxes).status == 0
    with database.writer.begin() as connection:
        connection.exec_driver_sql(f"UPDATE sandbox SET sid = {sid} WHERE sid = 's2'")
    out = sandboxes.with_name("out")
    done = persistdb("export", "--to", out)
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("persistdb: row 2 of sandbox: ")
    assert " rm " not in done.err
    assert done.out.startswith("exported 2 sandboxes with 2 containers")
    assert sorted(folder.name for folder in out.iterdir()) == ["s1", "s3"]
    with persistdb.repository() as repository:
        for batch in (1, 2, 3, 100):
            faults: list[Unreadable] = []
            loaded = [one.record.sid for one in repository.load_sandboxes(batch=batch, on_unreadable=faults.append)]
            assert (loaded, [fault.ref for fault in faults]) == (["s1", "s3"], ["row 2 of sandbox"])
    assert persistdb("db", "check").status == 1
