"""The queue of a pool's unused connections."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import Pool as AnyPool
from sqlalchemy.util.queue import Empty, Full

from persistdb import Busy, Database, DatabaseError, Timeouts, Unreadable
from persistdb.db.work import Statement, decoded, value
from persistdb.engines import idle
from persistdb.engines import pool as pools
from persistdb.engines import unused as queues
from persistdb.engines.idle import shrinking
from persistdb.engines.pool import Place, Pool, Unused
from persistdb.engines.sqlite import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

    from persistdb.db.work import Work


@pytest.mark.parametrize(("lifo", "first"), [(False, 1), (True, 2)])
def test_the_first_or_the_last_that_was_returned_is_taken(lifo: bool, first: int) -> None:
    """A queue gives the one that waited longest, a stack the one that was used last, and neither more than it has."""
    unused: Unused[int] = Unused(2, use_lifo=lifo)
    unused.put(1)
    unused.put(2)
    with pytest.raises(Full):
        unused.put(3)
    assert unused.get() == first
    assert unused.qsize() == 1
    assert unused.get_nowait() == 3 - first
    assert unused.qsize() == 0
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


@pytest.fixture
def single(tmp_path: object) -> Iterator[Database]:
    """Return a database with one connection, which has used its engine."""
    with Database(f"sqlite:///{tmp_path}/x.db", pool_size=1, timeouts=Timeouts(pool=0.05)) as database:
        assert database.engine.pool.status()
        yield database


def one(database: Database, number: int = 1) -> object:
    """Return what a unit of work reads."""
    return database.read(lambda: value(Statement(f"SELECT {number}", database.backend.style), {}))


def pool_of(engine: Engine) -> Pool:
    """Return an engine's pool."""
    assert isinstance(engine.pool, Pool)
    return engine.pool


def test_a_unit_of_work_and_a_session_use_the_same_connection(single: Database) -> None:
    """One is used by units of work and SQLAlchemy's connections in turn, and each waits for the other."""
    assert one(single) == 1
    with single.reader.connect() as connection:
        driver = connection.connection.dbapi_connection
        with pytest.raises(Busy):
            one(single)
    place = pool_of(single.engine).take()
    assert place is not None
    assert place.dbapi_connection is driver
    assert pool_of(single.engine).checkedout() == 1
    place.close()
    assert pool_of(single.engine).checkedout() == 0
    assert one(single, 2) == 2


def test_a_connection_that_is_not_returned(single: Database) -> None:
    """What an interrupt took between two lines, and nobody refers to, is closed, and another one takes its place."""
    taken = pool_of(single.engine).take()
    assert taken is not None
    driver = taken.dbapi_connection
    with pytest.raises(Busy):
        one(single)
    del taken
    assert one(single, 3) == 3
    with pytest.raises(single.driver_error, match="closed"):
        driver.execute("SELECT 4")  # type: ignore[union-attr]  # the driver's own
    lost = pool_of(single.engine).take()
    assert lost is not None
    lost.invalidate()
    assert not lost.is_valid
    del lost
    assert one(single, 5) == 5


def test_a_pool_that_is_forgotten_takes_its_connections_along(tmp_path: object) -> None:
    """Nothing is put in the place of connections whose pool is gone; one in use is returned to nobody."""
    database = Database(f"sqlite:///{tmp_path}/x.db")
    assert one(database) == 1
    place = pool_of(database.engine).take()
    assert place is not None
    database.engine.dispose()
    gone = weakref.ref(place)
    place.close()
    del place
    gc.collect()
    assert gone() is None
    assert one(database) == 1
    database.close()


@pytest.mark.parametrize("in_use", [False, True])
def test_connections_of_a_pool_that_is_forgotten_are_closed(tmp_path: object, in_use: bool) -> None:
    """What is forgotten together with its pool is closed, also where it was in use, and counted no more."""
    database = Database(f"sqlite:///{tmp_path}/x.db")
    taken = pool_of(database.engine).take()
    assert taken is not None
    driver = taken.dbapi_connection
    assert driver is not None
    if not in_use:
        taken.close()
    cycle: list[object] = [database, taken]
    cycle.append(cycle)
    del database, taken, cycle
    gc.collect()
    with pytest.raises(library.driver().ProgrammingError, match="closed"):
        driver.execute("SELECT 1")  # type: ignore[attr-defined]  # the driver's own


