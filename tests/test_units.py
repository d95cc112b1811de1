"""The units of systemd: they are valid, allow little, and run commands that there are."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from persistdb.cli.program import program
from persistdb.cli.units import install_units
from persistdb.places import units_folder
from tests import needs

if TYPE_CHECKING:
    from pathlib import Path

UNITS = sorted(path.name for path in units_folder().iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
MOST_EXPOSED = 3.0


def _analyze(*words: object) -> subprocess.CompletedProcess[str]:
    analyze = needs.program("systemd-analyze", package="systemd")
    done = subprocess.run([analyze, *map(str, words)], capture_output=True, text=True, check=False)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than systemd 250")
    return done


def test_they_are_installed_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is written with the program that runs, readable to all, and replaces the one that was there."""
    for _ in range(2):
        install_units(str(tmp_path))
        assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in UNITS]
    for name in UNITS:
        text = (tmp_path / name).read_text()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o644
        assert [line for line in text.splitlines() if "/usr/bin/" in line] == []
        assert text.count("\n") == (units_folder() / name).read_text().count("\n")
        for command in re.findall("^ExecStart=(.*)$", text, re.MULTILINE):
            assert os.access(shlex.split(command)[0], os.X_OK)


@pytest.mark.slow
def test_systemd_takes_them(tmp_path: Path) -> None:
    """Systemd finds nothing wrong in them."""
    install_units(str(tmp_path))
    done = _analyze("verify", "--man=no", *(tmp_path / name for name in UNITS))
    # units of the system that they name may be missing where this runs
    assert [line for line in done.stderr.splitlines() if "persistdb" in line] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_they_may_do_little(name: str) -> None:
    """Systemd's measure of exposure is three at most, of ten."""
    done = _analyze("security", "--offline=true", units_folder() / name)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", SERVICES)
def test_no_call_kills_them(name: str) -> None:
    """A system call that is not allowed fails, and SQLite may set the owner of its files, as it does for root."""
    lines = (units_folder() / name).read_text().splitlines()
    filters = [line for line in lines if line.startswith("SystemCallFilter=")]
    assert "SystemCallErrorNumber=EPERM" in lines
    assert filters[-1] == "SystemCallFilter=@chown"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link to a file is replaced, and a unit that is masked is an error: what links lead to is as it was."""
    (tmp_path / "units").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("as it was")
    (tmp_path / "units" / UNITS[0]).symlink_to(elsewhere)
    install_units(str(tmp_path / "units"))
    assert elsewhere.read_text() == "as it was"
    (tmp_path / "units" / UNITS[0]).unlink()
    (tmp_path / "units" / UNITS[0]).symlink_to("/dev/null")
    mode = os.stat("/dev/null").st_mode
    with pytest.raises(OSError, match="not a regular file"):
        install_units(str(tmp_path / "units"))
    assert os.stat("/dev/null").st_mode == mode


@pytest.mark.parametrize("name", SERVICES)
def test_their_commands_are_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each service runs a command with options that it has."""
    (command,) = re.findall("^ExecStart=(.*)$", (units_folder() / name).read_text(), re.MULTILINE)
    _, *words = shlex.split(command)
    program.main([*words, "--help"], prog_name="persistdb", standalone_mode=False)
    assert "Usage: persistdb " in capsys.readouterr().out
    names = {word for word in words if word.startswith("--")}
    assert names <= {"--once", "--keep"}


def test_a_timer_has_its_service() -> None:
    """Each timer starts a service of its name."""
    for name in UNITS:
        if name.endswith(".timer"):
            assert name.replace(".timer", ".service") in SERVICES
