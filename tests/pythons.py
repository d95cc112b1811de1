"""Fast tests with the oldest and the newest other Python of this machine: ``python -m tests.pythons [PATH…]``.

Looked for are ``python3.X`` on the PATH and those of pyenv, from the version on that ``requires-python`` names. Each
gets an environment in ``.venv/pythons``, which is kept. mypy checks the code for each version, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Version = tuple[int, int]

ROOT = Path(__file__).parents[1]
_NEWEST_LOOKED_FOR = 30
_EXTRAS = "postgresql,mariadb,async,metrics,page"
# What differs between Pythons is how programs, connections and records do: these, and all tests/test_*.py. The others
# ask a database the same under each.
_TESTS = (
    "tests/cli/test_containers.py",
    "tests/cli/test_lists.py",
    "tests/cli/test_program.py",
    "tests/db/test_database.py",
    "tests/db/test_plain.py",
    "tests/engines",
    "tests/metrics",
    "tests/store/test_repository_containers.py",
)


def main(arguments: Sequence[str]) -> int:
    """Test with each; 0 if all pass or there is none, else 1. Arguments are pytest's, instead of the usual folders."""
    own = sys.version_info[:2]
    others = ends(found(), own)
    if not others:
        print(f"No supported Python but {_name(own)} is on this machine: nothing is tested with another one.")
        return 0
    failed = [_name(version) for version, python in others.items() if not _passes(version, python, arguments)]
    print(f"Tested with Python {' and '.join(map(_name, others))}, beside {_name(own)}", end="")
    print(f"; failed: {', '.join(failed)}" if failed else ".")
    return 1 if failed else 0


def found() -> dict[Version, Path]:
    """Return the Pythons of this machine that persistdb supports, by version."""
    return {version: python for version, python in _candidates() if _version(python) == version}


def ends(pythons: Mapping[Version, Path], own: Version) -> dict[Version, Path]:
    """Return the oldest and the newest, without the one that runs all tests anyway."""
    every = sorted({*pythons, own})
    return {version: pythons[version] for version in dict.fromkeys((every[0], every[-1])) if version != own}


def oldest() -> Version:
    """Return the oldest version that persistdb supports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    major, minor = re.fullmatch(r">=(\d+)\.(\d+)", project["requires-python"]).groups()  # type: ignore[union-attr]
    return int(major), int(minor)


def _candidates() -> Iterator[tuple[Version, Path]]:
    major, first = oldest()
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for minor in range(first, _NEWEST_LOOKED_FOR):
        name = f"python{major}.{minor}"
        on_path = shutil.which(name)
        places = [*([Path(on_path)] if on_path else []), *sorted(pyenv.glob(f"versions/{major}.{minor}.*/bin/{name}"))]
        for python in places:
            yield (major, minor), python


def _version(python: Path) -> Version | None:
    """Ask it: pyenv's shims are there for versions, too, that are switched off."""
    code = "import ensurepip, sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def _passes(version: Version, python: Path, arguments: Sequence[str]) -> bool:
    began = time.monotonic()
    place = ROOT / ".venv/pythons" / _name(version)
    # mypy computes while pip waits
    with subprocess.Popen([sys.executable, "-m", "mypy", "--python-version", _name(version)], cwd=ROOT) as mypy:
        _install(python, place)
        pytest = [place / "bin/python", "-m", "pytest", "-q", "-n", "auto", "-m", "not servers and not slow"]
        paths = arguments or [*_TESTS, *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/test_*.py"))]
        status = subprocess.run([*pytest, *paths], cwd=ROOT, check=False).returncode
    print(f"Python {_name(version)}: {time.monotonic() - began:.0f} s", flush=True)
    return not status and not mypy.returncode


def _install(python: Path, place: Path) -> None:
    """Make the environment, or make it again where the project's file is newer."""
    stamp, project = place / ".installed", ROOT / "pyproject.toml"
    if stamp.exists() and stamp.stat().st_mtime > project.stat().st_mtime:
        return
    pip = [place / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for command in (
        [python, "-m", "venv", "--clear", place],
        [*pip, "pip>=25.1"],
        [*pip, "-e", f".[{_EXTRAS}]", "--group", "test"],
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    stamp.touch()


def _name(version: Version) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
