"""Databases that older programs made reach the newest schema."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.schema import migrate, version
from tests.data.golden import make

from . import dumps, model

if TYPE_CHECKING:
    from pathlib import Path


def test_each_revision_has_a_golden_file() -> None:
    """A revision without a golden database fails the suite."""
    assert sorted(path.stem for path in make.FOLDER.glob("*.db")) == list(version.REVISIONS)


@pytest.mark.parametrize("revision", version.REVISIONS)
def test_golden(revision: str, tmp_path: Path) -> None:
    """A golden database holds the rows that were written into it, and after an upgrade the rows of the model."""
    path = tmp_path / "golden.db"
    shutil.copy(make.FOLDER / f"{revision}.db", path)
    with Database(f"sqlite:///{path}") as database:
        stored = dumps.rows(database.engine)
        assert make.text(stored) == (make.FOLDER / f"{revision}.json").read_text(encoding="utf-8")
        migrate.upgrade(database, host=model.HOST, moment=model.MOMENT)
        assert dumps.rows(database.engine) == model.at_head(stored, revision)
        with Database(f"sqlite:///{tmp_path}/fresh.db") as fresh:
            migrate.upgrade(fresh)
            assert dumps.schema(database.engine) == dumps.schema(fresh.engine)
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
