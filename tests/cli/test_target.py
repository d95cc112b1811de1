"""``--db`` and ``--host``: which database and node a command works on, and what it says of those that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, SandboxState
from persistdb.cli import main
from persistdb.runtimes.samples import KATA
from tests.conftest import SERVERS

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program

LOOKING = [
    ["ls"],
    ["show", "x"],
    ["rm", "x"],
    ["export", "--to", "out"],
    ["report", "summary"],
    ["sql", "SELECT 1"],
    ["db", "current"],
    ["db", "history"],
    ["db", "check"],
    ["db", "backup", "copy.db"],
    ["db", "downgrade", "0001"],
]


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
@pytest.mark.parametrize("form", ["absent", "empty"])
def test_looking_creates_no_database(
    persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], form: str
) -> None:
    """A command that needs something to be there creates no database and says that there is none."""
    monkeypatch.chdir(tmp_path)
    if form == "empty":
        (tmp_path / "mistyped.db").touch()
    before = [(path, path.stat().st_size) for path in tmp_path.rglob("*")]
    persistdb.url = "mistyped.db"
    done = persistdb(*words)
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "persistdb: sqlite:///mistyped.db: there is no such database; check its name, or create it: "
        "persistdb --db sqlite:///mistyped.db import PATH\n"
    )
    assert [(path, path.stat().st_size) for path in tmp_path.rglob("*")] == before


@pytest.mark.parametrize("engine", SERVERS)
def test_looking_creates_no_schema(persistdb: Program, request: pytest.FixtureRequest, engine: str) -> None:
    """On a server whose database is empty it is the same."""
    persistdb.url = request.getfixturevalue(f"{engine}_url")
    for words in (["ls"], ["report", "summary"]):
        done = persistdb(*words)
        assert (done.status, done.out) == (3, "")
        assert "there is no persistdb schema yet; the first import creates it" in done.err
    assert persistdb("db", "current").out.endswith(": no schema yet; the first import creates it\n")


@pytest.mark.parametrize("name", ["state", "./sub:dir/50% of?.db", "~/at home.db"])
def test_path(
    persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """``--db`` and PERSISTDB_URL take a file's path, in which ``~`` is the user's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    persistdb.url = name
    assert persistdb("import", KATA).status == 0
    assert (tmp_path / name.replace("~", "home")).is_file()
    monkeypatch.setenv("PERSISTDB_URL", name)
    assert main(["ls", "-q", "--all-hosts"]) == 0
    assert capsys.readouterr().out.count("\n") == 3


def test_path_of_nobody(persistdb: Program) -> None:
    """The home of a user whom nobody knows is misuse."""
    persistdb.url = "~no-such-user/x.db"
    done = persistdb("ls")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "no such user" in done.err


@pytest.mark.parametrize("text", ["sqlite:state.db", "u:secret@h", "u:secret@h/name"])
def test_a_url_with_an_error_is_no_path(persistdb: Program, tmp_path: Path, text: str) -> None:
    """Text with a colon before its first slash is a URL, so that no mistake in one creates a file."""
    persistdb.url = text
    done = persistdb("import", KATA)
    assert (done.status, done.out) == (2, "")
    assert "not a database URL" in done.err
    assert "secret" not in done.err


@pytest.fixture
def fleet(persistdb: Program) -> Program:
    """Two hosts with a sandbox each."""
    for host in ("node-1", "node-2"):
        with persistdb.repository(host) as repository:
            repository.save_sandbox(SandboxState(sid=f"pod-{host}"), {"web": ContainerState(state="running")})
    return persistdb


def test_host_after_the_command(fleet: Program, tmp_path: Path) -> None:
    """``--host`` is taken after the command, too, and outweighs the one before it."""
    assert fleet("ls", "-q", "--host", "node-2").out == "pod-node-2/web\n"
    assert "node-2" in fleet("show", "web", "--host", "node-2").out
    assert "exported 1 sandbox" in fleet("export", "--to", tmp_path / "out", "--host", "node-2").out
    assert fleet("import", KATA, "--host", "node-3").out.endswith("host 'node-3'\n")
    assert fleet("rm", "pod-node-2/web", "--host", "node-2").status == 0
    assert fleet("ls", "-q").out == "pod-node-1/web\n"
    for words in (["ls", "--host", ""], ["report", "summary", "--host", ""]):
        assert (fleet(*words).status, fleet(*words).out) == (2, "")


def test_empty_lists_say_why(fleet: Program) -> None:
    """An empty table says of which host, and which hosts the database has; other forms are for programs."""
    heading = fleet("ls").out.splitlines()[0].split()
    for words, says in (
        (["ls"], "no containers of host 'vm'; the database has those of: node-1, node-2"),
        (["ls", "state=running"], "no containers of host 'vm'; the database has those of: node-1, node-2"),
        (["ls", "--host", "node-1", "state=stopped"], "no containers of host 'node-1' fit the filters"),
        (["ls", "--all-hosts", "state=stopped"], "no containers fit the filters"),
        (["ls", "host=node-9"], "no containers fit the filters"),
        (["events"], "no events of host 'vm'; the database has those of: node-1, node-2"),
        (["events", "--kind", "gap"], "no events of host 'vm' fit the options"),
        (["report", "summary"], "no rows of host 'vm'; the database has those of: node-1, node-2"),
        (["report", "shared-devices", "--host", "node-1"], "no rows of host 'node-1'"),
        (["report", "shared-devices", "--all-hosts"], "no rows"),
    ):
        done = fleet(*words, host="vm")
        assert (done.status, done.err) == (0, f"{says}\n"), words
        assert done.out.count("\n") == 1
    assert heading[0] == "SANDBOX"
    assert fleet("ls", "-q", host="vm") == (0, "", "")
    assert fleet("ls", "--format", "csv", host="vm").err == ""
    assert fleet("rm", "--sandbox", "pod-node-1").status == 0
    assert fleet("rm", "--sandbox", "pod-node-2", "--host", "node-2").status == 0
    bring = f"persistdb --db {fleet.url} import PATH"
    assert fleet("ls").err == f"no containers; the database has no sandboxes: {bring} brings them\n"
