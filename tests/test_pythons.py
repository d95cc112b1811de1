"""Which other Pythons the tests are run with: see :mod:`tests.pythons`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import pythons


@pytest.mark.parametrize(
    ("own", "others", "chosen"),
    [
        ((3, 11), [], []),
        ((3, 11), [(3, 11)], []),
        ((3, 11), [(3, 11), (3, 12), (3, 13)], [(3, 13)]),
        ((3, 12), [(3, 11), (3, 13)], [(3, 11), (3, 13)]),
        ((3, 13), [(3, 11), (3, 12)], [(3, 11)]),
    ],
)
def test_the_oldest_and_the_newest(
    own: pythons.Version, others: list[pythons.Version], chosen: list[pythons.Version]
) -> None:
    """Without the one that runs all tests anyway."""
    assert list(pythons.ends({version: Path(f"python{version}") for version in others}, own)) == chosen


def test_a_python_that_does_not_start_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a shim of a version that is switched off, nor one of another version, nor one without pip."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    for name, line in (("python3.12", "exit 127"), ("python3.13", "echo 3 11"), ("python3.14", "echo 3 14")):
        shim = tmp_path / name
        shim.write_text(f"#!/bin/sh\n{line}\n")
        shim.chmod(0o700)
    assert pythons.found() == {(3, 14): tmp_path / "python3.14"}


def test_without_another(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and is no failure."""
    monkeypatch.setattr(pythons, "found", dict)
    assert pythons.main([]) == 0
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert (
        capsys.readouterr().out
        == f"No supported Python but {own} is on this machine: nothing is tested with another one.\n"
    )


def test_the_oldest_that_is_supported() -> None:
    """It is the one of pyproject.toml, and this one is not older."""
    assert pythons.oldest() <= sys.version_info[:2]
