"""What commands import: large libraries, which take longer to import than most commands to run, only where needed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database
from tests.runtimes.kata.trees import DATA
from tests.store.samples import put

if TYPE_CHECKING:
    from pathlib import Path

_HEAVY = """
import sys
from persistdb.cli import main
status = main()
heavy = {"sqlalchemy", "sqlalchemy.orm", "alembic", "asyncio", "psycopg", "pymysql", "rich.table", "yaml"}
dialects = {".".join(name.split(".")[:3]) for name in sys.modules if name.startswith("sqlalchemy.dialects.")}
print(status, sorted(heavy & sys.modules.keys()), sorted(dialects - {"sqlalchemy.dialects._typing"}), file=sys.stderr)
"""

_SELDOM = """
import sys
from persistdb.cli import main
status = main()
print(status, sorted({"bz2", "hashlib", "random", "shutil"} & sys.modules.keys()), file=sys.stderr)
"""

NOTHING = "0 [] []"
CORE = "0 ['asyncio', 'sqlalchemy'] ['sqlalchemy.dialects.sqlite']"

# Alembic brings a dialect
ALEMBIC = "0 ['alembic', 'asyncio', 'sqlalchemy'] ['sqlalchemy.dialects.postgresql', 'sqlalchemy.dialects.sqlite']"

COMMANDS = {
    "ls": NOTHING,
    "ls --limit 1": NOTHING,
    "ls -q": NOTHING,
    "ls -o json --all-hosts": NOTHING,
    "sandboxes": NOTHING,
    "hosts": NOTHING,
    "show a": NOTHING,
    "show pod-1/a -o json": NOTHING,
    "events": NOTHING,
    "history a": NOTHING,
    "history pod-1/a -o json": NOTHING,
    "report": NOTHING,
    "report summary": NOTHING,
    "sql select+1": NOTHING,
    "ls state=running": CORE,
    "ls --sort updated": CORE,
    "rm b": NOTHING,
    "db check": ALEMBIC,
    "import TREE": NOTHING,
    "export --allow-loss --to OUT": NOTHING,
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with containers."""
    path = tmp_path_factory.mktemp("imports") / "x.db"
    with Database(path) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a", "b")
    return path


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_imports_what_it_needs(file: Path, tmp_path: Path, words: str) -> None:
    """Commands without filters import no SQLAlchemy on a file; filters need it, a check Alembic, none the ORM."""
    places = {"TREE": str(DATA / "3.0.0"), "OUT": str(tmp_path / "out")}
    given = [places.get(word, word.replace("+", " ")) for word in words.split()]
    done = subprocess.run(
        [sys.executable, "-c", _HEAVY, "--db", str(file), "--host", "node-1", *given], capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1:] == [COMMANDS[words]], done.stderr


@pytest.mark.parametrize("words", ["ls", "show a", "history a", "report summary", "sql select+1"])
def test_what_is_seldom_needed_is_not_imported(file: Path, words: str) -> None:
    """Checksums, compression and chance take a millisecond or two each, and commands that read need none of them."""
    given = [word.replace("+", " ") for word in words.split()]
    done = subprocess.run(
        [sys.executable, "-c", _SELDOM, "--db", str(file), "--host", "node-1", *given], capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1:] == ["0 []"], done.stderr
