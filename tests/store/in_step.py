"""The repository for tasks of asyncio in the place of the other one: the same tests are for both.

An event loop runs in a thread. Each thread of a test has one task there, which makes the thread's calls one after the
other while the thread waits. What tests do beside the repository, in sessions and on connections, they do on a database
for threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

from persistdb import AsyncContainerRepository, AsyncDatabase, ContainerRepository, Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

_SOME = 7  # of what an iteration yields, fetched in one call


class Loop:
    """The event loop, and a task for each thread that calls."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event loop of a test")
        self._thread.start()
        self._tasks: dict[int, tuple[asyncio.Queue[Any], asyncio.Task[None]]] = {}

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's own thread, in a function that a call has called."""
        return threading.current_thread() is self._thread

    def run(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call in this thread's task, and return its result."""
        done: Future[Any] = Future()
        thread = threading.get_ident()

        def submit() -> None:
            if thread not in self._tasks:
                queue: asyncio.Queue[Any] = asyncio.Queue()
                self._tasks[thread] = queue, self._loop.create_task(_work(queue))
            self._tasks[thread][0].put_nowait((call, done))

        self._loop.call_soon_threadsafe(submit)
        return done.result()

    def close(self) -> None:
        """End the tasks and the loop."""

        async def end() -> None:
            for _, task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*(task for _, task in self._tasks.values()), return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _work(queue: asyncio.Queue[Any]) -> None:
    while True:
        call, done = await queue.get()
        try:
            done.set_result(await call())
        except Exception as error:  # noqa: BLE001  the test's thread raises it
            done.set_exception(error)


class InStep:
    """An object whose methods are for tasks, with methods for threads; ``same`` is one that is for threads itself."""

    def __init__(self, loop: Loop, target: Any, same: Any = None) -> None:
        self._loop, self._target, self._same = loop, target, same

    def __getattr__(self, name: str) -> Any:
        if self._same is not None and (name == "database" or self._loop.is_here):
            return getattr(self._same, name)
        value = getattr(self._target, name)
        return self._in_task(value) if callable(value) else value

    def acting(self, **said: Any) -> InStep:
        """Return the same with what is said of who acts, and why."""
        other = self._target.acting(**said)
        if self._same is None:
            return _transaction(self._loop, other)
        return InStep(self._loop, other, self._same.acting(**said))

    def transact(self, function: Any) -> Any:
        """Let a thread call the function, which knows nothing of tasks."""
        if not callable(function):
            return self._in_task(self._target.transact)(function)

        async def call(work: Any) -> Any:
            return await asyncio.to_thread(function, _transaction(self._loop, work))

        return self._loop.run(lambda: self._target.transact(call))

    def _in_task(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            async def begin() -> Any:
                begun = method(*arguments, **named)
                # a lock is taken when it is awaited
                return await begun if inspect.isawaitable(begun) else begun

            result = self._loop.run(begin)
            if inspect.isasyncgen(result):
                return self._each(result)
            if hasattr(result, "__aiter__"):
                return _Feed(self._loop, result)
            return self._entered(result) if hasattr(result, "__aenter__") else result

        return call

    def _each(self, values: AsyncGenerator[Any, None]) -> Iterator[Any]:
        async def some() -> tuple[list[Any], Exception | None]:
            items: list[Any] = []
            try:
                while len(items) < _SOME:
                    items.append(await anext(values))
            except Exception as error:  # noqa: BLE001  raised where the iteration has come to it
                return items, error
            return items, None

        try:
            while True:
                items, error = self._loop.run(some)
                yield from items
                if isinstance(error, StopAsyncIteration):
                    return
                if error is not None:
                    raise error
        finally:
            self._loop.run(values.aclose)

    def _entered(self, manager: Any) -> Any:
        if hasattr(manager, "release"):
            return _Lock(self._loop, manager)
        return self._within(manager)

    @contextlib.contextmanager
    def _within(self, manager: Any) -> Iterator[Any]:
        work = self._loop.run(manager.__aenter__)
        try:
            yield _transaction(self._loop, work)
        except BaseException as error:
            left = error  # the name of a clause is gone when the call is made
            if not self._loop.run(lambda: manager.__aexit__(type(left), left, left.__traceback__)):
                raise
        else:
            self._loop.run(lambda: manager.__aexit__(None, None, None))


def used(repository: Any) -> Database:
    """Return the database that a repository uses, of either color."""
    target = vars(repository).get("_target")
    database: Database = repository.database if target is None else target.database.database
    return database


class _Feed:
    """What iterates in a task, and has a cursor; one by one, so that the cursor is where the thread is."""

    def __init__(self, loop: Loop, feed: Any) -> None:
        self._loop, self._feed = loop, feed

    @property
    def cursor(self) -> Any:
        return self._feed.cursor

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        async def one() -> tuple[Any, ...]:
            # no StopIteration comes through a future
            return tuple([each async for each in _first(self._feed)])

        found = self._loop.run(one)
        if not found:
            raise StopIteration
        return found[0]


async def _first(feed: Any) -> AsyncGenerator[Any, None]:
    try:
        yield await anext(feed)
    except StopAsyncIteration:
        return


def _transaction(loop: Loop, work: Any) -> InStep:
    inner = InStep(loop, work)
    # what SQLAlchemy's own session for asyncio does with it
    session = work.session
    vars(inner)["session"] = _Session(loop, session)
    return inner


class _Session:
    """SQLAlchemy's session for asyncio, used from a thread."""

    def __init__(self, loop: Loop, session: Any) -> None:
        self._loop, self._session = loop, session

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            result = getattr(self._session, name)(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        return lambda *arguments, **named: self._loop.run(lambda: call(*arguments, **named))


class _Lock:
    def __init__(self, loop: Loop, lock: Any) -> None:
        self._loop, self._lock = loop, lock

    @property
    def lost(self) -> bool:
        return bool(self._lock.lost)

    def release(self) -> None:
        self._loop.run(self._lock.release)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextlib.contextmanager
def database_for_tasks(url: str, **options: Any) -> Iterator[tuple[Loop, AsyncDatabase]]:
    """Open a database for tasks, with a connection in its pool, and a loop to use it in."""
    loop = Loop()
    try:
        database = AsyncDatabase(url, **options)
        loop.run(AsyncContainerRepository(database).count)
        yield loop, database
        loop.run(database.close)
    finally:
        loop.close()


def repository_for_tasks(opened: tuple[Loop, AsyncDatabase], host: str, database: Database) -> Any:
    """Make a repository for tasks on a database that ``database`` is, too."""
    loop, for_tasks = opened
    return InStep(loop, AsyncContainerRepository(for_tasks, host=host), ContainerRepository(database, host=host))