def test_the_child_of_a_process_keeps_what_was_its_parents_pool(tmp_path: object) -> None:
    """A child closes nothing that is forgotten together with a pool of its parent."""
    database = Database(f"sqlite:///{tmp_path}/x.db")
    taken = pool_of(database.engine).take()
    assert taken is not None
    driver = taken.dbapi_connection
    taken._process = os.getpid() + 1  # as after a fork
    assert driver is not None
    cycle: list[object] = [database, taken]
    cycle.append(cycle)
    del database, taken, cycle
    gc.collect()
    driver.cursor().execute("SELECT 1")
    driver.close()


def test_what_is_in_use_when_the_program_ends(tmp_path: object) -> None:
    """Nothing is printed of a connection that is forgotten when modules are gone."""
    program = f"""
        import threading  # a module that is emptied late
        from persistdb import Database
        threading.held = Database("sqlite:///{tmp_path}/x.db").engine.pool.take()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""


def test_the_child_of_a_process_keeps_what_is_what_is_its_parents(single: Database) -> None:
    """A child closes no connection that a thread of its parent was using, and which nobody holds in it."""
    taken = pool_of(single.engine).take()
    assert taken is not None
    driver = taken.dbapi_connection
    taken._process = os.getpid() + 1  # as after a fork
    del taken
    assert driver is not None
    driver.cursor().execute("SELECT 1")


@pytest.mark.parametrize("name", ["checkout", "checkin", "reset"])
@pytest.mark.parametrize("of_all", [False, True])
def test_who_listens_to_the_pool_hears_of_units_of_work(single: Database, name: str, of_all: bool) -> None:
    """Listeners of an engine's pool, and of all pools, hear of each connection; our own ones do not matter."""
    with single.session():
        pass  # adds a listener of ours
    heard: list[object] = []

    def hear(*given: object) -> None:
        heard.append(given)

    place = pool_of(single.engine).take()
    assert isinstance(place, Place)
    place.close()
    target = AnyPool if of_all else single.engine
    event.listen(target, name, hear)
    try:
        assert one(single) == 1
    finally:
        event.remove(target, name, hear)
    assert len(heard) == 1


def test_the_log_of_the_pool_tells_of_units_of_work(single: Database, caplog: pytest.LogCaptureFixture) -> None:
    """At the level DEBUG it says when a connection is taken and returned."""
    with caplog.at_level(logging.DEBUG, "sqlalchemy.pool"):
        assert one(single) == 1
    assert "checked out from pool" in caplog.text
    assert "being returned to pool" in caplog.text


def test_a_connection_that_was_given_up_is_opened_again(single: Database) -> None:
    """One that SQLAlchemy calls invalid, with its pool or alone, is closed when it is next taken."""
    pool = pool_of(single.engine)
    drivers: list[object] = []
    for give_up in (None, "pool", "place"):
        place = pool.take()
        assert place is not None
        drivers.append(place.dbapi_connection)
        if give_up == "place":
            place.invalidate(soft=True)
        if give_up == "pool":
            pool._invalidate(place, _checkin=False)  # type: ignore[arg-type]  # it looks at its time only
        place.close()
    last = pool.take()
    assert last is not None
    drivers.append(last.dbapi_connection)
    last.close()
    assert drivers[0] is drivers[1]
    assert len(set(map(id, drivers))) == 3


def test_more_connections_than_the_pool_keeps(tmp_path: object) -> None:
    """With max_overflow what is too many is closed when it is returned."""
    options = {"max_overflow": 1, "pool_recycle": 3600}
    with Database(f"sqlite:///{tmp_path}/x.db", pool_size=1, engine_options=options) as database:
        pool = pool_of(database.engine)
        first, second = pool.take(), pool.take()
        assert first is not None
        assert second is not None
        first.close()
        second.close()
        assert first.is_valid
        assert not second.is_valid
        assert pool.checkedin() == 1
        assert pool.checkedout() == 0
        assert one(database) == 1


def forget(place: Place | None) -> None:
    """Forget a place as an exception does whose traceback is part of a cycle."""
    cycle: list[object] = [place]
    cycle.append(cycle)


def test_a_connection_that_is_forgotten_in_a_cycle(single: Database) -> None:
    """Another one takes its place once garbage is collected, as long as the pool is there."""
    forget(pool_of(single.engine).take())
    gc.collect()
    assert one(single) == 1


