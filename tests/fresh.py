"""The package as it is installed where nothing else is: built, and with what it depends on and nothing more."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]


def build(kind: str, folder: Path) -> Path:
    """Build a distribution, with the builder that is installed: nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (built,) = folder.iterdir()
    return built


def install(wheel: Path, folder: Path, *, extra: str = "", beside: Sequence[str] = ()) -> Path:
    """Install a wheel into a virtual environment of its own; give the folder of its commands.

    What it depends on, with an extra and other packages ``beside`` it, is linked from the environment of the tests:
    nothing is fetched.
    """
    venv.create(folder, with_pip=False)
    commands = folder / "bin"
    install = [sys.executable, "-m", "pip", "--python", str(commands / "python"), "install", "--no-index", "--no-deps"]
    subprocess.run([*install, str(wheel)], check=True, stdout=subprocess.PIPE)
    (site,) = folder.glob("lib/python3.*/site-packages")
    linked: set[str] = set()
    for requirement in _requirements(wheel):
        _link(requirement, site, linked, extra)
    for name in beside:
        _link(Requirement(name), site, linked)
    return commands


def _requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return list(map(Requirement, message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])))


def _link(requirement: Requirement, site: Path, linked: set[str], extra: str = "") -> None:
    """Link a distribution and those that it depends on, unless the machine or the lack of an extra rules it out."""
    name = canonicalize_name(requirement.name)
    if name in linked or not (requirement.marker is None or requirement.marker.evaluate({"extra": extra})):
        return
    linked.add(name)
    found = distribution(name)
    for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
        (site / top).symlink_to(str(found.locate_file(top)))
    for text in found.requires or ():
        _link(Requirement(text), site, linked)
