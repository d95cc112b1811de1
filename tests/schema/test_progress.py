"""The progress of a change of the schema."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from alembic import util

from persistdb.schema import migrate, revisions, version

from . import many

if TYPE_CHECKING:
    import pytest

    from persistdb import Database

CONTAINERS = 200
MOUNTS = 10


def test_long_moves_are_estimated(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is reported with the rows that it copies, and an estimate for many rows; nothing is lost."""
    monkeypatch.setattr(migrate, "MANY", 2 * CONTAINERS)
    migrate.upgrade(database, "0001")
    many.fill(database, CONTAINERS, MOUNTS)
    steps: list[migrate.Step] = []
    migrate.upgrade(database, progress=steps.append)
    assert [step.revision.id for step in steps] == list(version.REVISIONS[1:])
    assert {step.number for step in steps} == set(range(1, steps[0].total + 1))
    rows = {step.revision.id: step.rows for step in steps}
    # mounts and containers; device maps; containers and processes; indexes alone
    assert (rows["0002"], rows["0003"], rows["0007"], rows["0008"]) == (2200, 200, 400, 0)
    for step in steps:
        if step.rows < 2 * CONTAINERS:
            assert step.seconds is None
        else:
            assert step.seconds is not None
            assert step.seconds > 0
    assert many.faults(database, CONTAINERS, MOUNTS) == [0] * 8


def test_files_are_read_once(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that tells its progress reads the file of each revision once, however many steps it has."""
    load, read = util.load_python_file, Counter[str]()

    def count(folder: Any, name: str) -> Any:
        read[name] += 1
        return load(folder, name)

    revisions._scripts.cache_clear()
    monkeypatch.setattr(util, "load_python_file", count)
    migrate.upgrade(sqlite_database, progress=lambda _: None)
    files = {name: times for name, times in read.items() if name[:4] in version.REVISIONS}
    assert sorted(name[:4] for name in files) == list(version.REVISIONS)
    assert set(files.values()) == {1}
