"""What only a repository for tasks of asyncio does: many tasks on few connections, cancelled ones, open loops."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, text

from persistdb import (
    AsyncContainerRepository,
    AsyncDatabase,
    AsyncTransaction,
    BadURL,
    Conflict,
    ContainerRepository,
    ContainerState,
    Database,
    DriverMissing,
    InvalidValue,
    NotFound,
    SchemaTooNew,
    SessionOpen,
    Timeouts,
)
from persistdb.schema import version
from persistdb.schema.tables import Container
from tests.schema.newer import say

from .faults import just_before
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a test's tasks in debug mode, in which asyncio looks for what was never awaited."""
    asyncio.run(coroutine, debug=True)


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[AsyncContainerRepository]:
    async with AsyncDatabase(url, **options) as database:
        yield AsyncContainerRepository(database, host="node-1")


def test_it_has_all_methods() -> None:
    """Each public method of the repository for threads is there for tasks, with the same parameters."""
    for name, method in inspect.getmembers(ContainerRepository, inspect.isfunction):
        if name.startswith("_"):
            continue
        parameters = inspect.signature(getattr(AsyncContainerRepository, name)).parameters
        assert [(one.name, one.kind, one.default) for one in parameters.values()] == [
            (one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()
        ], name


def test_many_tasks_on_few_connections(store_url: str, database: Database) -> None:
    """A hundred tasks share five connections: none waits in vain, and no change is lost."""
    put(ContainerRepository(database, host="node-1"), "pod-1", *(f"c{i}" for i in range(10)))

    async def change(repository: AsyncContainerRepository, number: int) -> None:
        cid = f"c{number % 10}"
        await repository.update("pod-1", cid, lambda record: record.replace(bundle_path=record.bundle_path + "+"))
        assert (await repository.get("pod-1", cid)).cid == cid

    async def main() -> None:
        async with opened(store_url, pool_size=5, timeouts=Timeouts(busy=60, pool=60, call=60)) as repository:
            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(change(repository, number))
            pool: Any = repository.database.database.engine.pool
            assert pool.checkedout() == 0
            assert pool.checkedin() <= 5

    run(main())
    after = ContainerRepository(database, host="node-1").find()
    assert {one.record.bundle_path.count("+") for one in after} == {10}


async def _in_one_commit(repository: AsyncContainerRepository) -> None:
    async with repository.transaction() as work:
        await work.save("pod-1", "a", container("new", state="stopped", mounts=[]))
        await work.transition("pod-1", "a", "running", expected="stopped")
        await work.save("pod-1", "b", container("b"))


async def _called(repository: AsyncContainerRepository) -> None:
    async def change(work: AsyncTransaction) -> None:
        await work.save("pod-1", "b", container("b"))
        await work.delete("pod-1", "a")

    await repository.transact(change)


CALLS: dict[str, Callable[[AsyncContainerRepository], Awaitable[object]]] = {
    "get": lambda r: r.get("pod-1", "a"),
    "find": lambda r: r.find(),
    "save": lambda r: r.save("pod-1", "a", container("new", state="stopped", mounts=[])),
    "save_sandbox": lambda r: r.save_sandbox(sandbox("pod-1"), {"b": container("b"), "c": container("c")}),
    "transition": lambda r: r.transition("pod-1", "a", "stopped", expected="running"),
    "destroy_sandbox": lambda r: r.destroy_sandbox("pod-1"),
    "update": lambda r: r.update("pod-1", "a", lambda record: record.replace(state="paused")),
    "transaction": _in_one_commit,
    "transact": _called,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_task_that_is_cancelled(
    store_url: str, database: Database, call: Callable[[AsyncContainerRepository], Awaitable[object]]
) -> None:
    """Wherever a task waits when it is cancelled, its call is done as a whole or not at all, and others go on."""
    repository = ContainerRepository(database, host="node-1")

    def content() -> dict[str, object]:
        return {one.cid: one.record for one in repository.find()}

    async def main() -> None:
        async with opened(store_url, pool_size=1) as tasks:
            await tasks.count()
            before = content()
            await call(tasks)
            done = content()
            for turns in range(1, 200):
                await asyncio.to_thread(put, repository, "pod-1", "a")
                task = asyncio.ensure_future(call(tasks))
                for _ in range(turns):
                    await asyncio.sleep(0)
                    if task.done():
                        break
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                # the one connection is there again, and no transaction is open in it
                assert await tasks.count() in {len(before), len(done)}
                assert content() in (before, done)
                if not task.cancelled():
                    break

    put(repository, "pod-1", "a")
    run(main())


def test_a_lock_that_is_cancelled(store_url: str, database: Database) -> None:
    """A task that is cancelled while it waits for a lock holds none afterwards."""
    repository = ContainerRepository(database, host="node-1")

    async def main() -> None:
        async with opened(store_url) as tasks:
            await tasks.count()
            with repository.lock("pod-1"):
                waiting = asyncio.ensure_future(_locked(tasks))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(waiting, 0.2)
            async with tasks.lock("pod-1", timeout=5) as lock:
                assert lock.sid == "pod-1"

    run(main())


async def _locked(repository: AsyncContainerRepository) -> None:
    async with repository.lock("pod-1", timeout=60):
        pass


def test_a_transaction_that_is_cancelled(store_url: str, database: Database) -> None:
    """A task that is cancelled within a transaction leaves nothing of it."""
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a")

    async def main() -> None:
        async with opened(store_url, pool_size=1) as tasks:
            within = asyncio.Event()

            async def change() -> None:
                async with tasks.transaction() as work:
                    await work.save("pod-1", "b", container("b"))
                    within.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(change())
            await within.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert [one.cid async for one in tasks.iterate()] == ["a"]
            await tasks.save("pod-1", "b", container("b"))

    run(main())
    assert repository.count() == 2


async def _in_session(repository: AsyncContainerRepository) -> None:
    async with repository.database.session(write=True) as session:
        await session.execute(text("SELECT 1"))


@pytest.mark.parametrize("begin", [_called, _in_one_commit, _in_session, CALLS["save"]])
def test_a_begin_that_is_cancelled(
    sqlite_store: tuple[str, Database], begin: Callable[[AsyncContainerRepository], Awaitable[object]]
) -> None:
    """A task that is cancelled when its transaction has just begun leaves no connection with an open one."""
    url, database = sqlite_store
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a", "b")
    written, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        written.set()
        go_on.wait(60)

    def other() -> None:
        with just_before(database, "SELECT", hold):
            repository.save("pod-1", "b", container("other"))

    async def main() -> None:
        async with opened(url, pool_size=1) as tasks:
            await tasks.count()
            saving = asyncio.create_task(asyncio.to_thread(other))
            await asyncio.to_thread(written.wait, 60)
            task = asyncio.ensure_future(begin(tasks))

            def cancel(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
                if sql.startswith("BEGIN"):
                    task.cancel()

            event.listen(tasks.database.database.engine, "after_cursor_execute", cancel)
            # by then it waits for its turn to write, and restores SQLite's own patience after it has begun
            await asyncio.wait([task], timeout=0.2)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            event.remove(tasks.database.database.engine, "after_cursor_execute", cancel)
            await saving
            await tasks.transition("pod-1", "a", "stopped", expected="running")
            await tasks.save("pod-1", "a", container("new"))

    run(main())
    repository.transition("pod-1", "a", "paused", expected="running")


@pytest.mark.parametrize("write", [False, True])
def test_a_session_that_is_cancelled(store_url: str, database: Database, write: bool) -> None:
    """Wherever a task waits in a session when it is cancelled, its connection comes back to the pool."""
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")

    async def use(tasks: AsyncContainerRepository) -> None:
        async with tasks.database.session(write=write) as session:
            await session.execute(text("SELECT count(*) FROM container"))

    async def main() -> None:
        async with opened(store_url, pool_size=1, timeouts=Timeouts(pool=5)) as tasks:
            await tasks.count()
            for turns in range(1, 200):
                task = asyncio.ensure_future(use(tasks))
                for _ in range(turns):
                    await asyncio.sleep(0)
                    if task.done():
                        break
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await tasks.count() == 1
                await tasks.transition("pod-1", "a", "paused", expected="running")
                await tasks.transition("pod-1", "a", "running", expected="paused")
                if not task.cancelled():
                    break

    run(main())


def test_calls_at_once_in_a_transaction(store_url: str, database: Database) -> None:
    """Tasks that share a transaction take turns: one that fails undoes nothing of the others."""
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a")

    async def main() -> None:
        async with opened(store_url) as tasks:
            for n in range(10):
                async with tasks.transaction() as work:
                    results = await asyncio.gather(
                        work.save("pod-1", f"x{n}", container(f"x{n}")),
                        work.save("pod-1", "a", ContainerState(), revision=7777),
                        work.save("pod-1", f"y{n}", container(f"y{n}")),
                        work.find(),
                        return_exceptions=True,
                    )
                assert [isinstance(result, Conflict) for result in results] == [False, True, False, False]

    run(main())
    assert repository.count() == 21


def test_in_memory_after_any_cancellation() -> None:
    """A database in memory is still there after a task was cancelled in a call that fails, and in a session."""

    async def refused(tasks: AsyncContainerRepository) -> None:
        with contextlib.suppress(Conflict):
            await tasks.save("pod-1", "a", ContainerState(), revision=7777)

    async def session(tasks: AsyncContainerRepository) -> None:
        async with tasks.database.session(write=True) as session:
            await session.execute(text("UPDATE container SET bundle_path = '/session'"))

    async def main() -> None:
        async with opened("sqlite:///:memory:") as tasks:
            await tasks.save_sandbox(sandbox("pod-1"), {"a": container("a")})
            for call in (refused, session):
                for turns in range(60):
                    task = asyncio.ensure_future(call(tasks))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    assert await tasks.count() == 1

    run(main())


def test_first_calls_that_are_cancelled(sqlite_url: str) -> None:
    """The schema is looked at once for all first calls, and those that go on have it, whichever were cancelled."""

    async def main() -> None:
        tasks = AsyncContainerRepository(AsyncDatabase(sqlite_url), host="node-1")
        calls = [asyncio.ensure_future(tasks.count()) for _ in range(20)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert results[1::2] == [0] * 10
        assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
        await tasks.database.close()

    run(main())


def test_an_iteration_that_is_left(store_url: str, database: Database) -> None:
    """An iteration that is left early holds no connection; within one, others can be used."""
    put(ContainerRepository(database, host="node-1"), "pod-1", *(f"c{i}" for i in range(50)))

    async def main() -> None:
        async with opened(store_url, pool_size=1) as tasks:
            seen = 0
            async for one in tasks.iterate(batch=10):
                assert (await tasks.get(one.sid, one.cid)).revision == one.revision
                seen += 1
                if seen == 15:
                    break
            assert await tasks.count() == 50
            assert len([one async for one in tasks.load_sandboxes()]) == 1

    run(main())


def test_sessions(store_url: str, database: Database) -> None:
    """A session for tasks is SQLAlchemy's own; it commits what it writes, and a write beside it is an error at once."""
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")

    async def main() -> None:
        async with opened(store_url) as tasks:
            async with tasks.database.session(write=True) as session:
                await session.execute(text("UPDATE container SET bundle_path = '/session'"))
                with pytest.raises(SessionOpen):
                    await tasks.transition("pod-1", "a", "paused", expected="running")
                # another task waits for it as for anybody's
                other = asyncio.create_task(tasks.transition("pod-1", "a", "paused", expected="running"))
                await asyncio.sleep(0)
            await other
            async with tasks.database.session() as session:
                found = (await session.scalars(select(Container))).one()
                assert (found.state, found.bundle_path) == ("paused", "/session")
            with pytest.raises(ZeroDivisionError):
                await _fail(tasks.database)
            assert await tasks.count() == 1

    run(main())


async def _fail(database: AsyncDatabase) -> None:
    async with database.session(write=True) as session:
        await session.execute(text("DELETE FROM container"))
        raise ZeroDivisionError


@pytest.mark.parametrize("module", ["aiosqlite", "greenlet"])
def test_a_driver_that_is_missing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """A module that is not installed is named with the extra that brings it, before anything is opened."""
    for name in ("persistdb.engines.asynchronous", "persistdb.engines.sqlite.asynchronous"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DriverMissing) as caught:
        AsyncDatabase(sqlite_url)
    assert (caught.value.module, caught.value.extra) == (module, "async")


def test_a_new_database(database_url: str) -> None:
    """The first call of any task makes the schema of an empty database, once."""

    async def main() -> None:
        async with opened(database_url) as tasks:
            assert await asyncio.gather(*(tasks.count() for _ in range(10))) == [0] * 10
            await tasks.save_sandbox(sandbox("pod-1"), {"a": ContainerState(state="ready")})
            with pytest.raises(NotFound):
                await tasks.get("pod-1", "b")
            with pytest.raises(Conflict):
                await tasks.save("pod-1", "a", ContainerState(), revision=7)

    run(main())


def test_a_newer_schema(store_url: str, database: Database) -> None:
    """A database of a newer version is refused with the error that threads get."""
    before = version.support(database)
    assert before is not None
    say(database)

    async def main() -> None:
        async with opened(store_url) as tasks:
            with pytest.raises(SchemaTooNew):
                await tasks.count()

    try:
        run(main())
    finally:
        say(database, *before)


def test_in_memory() -> None:
    """A database in memory serves tasks, too, also after one was cancelled."""

    async def main() -> None:
        async with opened("sqlite:///:memory:") as tasks:
            await tasks.save_sandbox(sandbox("pod-1"), {"a": container("a")})
            for turns in range(12):
                task = asyncio.ensure_future(tasks.save("pod-1", "a", container("a", bundle_path=str(turns))))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert (await tasks.get("pod-1", "a")).cid == "a"

    run(main())


def test_one_loop_after_the_other(store_url: str, database: Database) -> None:
    """A database that was closed serves another event loop."""
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    tasks = AsyncDatabase(store_url)
    repository = AsyncContainerRepository(tasks, host="node-1")

    async def main() -> None:
        assert await asyncio.gather(*(repository.count() for _ in range(5))) == [1] * 5
        await tasks.close()

    run(main())
    run(main())


def test_what_it_is_given(sqlite_url: str) -> None:
    """Arguments are judged as for threads, at once."""
    with pytest.raises(BadURL):
        AsyncDatabase("oracle://x")
    with pytest.raises(InvalidValue):
        AsyncDatabase(sqlite_url, retries=-1)
    with Database(sqlite_url) as database, pytest.raises(InvalidValue, match="AsyncDatabase"):
        AsyncContainerRepository(database)  # type: ignore[arg-type]  # what a user may pass
    with pytest.raises(InvalidValue, match="Database"):
        ContainerRepository(AsyncDatabase(sqlite_url))  # type: ignore[arg-type]  # the same
    assert repr(AsyncDatabase(sqlite_url)).startswith("AsyncDatabase('sqlite:///")


def test_transact(store_url: str, database: Database) -> None:
    """A function for tasks is called again with a new transaction after its connection was lost."""
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")

    async def main() -> None:
        async with opened(store_url) as tasks:

            async def add(work: Any) -> int:
                await work.save("pod-1", "b", container("b"))
                return await work.count()  # type: ignore[no-any-return]

            assert await tasks.transact(add) == 2

    run(main())
