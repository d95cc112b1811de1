"""The program that says what a container takes, table by table."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks import size

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def _has_dbstat() -> bool:
    with closing(sqlite3.connect(":memory:")) as connection:
        return bool(connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'").fetchone())


@pytest.mark.skipif(not _has_dbstat(), reason="Python's SQLite was built without dbstat")
def test_what_a_container_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mounts are the most of a new one, events and versions what history adds, and equal mounts once are less."""
    given = ["--engine", "sqlite", "--containers", "1000", "--changes", "1", "--folder", str(tmp_path)]
    assert size.main(given) == 0
    new, more, shared = re.split("\n(?:With|Equal)", capsys.readouterr().out)
    (first, *_) = [line for line in new.splitlines() if line.startswith("|")][2:]
    assert first.startswith("| mount ")
    assert "| container_history " in more
    assert "| mount " not in more
    now, then = re.search(r"indexes: ([\d,]+) bytes now, ([\d,]+) then", shared).groups()  # type: ignore[union-attr]
    assert int(then.replace(",", "")) < int(now.replace(",", ""))
