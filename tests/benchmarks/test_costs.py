"""What must not grow: the memory of long reads and imports, and the work of finding one page among many."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from benchmarks import memory, places, samples
from persistdb import ContainerRepository, Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from sqlalchemy import Engine


# All of 6,000 records at once would take about 60 MB.
_CONTAINERS = 6000
_ENOUGH = 40.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[places.Place]:
    place = places.Files(tmp_path)
    yield place
    place.close()


@contextmanager
def _recording(engine: Engine, sent: list[tuple[str, tuple[object, ...]]]) -> Iterator[None]:
    def on_statement(_c: object, _cursor: object, text: str, values: tuple[object, ...], *_: object) -> None:
        sent.append((text, values))

    event.listen(engine, "before_cursor_execute", on_statement)
    yield
    event.remove(engine, "before_cursor_execute", on_statement)


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_read_or_imported(place: places.Place, tmp_path: Path) -> None:
    """Iterating and importing hold a part of it at a time."""
    for check in memory.measure(place, tmp_path, _CONTAINERS):
        assert check.value < _ENOUGH, check


@pytest.mark.parametrize("all_hosts", [False, True])
def test_a_page_of_an_iteration_is_found_in_an_index(place: places.Place, all_hosts: bool) -> None:
    """SQLite sorts nothing: it begins where the page before ended, and makes the page's documents only."""
    with Database(place.database(30)) as database:
        repository = ContainerRepository(database, host=samples.HOST)
        sent: list[tuple[str, tuple[object, ...]]] = []
        with _recording(database.engine, sent):
            assert sum(1 for _ in repository.iterate(batch=10, all_hosts=all_hosts)) == 30 + samples.LARGE
        assert len(sent) == 6
        for sql, values in sent:
            with database.reader.connect() as connection:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            steps = [step for *_, step in plan]
            assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN container")], steps


def test_a_limited_list_makes_only_its_own_documents(place: places.Place) -> None:
    """Whatever the order: what is sorted is ids."""
    with Database(place.database(30)) as database:
        repository = ContainerRepository(database, host=samples.HOST)
        sent: list[tuple[str, tuple[object, ...]]] = []
        with _recording(database.engine, sent):
            assert len(repository.find(sort="-updated", limit=3)) == 3
        ((sql, _),) = sent
        page = sql[: sql.index(") AS page")].rpartition("FROM (SELECT container.id")[2]
        assert "LIMIT" in page
        assert "json" not in page


def test_a_get_makes_few_calls(place: places.Place) -> None:
    """Between the caller and SQLite are at most 28 calls of Python functions, SQLAlchemy's pool included.

    A get takes 20 µs of Python beside SQLite's own work: what is added to it, each caller pays each time.
    """
    with Database(place.database(3)) as database:
        repository = ContainerRepository(database, host=samples.HOST)
        sid, cid = samples.sid(0), samples.cid(0, 1)
        repository.get(sid, cid)
        calls = []

        def note(frame: FrameType, what: str, _argument: object) -> None:
            if what == "call":
                calls.append(frame.f_code.co_qualname)

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            repository.get(sid, cid)
        finally:
            sys.setprofile(before)
    assert len(calls) <= 28, calls
