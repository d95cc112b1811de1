"""``report --html`` and ``report --datasette-metadata``: the file, its mode, and what makes no sense."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from persistdb.records import ContainerState, SandboxState

from .program import HOST, RUN, Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store a container on each of two hosts."""
    for host in (HOST, "node-2"):
        with persistdb.repository(host) as repository:
            repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState(state="running")})
    return persistdb


def test_file(filled: Program, tmp_path: Path) -> None:
    """The file is its owner's alone, unless a mode is given, whatever was there; no other file is left."""
    path = tmp_path / "own" / "fleet.html"
    path.parent.mkdir()
    done = filled("report", "--html", path)
    assert (done.status, done.out, done.err) == (0, "", f"wrote {path}\n")
    assert f"<h1>Host <bdi>{HOST}</bdi></h1>" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    (tmp_path / "else").write_text("mine")
    path.symlink_to(tmp_path / "else")
    assert filled("report", "--html", path, "--all-hosts", "--mode", "644").status == 0
    assert "<h1>All hosts</h1>" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "else").read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]


def test_stdout(filled: Program) -> None:
    """A dash stands for stdout."""
    done = filled("report", "--html", "-")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("<!doctype html>")


def test_nothing_is_written_for_an_error(filled: Program, tmp_path: Path) -> None:
    """Where the page cannot be made, or not be written, the file that was there stays, and the error is a line."""
    path = tmp_path / "fleet.html"
    path.write_text("old")
    for options in (("--sandbox", "nobody"), ("--at", "2020-01-01")):
        done = filled("report", "--html", path, *options)
        assert (done.status, done.err.count("\n")) == (3, 1)
    assert path.read_text() == "old"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        assert filled("report", "--html", tmp_path / name).status == 3
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").is_fifo()
    done = filled("report", "--html", tmp_path / "absent" / "fleet.html")
    assert (done.status, done.err) == (3, f"persistdb: {tmp_path}/absent/fleet.html: No such file or directory\n")


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "2h"),
        ("--mode", "644"),
        ("--sandbox", "s", "summary"),
        ("--html", "x", "summary"),
        ("--html", "x", "--datasette-metadata"),
        ("--html", "x", "--mode", "999"),
        ("--html", "x", "--mode", "rw"),
        ("--html", "x", "--since", "tomorrow"),
        ("--html", "x", "--since", "2999-01-01"),
        ("--html", "x", "--fail"),
        ("--html", "x", "--watch", "5"),
    ],
)
def test_misuse(filled: Program, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What makes no sense together is misuse, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = filled("report", *options)
    assert (done.status, done.out) == (2, "")
    assert not (tmp_path / "x").exists()


def test_metadata(filled: Program) -> None:
    """Datasette's metadata is JSON; a database that is no file is refused."""
    done = filled("report", "--datasette-metadata")
    assert (done.status, done.err) == (0, "")
    assert "stale" in json.loads(done.out)["databases"]["persistdb"]["queries"]
    filled.url = "postgresql://u@localhost:1/x"
    done = filled("report", "--datasette-metadata")
    assert (done.status, "SQLite files only" in done.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_without_the_modules(module: str, tmp_path: Path) -> None:
    """Where what the page needs is not installed, the error says how to install it."""
    code = f"import sys; sys.modules[{module!r}] = None; {RUN[2]}"
    words = [sys.executable, "-c", code, "--db", str(tmp_path / "x.db"), "report", "--html", "x"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert re.search(rf"report --html: .*'{module}' is missing; install it: .*jinja2.*matplotlib", done.stderr)
