"""``make revision``: the files of a new revision."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb.engines import resolve
from persistdb.schema import version, views
from persistdb.schema.check import check

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NEXT = f"{int(version.HEAD) + 1:04}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which a new revision was created."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "alembic.ini", folder)
    for name in ("migrations", "persistdb", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    created = _python(folder, "migrations.new_revision", "add_labels")
    assert created.returncode == 0, created.stderr
    return folder


def _python(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", module, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _files(checkout: Path) -> dict[str, bytes]:
    names = [*checkout.glob(f"migrations/versions/{NEXT}*"), *checkout.glob(f"tests/data/golden/{NEXT}*")]
    return {str(path.relative_to(checkout)): path.read_bytes() for path in names}


def test_files(checkout: Path) -> None:
    """A new revision has its number, its views for each engine, its golden database, and its step in the model."""
    versions, golden = f"migrations/versions/{NEXT}_add_labels", f"tests/data/golden/{NEXT}"
    assert sorted(_files(checkout)) == [
        *(f"{versions}.{ending}" for ending in ("mariadb.sql", "postgresql.sql", "py", "sqlite.sql")),
        f"{golden}.db",
        f"{golden}.json",
    ]
    assert f'\n    "{NEXT}",\n)\n' in (checkout / "persistdb/schema/version.py").read_text()
    assert f'\n    "{NEXT}": Step(_same, _same, _nothing),\n}}\n' in (checkout / "tests/schema/model.py").read_text()


def test_again(checkout: Path) -> None:
    """The same name again creates the files that were removed, and changes nothing else."""
    before = _files(checkout)
    removed = checkout / f"migrations/versions/{NEXT}_add_labels.sqlite.sql"
    removed.unlink()
    assert _python(checkout, "migrations.new_revision", "add_labels").returncode == 0
    after = _files(checkout)
    assert {name for name in before if before[name] != after[name]} <= {f"tests/data/golden/{NEXT}.db"}
    assert before.keys() == after.keys()


@pytest.mark.parametrize("name", ["Add-labels", "2fast", "", "hosts"])
def test_names(checkout: Path, name: str) -> None:
    """A name that is no module's, and one that another revision has, are refused with the reason."""
    before = _files(checkout)
    refused = _python(checkout, "migrations.new_revision", name)
    assert refused.returncode == 1
    assert ("choose another name" if name == "hosts" else "is not a name for a revision") in refused.stderr
    assert _files(checkout) == before


def test_up_and_down(checkout: Path, database: Database, database_url: str) -> None:
    """The new revision creates its views on each engine, and a downgrade leaves schema and rows as before."""

    def change(direction: str, revision: str) -> None:
        done = _python(checkout, "persistdb", "--db", database_url, "db", direction, revision)
        assert done.returncode == 0, done.stderr

    change("upgrade", version.HEAD)
    dumps.insert(database.engine, model.at_head(model.sample("0001"), "0001"))
    before = dumps.schema(database.engine), dumps.rows(database.engine)
    change("upgrade", NEXT)
    assert version.current(database) == NEXT
    assert dumps.schema(database.engine) == before[0]
    change("downgrade", version.HEAD)
    assert (dumps.schema(database.engine), dumps.rows(database.engine)) == before
    assert [finding for finding in check(database) if "view" in str(finding)] == []


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://", "mariadb://"])
def test_frozen_views(url: str) -> None:
    """The newest text of views among the revisions is the program's definition: a change of one needs a new text."""
    backend, _ = resolve(url)
    newest = max((ROOT / "migrations/versions").glob(f"[0-9]*.{backend.name}.sql"))
    assert newest.read_text("utf-8") == "".join(f"{statement}\n;\n" for statement in views.creation(backend))
