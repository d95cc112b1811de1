"""``demo``: persistdb's main uses, for a newcomer."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from persistdb.runtimes.samples import KATA
from tests.docs.blocks import ROOT
from tests.runtimes.kata.trees import DATA, contents

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program


def test_demo(absent: Program, tmp_path: Path) -> None:
    """The demo shows each step with its command, and exports the same files that it imported."""
    done = absent("demo", "--keep", tmp_path / "demo")
    assert (done.status, done.err) == (0, "")
    commands = re.findall(r"^  (?:\$|>>>) (\S+ ?\w*)", done.out, re.MULTILINE)
    for command in (
        "persistdb import",
        "persistdb ls",
        "persistdb show",
        "persistdb history",
        "persistdb export",
        "diff ",
    ):
        assert command in commands
    assert "repository.transition(" in done.out
    assert "SELECT " in done.out
    assert "refused: " in done.out
    assert "running → paused  (transition)" in done.out
    assert "All 4 files came back as they were." in done.out
    assert contents(tmp_path / "demo/sbs") == contents(KATA / "run/vc/sbs")


def test_demo_in_an_odd_folder(absent: Program, tmp_path: Path) -> None:
    """The demo works in a folder of any name, and quotes it for the shell."""
    folder = tmp_path / "de mo?%41"
    done = absent("demo", "--keep", folder)
    assert (done.status, done.err) == (0, "")
    assert {path.name for path in folder.iterdir()} >= {"demo.db", "sbs"}
    commands = [shlex.split(line) for line in re.findall(r"^  \$ (.*)", done.out, re.MULTILINE)]
    assert ["persistdb", "export", "--to", f"{folder}/sbs"] in commands
    assert ["diff", "-r", str(KATA / "run/vc/sbs"), f"{folder}/sbs"] in commands
    absent.url = commands[0][1].removeprefix("PERSISTDB_URL=")
    assert absent("ls", "-q").out.count("\n") == 3
    assert os.listdir(tmp_path / "sqlite") == []
    assert sorted(os.listdir(tmp_path)) == ["de mo?%41", "sqlite"]


@pytest.mark.slow
@pytest.mark.parametrize("keep", [[], ["--keep", "kept: ~it's"]])
@pytest.mark.parametrize("place", ["path", "folder", "module"])
def test_next(tmp_path: Path, keep: list[str], place: str) -> None:
    """The commands at the end can be typed as they are, where the program is on the PATH, in a folder, or a module."""
    folder = tmp_path / "a bin"
    folder.mkdir()
    program = folder / "persistdb"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom persistdb.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = {"path": ["persistdb"], "folder": ["../a bin/persistdb"], "module": [sys.executable, "-m", "persistdb"]}[
        place
    ]
    if place == "path":
        environment["PATH"] = f"{folder}:{environment['PATH']}"
    options = {"cwd": cwd, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([*run, "demo", *keep], check=True, **options)
    *commands, last = re.findall(r"^  \$ (.*)", done.stdout.partition("\nNext")[2], re.MULTILINE)
    assert len(commands) == 3 + (not keep)
    assert shlex.split(last) == [*run, "import", "/run/vc/sbs"]
    for command in commands:
        told = subprocess.run(["sh", "-c", command], check=True, **options)
        assert (told.stderr, shlex.split(command)[: len(run)]) == ("", run)
        assert len(told.stdout.splitlines()) > 1 or "import" in command


def test_demo_needs_nothing(absent: Program, tmp_path: Path) -> None:
    """The demo does not touch the configured database, and leaves no file behind."""
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    done = absent.child("demo", env=environment, cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert [path for path in tmp_path.iterdir() if path.name != "sqlite"] == []
    assert list((tmp_path / "sqlite").iterdir()) == []


def test_import_of_the_sample(absent: Program) -> None:
    """``import --sample`` imports the bundled sample, and nothing else at the same time."""
    done = absent("import", "--sample")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("imported 1 sandbox with 3 containers into ")
    assert len(absent("ls", "--format", "json").rows) == 3
    done = absent("import", "--sample", KATA)
    assert (done.status, done.out) == (2, "")
    assert "give PATH, or --sample in its place" in done.err
    for option in ("--prune", "--runtime=runc", "--live", "--offline"):
        done = absent("import", "--sample", option)
        assert (done.status, done.out) == (2, "")
        assert "--sample takes none of" in done.err


def test_sample_is_katas() -> None:
    """The bundled sample is as Kata wrote it."""
    assert contents(KATA) == contents(DATA / "3.29.0")
