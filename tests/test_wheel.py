"""The wheel, as it is installed where there is no checkout, and the source distribution."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from persistdb import Database, __version__
from persistdb.schema import version
from tests import needs
from tests.data.golden import make
from tests.fresh import ROOT, build, install
from tests.schema import dumps, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution and unpack it; give its folder."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(build("sdist", tmp_path_factory.mktemp("sdist"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"persistdb-{__version__}"


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a virtual environment of its own, in another folder; give the command."""
    return install(wheel, tmp_path_factory.mktemp("elsewhere") / "venv") / "persistdb"


def _run(program: Path, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_contents(wheel: Path) -> None:
    """It holds each revision with its texts, reports, documentation, the types' marker and the licence, and no test."""
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        *(f"persistdb/migrations/{path.relative_to(ROOT / 'migrations')}" for path in _sources("migrations")),
        *(str(path.relative_to(ROOT)) for path in _sources("persistdb")),
        *(f"persistdb/docs/{path.relative_to(ROOT / 'docs')}" for path in (ROOT / "docs").rglob("*.md")),
        "persistdb/py.typed",
        f"persistdb-{__version__}.dist-info/licenses/LICENSE",
    }
    assert wanted <= names
    assert not [name for name in names if "test" in name or "__pycache__" in name]


def _sources(folder: str) -> list[Path]:
    return [
        path
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".pyi", ".sql", ".txt", ".html", ".css", ".js"}
    ]


def test_man_pages(program: Path) -> None:
    """Each command has a man page, with the options of its help."""
    folder = program.parents[1] / "share/man/man1"
    assert {path.name for path in folder.iterdir()} == set(_commands(["persistdb"]))
    text = (folder / "persistdb-db-backup.1").read_text("utf-8")
    assert ".SH NAME\npersistdb\\-db\\-backup \\- copy a SQLite database to a new file, and" in text
    assert ".B \\-\\-keep N\nKeep the newest N backups" in text
    assert ".SH EXAMPLES\n" in text


class Reads(NamedTuple):
    """A command that reads a man page, and its package."""

    words: str
    package: str


READERS = (
    Reads("man --warnings -l", package="man-db"),
    Reads("lexgrog", package="man-db"),
    Reads("mandoc -Tlint -Wwarning", package="mandoc"),
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.words.split()[0])
def test_man_pages_are_read(program: Path, reader: Reads) -> None:
    """Man pages are taken without a word by the programs that read and index them."""
    name, *options = reader.words.split()
    reads = needs.program(name, package=reader.package)
    environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    pages = list((program.parents[1] / "share/man/man1").iterdir())
    assert pages
    for path in pages:
        done = subprocess.run([reads, *options, path], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path.name


def _commands(words: list[str]) -> Iterator[str]:
    """Name the page of a command and those of its subcommands, by their help."""
    yield "-".join(words) + ".1"
    run = [sys.executable, "-m", *words, "--help"]
    told = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
    _, _, listed = told.partition("\nCommands:\n")
    for name in re.findall(r"^  ([\w-]+)  ", listed.partition("\n\n")[0], re.MULTILINE):
        yield from _commands([*words, name])


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
    _run(program, tmp_path, "--db", url, "db", "upgrade")
    assert _run(program, tmp_path, "--db", url, "ls").startswith("SANDBOX")
    assert "0 findings" in _run(program, tmp_path, "--db", url, "db", "check")
    assert "files came back as they were" in _run(program, tmp_path, "demo")


def test_documentation(program: Path, tmp_path: Path) -> None:
    """Its pages are printed where there is no checkout."""
    assert "guides/server" in _run(program, tmp_path, "docs")
    assert _run(program, tmp_path, "docs", "logging").startswith("# Logging\n")


# --- the source distribution


def test_source_is_the_checkout(source: Path) -> None:
    """It holds every file of the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: which files belong to it is not known")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    files = [name for name in listed.splitlines() if (ROOT / name).is_file()]  # one that is removed is listed still
    assert files
    assert [name for name in files if not (source / name).is_file()] == []


def test_source_has_what_its_makefile_needs(source: Path) -> None:
    """Each target of the Makefile can be made in it."""
    (targets,) = re.findall(r"^\.PHONY: (.+)$", (source / "Makefile").read_text("utf-8"), re.MULTILINE)
    for target in targets.split():
        subprocess.run(["make", "-n", target], cwd=source, check=True, stdout=subprocess.PIPE)
    named = re.findall(r"\S*/\S+\.py\b", (source / "Makefile").read_text("utf-8"))
    assert named
    assert [name for name in named if not (source / name).is_file()] == []


def test_source_works(source: Path) -> None:
    """What README.md shows happens in it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docs/test_readme.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(command, cwd=source, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
