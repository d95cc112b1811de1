"""This program and a newer one with a revision more, at once, as ``docs/guides/upgrade.md`` has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from persistdb import ContainerRepository, Database
from persistdb.schema import backfill, revisions, version
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NEXT = f"{int(version.HEAD) + 1:04}"
AGENT = Path(__file__).with_name("agent.py")
CONTAINERS = 40

_REVISION = '''"""Containers have the length of their path, which programs of before do not write.

Downgrade: loses nothing that cannot be made again.
"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None

MIN_READER = "{reader}"
MIN_WRITER = "{writer}"
LOSES = {{}}
FILLS = {{
    "container.id": "UPDATE container SET path_length = length(bundle_path)"
    " WHERE id > :behind AND id <= :last AND path_length IS NULL"
}}


def upgrade():
    op.add_column("container", sa.Column("path_length", sa.Integer))


def downgrade():
    op.drop_column("container", "path_length")
'''


def _checkout(folder: Path, *, min_writer: str) -> Path:
    """Make a newer program: this one, and a revision that adds a column."""
    for name in ("migrations", "persistdb"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    newest = revisions.history()[-1]
    text = _REVISION.format(revision=NEXT, before=version.HEAD, reader=newest.min_reader, writer=min_writer)
    (folder / f"migrations/versions/{NEXT}_path_length.py").write_text(text)
    known = folder / "persistdb/schema/version.py"
    head = f'    "{version.HEAD}",\n)'
    assert head in known.read_text("utf-8")
    known.write_text(known.read_text("utf-8").replace(head, f'    "{version.HEAD}",\n    "{NEXT}",\n)'))
    # its statements say which program may write
    subprocess.run([sys.executable, "-m", "persistdb.store.write_sql"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def additive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newer program whose revision lets the old ones write."""
    return _checkout(tmp_path_factory.mktemp("additive"), min_writer=revisions.history()[-1].min_writer)


@pytest.fixture(scope="module")
def major(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newer program whose revision does not."""
    return _checkout(tmp_path_factory.mktemp("major"), min_writer=NEXT)


def _program(checkout: Path, url: str, *words: str) -> str:
    """Run a program's command, and return what it prints."""
    command = [sys.executable, "-W", "error", "-m", "persistdb", "--db", url, *words]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class _Agent:
    """An agent that runs, until it is asked to end."""

    def __init__(self, checkout: Path, url: str, host: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(AGENT), url, host],
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "running\n", line + self._process.stdout.read()

    def end(self) -> dict[str, Any]:
        """Let it come to its end, and return what it says."""
        said, _ = self._process.communicate(timeout=60)
        try:
            result: dict[str, Any] = json.loads(said)
        except ValueError:
            pytest.fail(said)
        return result

    def wait(self) -> dict[str, Any]:
        """Wait until it ends because a call failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        result: dict[str, Any] = json.loads(self._process.stdout.readline())
        self._process.communicate(timeout=60)
        return result

    def kill(self) -> None:
        """End it in any case."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def _agent(checkout: Path, url: str, host: str) -> Iterator[_Agent]:
    agent = _Agent(checkout, url, host)
    try:
        yield agent
    finally:
        agent.kill()


@pytest.fixture
def url(database_url: str) -> str:
    """A database of this program's, with containers of another node."""
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="quiet")
        for number in range(CONTAINERS // 4):
            put(repository, f"pod-{number}", "a", "b", "c", "d")
    return database_url


def _unfilled(url: str, host: str) -> int:
    with Database(url) as database, database.reader.connect() as connection:
        query = (
            "SELECT count(*) FROM container JOIN sandbox ON sandbox.id = container.sandbox_id"
            " WHERE host = :host AND path_length IS NULL"
        )
        count: int = connection.execute(sa.text(query), {"host": host}).scalar_one()
    return count


def test_additive(url: str, additive: Path) -> None:
    """Agents of both versions write before, during and after an upgrade that the old ones survive; nothing fails."""
    with _agent(ROOT, url, "old") as old:
        said = _program(additive, url, "db", "upgrade", "--no-fill")
        assert f"schema changed from {version.HEAD} to {NEXT}" in said
        assert "cannot write" not in said
        assert "may be read and written by it" in _program(ROOT, url, "db", "current")
        assert f"still to be filled: container ({NEXT})" in _program(additive, url, "db", "current")
        assert _unfilled(url, "quiet") == CONTAINERS
        with _agent(additive, url, "new") as new, _agent(ROOT, url, "started later") as later:
            _program(additive, url, "db", "upgrade", "--batch", "7")
            assert _unfilled(url, "quiet") == 0
            results = [each.end() for each in (old, new, later)]
    assert [each["error"] for each in results] == [None] * 3
    assert min(each["rounds"] for each in results) > 0
    assert "still to be filled" not in _program(additive, url, "db", "current")


def test_major(url: str, major: Path) -> None:
    """An upgrade that old programs do not survive waits for their transactions, and then refuses their writes."""
    with _agent(ROOT, url, "old") as old:
        said = _program(major, url, "db", "upgrade")
        assert "programs cannot write until the schema is changed" in said
        result = old.wait()
        assert result["error"][0] in {"SchemaTooNew", "Busy"}, result
        assert result["error"][2] >= 4  # it read on
        with _agent(major, url, "new") as new:
            assert new.end()["error"] is None
    with Database(url) as database:
        assert ContainerRepository(database, host="old").sandbox_ids() == ["pod"]
    assert f"to write takes {NEXT} or later" in _program(ROOT, url, "db", "current")


def test_filling_goes_on(url: str, additive: Path) -> None:
    """Filling that was interrupted goes on where it stopped, and no batch is made twice."""
    _program(additive, url, "db", "upgrade", "--no-fill")
    place = backfill.Filling(NEXT, "container", -1)
    with Database(url) as database:
        assert backfill.pending(database) == [place]
        with database.writer.begin() as connection:
            statement = "UPDATE schema_backfill SET behind = (SELECT max(id) - 1 FROM container)"
            connection.execute(sa.text(statement))
        backfill.fill(database)  # of a revision that this program does not know
        (left,) = backfill.pending(database)
        assert left.behind > 0
    _program(additive, url, "db", "upgrade", "--batch", "7")
    assert _unfilled(url, "quiet") == CONTAINERS - 1
    assert re.search(rf"schema {NEXT}, this program's version\n", _program(additive, url, "db", "current"))