@pytest.fixture
def quick_collector() -> Iterator[None]:
    """Let the collector of garbage look only at what a test makes: these tests collect after each line."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collector")
@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("opened", [False, True])
def test_an_interrupt_at_any_line(single: Database, interrupted: bool, opened: bool) -> None:
    """It loses no place and leaves none too many, whether it is the first or comes while the first one is handled."""
    pool = pool_of(single.engine)

    def work() -> Work[object]:
        found = yield from value(Statement("SELECT 1", single.backend.style), {})
        if interrupted:
            raise KeyboardInterrupt
        return found

    lines, at = 0, 1
    while lines == at - 1:
        if opened:
            pool._invalidate(pool)  # type: ignore[arg-type]  # all that it has
        lines = interrupt_at(at, partial(single.read, work), pools.__file__, queues.__file__)
        gc.collect()
        at += 1
        assert one(single) == 1
        assert pool.checkedin() == 1
        assert pool.checkedout() == 0
    assert lines > 10


def interrupt_at(number: int, work: Callable[[], object], *files: str) -> int:
    """Interrupt work at a line of these files, and return how many of their lines it came to."""
    lines, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal lines
        if frame.f_code.co_filename not in files:
            return None
        if event == "line" and lines < number:
            lines += 1
            if lines == number:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except BaseException:  # noqa: BLE001  whatever comes of it
        pass
    finally:
        sys.settrace(before)
    return lines


def test_an_interrupt_while_one_too_many_is_closed(tmp_path: object) -> None:
    """There are not more connections at once than before."""
    options, timeouts = {"max_overflow": 1}, Timeouts(pool=0.05)
    url = f"sqlite:///{tmp_path}/x.db"
    with Database(url, pool_size=1, timeouts=timeouts, engine_options=options) as database:
        pool = pool_of(database.engine)
        taken = [pool.take(), pool.take()]
        pressed = press_at_close(pool)
        first, second = taken
        assert first is not None
        assert second is not None
        first.close()
        with pytest.raises(KeyboardInterrupt):
            second.close()
        assert pressed == [None]
        taken.clear()
        del first, second
        gc.collect()
        taken = [pool.take(), pool.take()]
        with pytest.raises(PoolTimeout):
            pool.take()
        for place in taken:
            assert place is not None
            place.close()


@pytest.mark.usefixtures("quick_collector")
def test_an_interrupt_while_unused_ones_are_closed(tmp_path: Path) -> None:
    """There are as many connections at once as before, wherever it comes."""
    pool = shrinking(Pool, 0.0)(
        partial(sqlite3.connect, tmp_path / "x.db"), pool_size=3, max_overflow=0, timeout=0.05, use_lifo=True
    )
    lines, at = 0, 1
    while lines == at - 1:
        taken = [pool.connect() for _ in range(3)]

        def give_back(taken: list[PoolProxiedConnection] = taken) -> None:
            while taken:
                taken.pop().close()

        lines = interrupt_at(at, give_back, idle.__file__)
        at += 1
        taken.clear()
        gc.collect()
        assert pool.checkedout() == 0
    assert lines > 10
    pool.dispose()


def press_at_close(pool: AnyPool) -> list[None]:
    """Press a key when the pool closes the next connection, and return when it was."""
    pressed: list[None] = []

    def press(*_: object) -> None:
        if not pressed:
            pressed.append(None)
            raise KeyboardInterrupt

    event.listen(pool, "close", press)
    return pressed


@pytest.mark.parametrize("observed", [False, True])
def test_an_error_that_is_kept_leaves_its_statement_alone(single: Database, observed: bool) -> None:
    """Whoever drops an error waits for nobody who uses its connection since, and disturbs no statement of theirs."""
    begun, go_on = threading.Event(), threading.Event()

    def held(number: int) -> bool:
        if number == 0:
            raise ValueError
        begun.set()
        return go_on.wait(10)

    with single.engine.connect() as connection:
        connection.connection.driver_connection.create_function("held", 1, held)  # type: ignore[union-attr]
    if observed:
        event.listen(single.engine, "before_cursor_execute", lambda *_: None)
    ask = Statement("SELECT held(:number)", single.backend.style)
    with pytest.raises(DatabaseError) as caught:
        single.read(lambda: value(ask, {"number": 0}))
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(single.read, lambda: value(ask, {"number": 1}))
        assert begun.wait(10)
        del caught
        gc.collect()
        go_on.set()
        assert asked.result()


def test_a_row_that_cannot_be_decoded_leaves_no_statement_open(single: Database) -> None:
    """Where somebody listens, too: the table that a failed unit of work read can be dropped while its error is kept."""

    def refuse(_payload: str) -> object:
        raise Unreadable("pod-1", "damaged")

    event.listen(single.engine, "before_cursor_execute", lambda *_: None)
    with single.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t AS SELECT 'a' AS x UNION ALL SELECT 'b'")
    with pytest.raises(Unreadable) as caught:
        single.read(lambda: decoded(Statement("SELECT x FROM t", single.backend.style), {}, refuse))
    with single.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE t")
    assert caught.value.ref == "pod-1"
