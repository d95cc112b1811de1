"""``alembic`` in a checkout: the same history, with the usual tool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import Database
from persistdb.schema import migrate, version
from persistdb.schema.check import check

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def alembic(database_url: str, tmp_path: Path) -> Callable[..., str]:
    """Run ``alembic`` in a copy of the checkout."""
    for name in ("alembic.ini", "migrations"):
        copy: Callable[..., object] = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "alembic", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PERSISTDB_URL": database_url},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    return run


def test_up_and_down(alembic: Callable[..., str], database: Database) -> None:
    """``alembic upgrade`` and ``downgrade`` create the same schemas as ``persistdb db``, and move the rows."""
    alembic("upgrade", "0001")
    dumps.insert(database.engine, model.sample("0001"))
    oldest = dumps.schema(database.engine)
    alembic("-x", f"host={model.HOST}", "upgrade", "head")
    assert f"{version.HEAD} (head)" in alembic("current")
    moved = model.at_head(model.sample("0001"), "0001")
    assert dumps.undated(dumps.rows(database.engine)) == dumps.undated(moved)
    newest = dumps.schema(database.engine)
    alembic("downgrade", "0001")
    assert (dumps.schema(database.engine), dumps.rows(database.engine)) == (oldest, model.sample("0001"))
    migrate.upgrade(database)
    assert dumps.schema(database.engine) == newest


def test_sql(alembic: Callable[..., str], database: Database) -> None:
    """The script that ``alembic upgrade head --sql`` prints creates the whole schema."""
    _run_script(database, alembic("upgrade", "head", "--sql"))
    assert version.current(database) == version.HEAD
    assert check(database) == []


def _run_script(database: Database, script: str) -> None:
    """Run SQL as the engines' own clients do, statement by statement."""
    pooled = database.engine.raw_connection()
    driver: Any = pooled.driver_connection
    if database.backend.name == "sqlite":
        driver.executescript(script)
    elif database.backend.name == "postgresql":
        driver.execute(script)
    else:
        for statement in script.split(";\n"):
            if statement.strip():
                driver.cursor().execute(statement)
    pooled.close()


def test_a_new_revision(alembic: Callable[..., str], database: Database, tmp_path: Path) -> None:
    """``alembic revision --autogenerate`` numbers a new revision, and finds the differences and nothing else."""
    migrate.upgrade(database)
    alembic("revision", "--autogenerate", "-m", "nothing new")
    number = f"{int(version.HEAD) + 1:04}"
    (made,) = (tmp_path / "migrations/versions").glob(f"{number}_*.py")
    assert made.name == f"{number}_nothing_new.py"
    assert "op." not in made.read_text().partition("def upgrade")[2]
    made.unlink()
    with database.writer.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sandbox ADD COLUMN colour INTEGER")
    alembic("revision", "--autogenerate", "-m", "colours")
    up, _, down = (tmp_path / f"migrations/versions/{number}_colours.py").read_text().partition("def downgrade")
    assert re.search("['\"]colour['\"]", up)  # with ruff's quotes, where it is installed
    assert "drop_column" in up
    assert "add_column" in down


NEW_TABLE = """

label = Table(
    "label",
    METADATA,
    column("sandbox_id", OWNER, primary_key=True),
    column("name", KEY, primary_key=True),
    column("created_at", TIME),
    ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a revision is made from, and linted with, whose tables are one more."""
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("migrations", "persistdb"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "persistdb/schema/core.py").open("a") as tables:
        tables.write(NEW_TABLE)
    return tmp_path


def _in(checkout: Path, *words: str, url: str = "") -> str:
    """Run Python in the copy."""
    command = [sys.executable, "-W", "error", *words]
    environment = {**os.environ, "PERSISTDB_URL": url, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_revision_passes_lint(checkout: Path, sqlite_url: str) -> None:
    """What ``alembic revision`` writes is in the form that ``make lint`` asks for, with operations and without."""
    pytest.importorskip("ruff")
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
    before = set((checkout / "migrations/versions").iterdir())
    _in(checkout, "-m", "alembic", "revision", "--autogenerate", "-m", "it's for labels.", url=sqlite_url)
    _in(checkout, "-m", "alembic", "revision", "--head", version.HEAD, "--splice", "-m", "nothing yet", url=sqlite_url)
    made = sorted(set((checkout / "migrations/versions").glob("*.py")) - before)
    assert len(made) == 2
    assert "ops.MOMENT" in made[0].read_text()
    _in(checkout, "-m", "ruff", "check", *map(str, made))
    _in(checkout, "-m", "ruff", "format", "--check", *map(str, made))


def test_a_new_revision_without_ruff(checkout: Path) -> None:
    """Where ruff is not installed the file stays as it is, and the hook says what is left to do."""
    path = checkout / "migrations/versions/0001_baseline.py"
    path.write_text("x = 'y'\n")
    hook = "import runpy, sys; sys.modules['ruff'] = None; runpy.run_module('migrations.tidy', run_name='__main__')"
    assert "make format lint" in _in(checkout, "-c", hook, str(path))
    assert path.read_text() == "x = 'y'\n"
