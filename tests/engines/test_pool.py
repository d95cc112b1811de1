"""The queue of a pool's unused connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.util.queue import Empty, Full

from persistdb import Database
from persistdb.engines.pool import Pool, Unused


@pytest.mark.parametrize(("lifo", "first"), [(False, 1), (True, 2)])
def test_the_first_or_the_last_that_was_returned_is_taken(lifo: bool, first: int) -> None:
    """A queue gives the one that waited longest, a stack the one that was used last, and neither more than it has."""
    unused: Unused[int] = Unused(2, use_lifo=lifo)
    unused.put(1)
    unused.put_nowait(2)
    assert unused.full()
    with pytest.raises(Full):
        unused.put(3)
    assert unused.get() == first
    assert unused.qsize() == 1
    assert unused.get_nowait() == 3 - first
    assert unused.empty()
    with pytest.raises(Empty):
        unused.get(block=False)
    with pytest.raises(Empty):
        unused.get(timeout=0.001)


def test_threads_that_wait_get_each_connection_once() -> None:
    """Eight threads share three connections: nobody waits for ever, and no two hold the same one."""
    unused: Unused[int] = Unused(3)
    held = [threading.Lock() for _ in range(3)]
    for number in range(3):
        unused.put(number)
    start = threading.Barrier(8)

    def use() -> None:
        start.wait()
        for _ in range(2000):
            number = unused.get(timeout=60)
            assert held[number].acquire(blocking=False)
            held[number].release()
            unused.put(number)

    with ThreadPoolExecutor(8) as threads:
        for each in [threads.submit(use) for _ in range(8)]:
            each.result()
    assert sorted(unused.get() for _ in range(3)) == [0, 1, 2]


def test_a_thread_that_waits_is_woken_by_what_is_returned() -> None:
    """It gets what another thread returns, however long it may wait."""
    unused: Unused[int] = Unused(1)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(unused.get)
        unused.put(7)
        assert waiting.result(timeout=60) == 7


def test_a_database_uses_it(tmp_path: object) -> None:
    """So do the pools that SQLAlchemy makes when one is disposed of; they log as SQLAlchemy's do."""
    with Database(f"sqlite:///{tmp_path}/x.db") as database:
        database.engine.dispose()
        assert isinstance(database.engine.pool, Pool)
        assert isinstance(database.engine.pool._pool, Unused)
        assert database.engine.pool.logger.name.startswith("sqlalchemy.pool.")
