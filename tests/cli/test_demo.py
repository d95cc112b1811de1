"""``demo``: persistdb's main uses, for a newcomer."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from persistdb.runtimes.samples import KATA
from tests.runtimes.kata.trees import DATA, contents

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program


def test_demo(persistdb: Program, tmp_path: Path) -> None:
    """The demo shows each step with its command, and exports the same files that it imported."""
    done = persistdb("demo", "--keep", tmp_path / "demo")
    assert (done.status, done.err) == (0, "")
    commands = re.findall(r"^  (?:\$|>>>) (\S+ ?\w*)", done.out, re.MULTILINE)
    for command in ("persistdb import", "persistdb ls", "persistdb show", "persistdb export", "diff "):
        assert command in commands
    assert "repository.transition(" in done.out
    assert "SELECT " in done.out
    assert "refused: " in done.out
    assert "All 4 files came back as they were." in done.out
    assert contents(tmp_path / "demo/sbs") == contents(KATA / "run/vc/sbs")


def test_demo_in_an_odd_folder(persistdb: Program, tmp_path: Path) -> None:
    """The demo works in a folder of any name, and quotes it for the shell."""
    folder = tmp_path / "de mo?%41"
    done = persistdb("demo", "--keep", folder)
    assert (done.status, done.err) == (0, "")
    assert {path.name for path in folder.iterdir()} >= {"demo.db", "sbs"}
    commands = [shlex.split(line) for line in re.findall(r"^  \$ (.*)", done.out, re.MULTILINE)]
    assert ["persistdb", "export", "--to", f"{folder}/sbs"] in commands
    assert ["diff", "-r", str(KATA / "run/vc/sbs"), f"{folder}/sbs"] in commands
    persistdb.url = commands[0][1].removeprefix("PERSISTDB_URL=")
    assert persistdb("ls", "-q").out.count("\n") == 3
    assert os.listdir(tmp_path / "sqlite") == []
    assert sorted(os.listdir(tmp_path)) == ["de mo?%41", "sqlite"]


def test_demo_needs_nothing(persistdb: Program, tmp_path: Path) -> None:
    """The demo does not touch the configured database, and leaves no file behind."""
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    done = persistdb.child("demo", env=environment, cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert [path for path in tmp_path.iterdir() if path.name != "sqlite"] == []
    assert list((tmp_path / "sqlite").iterdir()) == []


def test_sample_is_katas() -> None:
    """The bundled sample is as Kata wrote it."""
    assert contents(KATA) == contents(DATA / "3.29.0")
