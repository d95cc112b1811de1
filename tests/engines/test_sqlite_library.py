"""Which SQLite library is chosen, on machines with and without a wheel, and what is said where none is safe."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, NamedTuple

import pytest
from packaging.requirements import Requirement

from persistdb.engines.sqlite import library
from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# A program whose Python has an old library, that of Debian 12, whatever the one that runs the tests has.
PROGRAM = """
import ctypes, json, logging, sqlite3, sys
path, missing, personality = sys.argv[1], sys.argv[2].split(), int(sys.argv[3])
sqlite3.sqlite_version, sqlite3.sqlite_version_info = "3.40.1", (3, 40, 1)
sys.modules.update(dict.fromkeys(missing))
ctypes.CDLL(None).personality(personality)
said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("persistdb").addHandler(handler)
import persistdb
with persistdb.Database(f"sqlite:///{path}") as database:
    repository = persistdb.ContainerRepository(database, host="node-1")
    repository.save_sandbox(persistdb.SandboxState(sid="pod"), {"a": persistdb.ContainerState()})
    with database.engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    print(json.dumps([persistdb.sqlite3.__name__, mode, repository.count(), said]))
"""
# of a 32-bit program (personality(2)), whose machine has another name
PER_LINUX, PER_LINUX32 = 0, 8


class Ran(NamedTuple):
    """The module that was chosen, the journal mode, the number of containers, and what was logged."""

    module: str
    mode: str
    count: int
    said: list[str]


def run(tmp_path: Path, *missing: str, personality: int = PER_LINUX, path: str = "") -> Ran:
    """Use a new database in a program without these modules."""
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "x.db"), " ".join(missing), str(personality)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONPATH": path})
    return Ran(*json.loads(done.stdout))


@pytest.mark.skipif(platform.machine() not in library.WHEELS, reason="no wheel for this machine")
@pytest.mark.parametrize("module", sorted(set(library.WHEELS.values())))
def test_each_wheel(tmp_path: Path, module: str) -> None:
    """Each machine's wheel has a safe library, with which the store works in WAL mode."""
    pytest.importorskip(module)
    others = set(library.WHEELS.values()) - {module}
    assert run(tmp_path, *others) == (module, "wal", 1, [])


def test_no_wheel_is_installed(tmp_path: Path) -> None:
    """Without a safe library a rollback journal is used, and the one line about it names what to install."""
    name = library.WHEELS.get(platform.machine())
    remedy = f"install {name}" if name else "use a Python with SQLite 3.51.3"
    ran = run(tmp_path, *library.WHEELS.values())
    assert ran[:3] == ("sqlite3", "delete", 1)
    (line,) = ran.said
    assert line.startswith(f"SQLite 3.40.1 can lose commits in WAL mode: using a rollback journal; for WAL {remedy}")


def test_a_machine_without_a_wheel(tmp_path: Path) -> None:
    """Nobody is told to install what does not exist for the machine."""
    ran = run(tmp_path, *library.WHEELS.values(), personality=PER_LINUX32)
    assert ran[:3] == ("sqlite3", "delete", 1)
    (line,) = ran.said
    assert "for WAL use a Python with SQLite 3.51.3 or later, for there is no wheel with one for " in line
    assert not any(name in line for name in library.WHEELS.values())


@pytest.mark.skipif(platform.machine() not in library.WHEELS, reason="no wheel for this machine")
def test_a_module_that_was_built_here(tmp_path: Path) -> None:
    """A module that is installed, but uses the system's old library, is not to be installed again in the same way."""
    name = library.WHEELS[platform.machine()]
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from sqlite3 import *")
    ran = run(tmp_path, *(set(library.WHEELS.values()) - {name}), path=str(tmp_path))
    assert ran[:3] == ("sqlite3", "delete", 1)
    (line,) = ran.said
    assert line.endswith(f"for WAL install {name} from its wheel, for the installed one has SQLite 3.40.1")


@pytest.mark.parametrize("machine", [*library.WHEELS, "armv7l", "i686", "ppc64le", "riscv64", "s390x"])
def test_dependencies(machine: str) -> None:
    """The package depends on a machine's wheel, and on none where there is none: it could not be installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        dependencies = map(Requirement, tomllib.load(file)["project"]["dependencies"])
    environment = {"sys_platform": "linux", "platform_machine": machine}
    wanted = {each.name for each in dependencies if not each.marker or each.marker.evaluate(environment)}
    wheel = library.WHEELS.get(machine)
    assert wanted & set(library.WHEELS.values()) == ({wheel} if wheel else set())
