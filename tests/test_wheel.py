"""The wheel, as it is installed where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from persistdb import Database, __version__
from persistdb.schema import version
from tests.data.golden import make
from tests.schema import dumps, model

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, with the builder that is installed: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a virtual environment of its own, in another folder; give the command."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv/bin/python"
    site = folder / f"venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, stdout=subprocess.PIPE)
    # What it depends on is that of the tests, after its own: the new environment comes first, and the links of an
    # editable install count only where that itself is installed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv/bin/persistdb"


def _run(program: Path, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_contents(wheel: Path) -> None:
    """It holds every revision with its texts, the reports, the types' marker and the licence, and no test."""
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        *(f"persistdb/migrations/{path.relative_to(ROOT / 'migrations')}" for path in _sources("migrations")),
        *(str(path.relative_to(ROOT)) for path in _sources("persistdb")),
        "persistdb/py.typed",
        f"persistdb-{__version__}.dist-info/licenses/LICENSE",
    }
    assert wanted <= names
    assert not [name for name in names if "test" in name or "__pycache__" in name]


def _sources(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".pyi", ".sql", ".txt"}]


def test_it_is_the_installed_one(program: Path, tmp_path: Path) -> None:
    """What runs in the tests below is the wheel's code, not the checkout's."""
    code = "import persistdb, persistdb.schema.revisions as m; print(persistdb.__file__, m.script_location())"
    found = _run(program.with_name("python"), tmp_path, "-c", code)
    assert len(found.split()) == 2
    assert all(part.startswith(str(program.parents[1])) for part in found.split())


@pytest.mark.parametrize("revision", version.REVISIONS[:-1])
def test_upgrade(program: Path, tmp_path: Path, revision: str) -> None:
    """It brings a database of each revision to the newest, with all its rows, where there is no checkout."""
    path = tmp_path / "state.db"
    shutil.copy(make.FOLDER / f"{revision}.db", path)
    url = f"sqlite:///{path}"
    with Database(url) as database:
        stored = dumps.rows(database.engine)
    told = _run(program, tmp_path, "--db", url, "--host", model.HOST, "db", "upgrade")
    assert f"schema changed from {revision} to {version.HEAD}" in told
    with Database(url) as database:
        assert dumps.undated(dumps.rows(database.engine)) == dumps.undated(model.at_head(stored, revision))


def test_first_use(program: Path, tmp_path: Path) -> None:
    """An empty database gets its schema from the wheel, and the demonstration runs."""
    url = f"sqlite:///{tmp_path}/new.db"
    assert _run(program, tmp_path, "--db", url, "ls").startswith("SANDBOX")
    assert "0 findings" in _run(program, tmp_path, "--db", url, "db", "check")
    assert "files came back as they were" in _run(program, tmp_path, "demo")
