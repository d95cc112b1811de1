"""``completion``: the scripts, and what a shell gets for its questions."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, SandboxState
from persistdb.cli import complete
from persistdb.filters import KEYS
from persistdb.runtimes.kata import NAMES
from persistdb.store.selection import SORTS
from tests.conftest import ENGINES

from .program import HOST, Program

if TYPE_CHECKING:
    from pathlib import Path

_HEAVY = """
import sys
from persistdb.cli import main
try:
    main()
finally:
    print(sorted({"sqlalchemy", "alembic", "rich"} & set(sys.modules)))
"""


class Shell:
    """A shell that asks as bash does."""

    @property
    def is_file(self) -> bool:
        """Whether the database is a file without options, which is read without SQLAlchemy."""
        return "?" not in self.url and ("://" not in self.url or self.url.startswith("sqlite:///"))

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def __call__(self, *words: str, host: str = HOST) -> list[str]:
        """Return the candidates for the last word."""
        environment = {
            **os.environ,
            "PERSISTDB_URL": self.url,
            "PERSISTDB_HOST": host,
            complete.VARIABLE: "bash_complete",
            "COMP_WORDS": " ".join(["persistdb", *words]),
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run(
            [sys.executable, "-c", _HEAVY],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        *lines, heavy = done.stdout.splitlines()
        assert (done.returncode, done.stderr) == (0, "")
        assert heavy == "[]" or not self.is_file
        return [line.removeprefix("plain,") for line in lines if line]


@pytest.fixture
def shell(persistdb: Program, tmp_path: Path) -> Shell:
    """A shell, and two hosts with sandboxes."""
    with persistdb.repository() as repository:
        containers = {"web": ContainerState(), "with blank": ContainerState(), "esc\x1b": ContainerState()}
        repository.save_sandbox(SandboxState(sid="pod-1"), containers)
        repository.save_sandbox(SandboxState(sid="pod-2"), {"web": ContainerState(), "db": ContainerState()})
    with persistdb.repository("node-2") as repository:
        repository.save_sandbox(SandboxState(sid="other"), {"wide": ContainerState()})
    folder = tmp_path / "cwd"
    folder.mkdir()
    return Shell(persistdb.url, folder)


@pytest.mark.slow
def test_names_from_the_database(shell: Shell) -> None:
    """IDs, sandboxes and hosts are the database's, of the host that the line names; no heavy module is imported."""
    assert shell("show", "") == ["db", "pod-1/web", "pod-2/web"]
    assert shell("show", "d") == ["db"]
    assert shell("rm", "pod-2/") == ["pod-2/db", "pod-2/web"]
    assert shell("rm", "--sandbox", "pod") == ["pod-1", "pod-2"]
    assert shell("export", "--to", "x", "o", host="node-2") == ["other"]
    assert shell("show", "--host", "node-2", "w") == ["wide"]
    assert shell("--host", "node-2", "show", "w") == ["wide"]
    assert shell("ls", "--host", "n") == ["node-1", "node-2"]
    assert shell("hosts", "r") == ["rm"]
    assert shell("hosts", "rm", "n") == ["node-1", "node-2"]


@pytest.mark.slow
def test_words_of_the_program(shell: Shell) -> None:
    """Commands, filters, states, sorts, layouts and reports are completed."""
    assert shell("comp") == ["completion"]
    assert shell("ls", "") == [f"{key}=" for key in KEYS]
    assert shell("ls", "state", "=", "r") == ["ready", "running"]
    assert shell("ls", "state", "=") == ["paused", "ready", "running", "stopped"]
    assert shell("ls", "pid=1", "state=p") == ["state=paused"]
    assert shell("ls", "-f", "host=node-1") == ["host=node-1"]
    assert shell("ls", "--sort", "u") == ["updated"]
    assert shell("report", "device") == ["device-history", "device-holders"]
    assert shell("export", "--layout", "old") == [name for name in NAMES if name.startswith("old")]
    (shell.folder / "mine.sql").touch()
    assert shell("report", "--reports", ".", "mi") == ["mine"]
    assert shell("docs", "guides/q") == ["guides/questions"]
    assert shell("docs", "serv") == ["server"]
    assert shell("import", "/t") == ["file,/t"]
    assert shell("export", "--to", "/t") == ["dir,/t"]
    assert tuple(SORTS) == complete.SORTS


@pytest.mark.slow
@pytest.mark.parametrize("url", ["absent.db", "sqlite:///absent.db", "sqlite:///absent.db?timeout=1", "oracle://x"])
def test_no_database(shell: Shell, url: str) -> None:
    """Without a database there are no candidates, no file, and no word of it."""
    shell.url = url
    assert shell("show", "w") == []
    assert shell("ls", "host=") == []
    assert list(shell.folder.iterdir()) == []
    (shell.folder / "absent.db").write_text("no database")
    assert shell("show", "w") == []
    assert [path.name for path in shell.folder.iterdir()] == ["absent.db"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES[1:])
def test_servers(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path, engine: str
) -> None:
    """Names are completed from servers, too; one that is empty stays so."""
    url = request.getfixturevalue(f"{engine}_url")
    shell = Shell(url, tmp_path)
    assert shell("show", "w") == []
    with Program(url, capsys).repository() as repository:
        repository.save_sandbox(SandboxState(sid="pod-1"), {"web": ContainerState()})
    assert shell("show", "w") == ["web"]
    assert shell("ls", "host", "=", "n") == ["node-1"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_script(persistdb: Program, name: str) -> None:
    """``completion SHELL`` prints the shell's script, and needs no database."""
    persistdb.url = "absent.db"
    done = persistdb("completion", name)
    assert (done.status, done.err) == (0, "")
    assert f"{complete.VARIABLE}={name}_complete" in done.out
    assert persistdb("completion", "csh").status == 2


@pytest.mark.slow
def test_in_bash(shell: Shell, persistdb: Program, tmp_path: Path) -> None:
    """Bash takes the script, and completes with it; after ``KEY=`` it adds no space."""
    command = tmp_path / "persistdb"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m persistdb "$@"\n')
    command.chmod(0o755)
    (tmp_path / "script").write_text(persistdb("completion", "bash").out)
    typed = (
        f'compopt() {{ echo "option $2"; }}; . {tmp_path}/script; COMP_WORDS=({command} ls stat); COMP_CWORD=2;'
        f' _persistdb_completion {command}; echo "${{COMPREPLY[@]}}";'
        f' COMPREPLY=(); COMP_WORDS=({command} show d); _persistdb_completion {command}; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        ["bash", "-c", typed],
        env={**os.environ, "PERSISTDB_URL": shell.url, "PERSISTDB_HOST": HOST},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.splitlines(), done.stderr) == (["option nospace", "state=", "db"], "")
