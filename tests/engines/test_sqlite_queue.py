"""The queue for the write lock of a SQLite file: fair to all who wait, and in nobody's way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from statistics import median
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from persistdb import (
    AsyncContainerRepository,
    AsyncDatabase,
    Busy,
    ContainerRepository,
    ContainerState,
    Database,
    SandboxState,
    Timeouts,
)
from persistdb.engines.sqlite import queue
from persistdb.engines.sqlite.queue import Queue
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WRITERS = 8
_ENOUGH = 200

# Forks writers that save as often as they can, until one of them has saved often enough; says how often each did.
_RACE = """
import os, sys
from pathlib import Path
from persistdb import ContainerRepository, ContainerState, Database, Timeouts
url, over, writers, enough = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
start, ready, done = os.pipe(), os.pipe(), os.pipe()
for writer in range(writers):
    if os.fork() == 0:
        with Database(url, timeouts=Timeouts(busy=60)) as database:
            repository, saves = ContainerRepository(database, host="node-1"), 0
            repository.save(f"pod-{writer}", "a", ContainerState(state="first"))
            os.write(ready[1], b"x")
            os.read(start[0], 1)
            while not over.exists():
                repository.save(f"pod-{writer}", "a", ContainerState(state=str(saves)))
                saves += 1
                if saves == enough:
                    over.touch()
            os.write(done[1], f"{saves}\\n".encode())
        os._exit(0)
for writer in range(writers):
    os.read(ready[0], 1)
os.write(start[1], b"x" * writers)
for writer in range(writers):
    os.wait()
os.close(done[1])
print(os.read(done[0], 4096).decode())
"""

# Takes its turn and keeps it until it is killed. With "fork", it leaves a child.
_HOLDER = """
import os, sys
from pathlib import Path
from persistdb.engines.sqlite.queue import Queue
with Queue(Path(sys.argv[1]), None, 0):
    if "fork" in sys.argv and os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print("ready", flush=True)
    sys.stdin.read()
"""


class _Driver:
    """A connection of the driver, as far as a queue uses it: it sets how long SQLite waits."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def execute(self, sql: str) -> _Driver:
        self.sent.append(sql)
        return self

    def close(self) -> None:
        pass


@contextlib.contextmanager
def place(path: Path, busy: float = 3600.0) -> Iterator[Queue]:
    queue = Queue(path, _Driver(), busy)
    try:
        yield queue
    finally:
        queue.close()


def _start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_writers_get_their_turns_alike(tmp_path: Path) -> None:
    """Of 8 processes that save as fast as they can, none waits for a save more than 3 times as long as the median."""
    url, over = f"sqlite:///{tmp_path}/fair.db", tmp_path / "over"
    with Database(url) as database:
        repository = ContainerRepository(database, host="node-1")
        for writer in range(_WRITERS):
            put(repository, f"pod-{writer}", "a")
    race = _start(_RACE, url, over, _WRITERS, _ENOUGH)
    saves = [int(line) for line in race.communicate()[0].split()]
    assert len(saves) == _WRITERS
    assert min(saves) * 3 >= median(saves), saves


def test_who_came_first_goes_first(tmp_path: Path) -> None:
    """Those who wait go on in the order in which they came, whoever looks first when the turn is free."""
    order: list[int] = []
    with contextlib.ExitStack() as stack:
        first, *others = (stack.enter_context(place(tmp_path / "queue")) for _ in range(6))

        def go(number: int, queue: Queue) -> None:
            with queue:
                order.append(number)

        threads = [threading.Thread(target=go, args=(number, queue)) for number, queue in enumerate(others)]
        with first:
            for number, thread in enumerate(threads):
                thread.start()
                while len(first.waiting()) < number + 2:
                    pass
        for thread in threads:
            thread.join()
    assert order == list(range(5))


@pytest.mark.parametrize("child", ["", "fork"])
def test_the_dead_stand_in_nobodys_way(tmp_path: Path, child: str) -> None:
    """A process that is killed while it writes, or waits to, loses its turn at once, even if a child of it lives on."""
    dead = _start(_HOLDER, tmp_path / "queue", child)
    assert dead.stdout
    assert dead.stdin
    assert dead.stdout.readline() == "ready\n"
    dead.kill()
    dead.wait()
    with place(tmp_path / "queue") as queue, queue:
        assert len(queue.waiting()) == 1
    dead.stdin.close()
    dead.stdout.close()


def test_the_stopped_stand_in_nobodys_way(tmp_path: Path) -> None:
    """A process that is stopped while it waits, and holds no lock of SQLite's, holds up nobody else."""
    url = f"sqlite:///{tmp_path}/stopped.db"
    with Database(url, timeouts=Timeouts(busy=3600, call=3600)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        stopped = _start(_HOLDER, tmp_path / "stopped.db-queue")
        assert stopped.stdout
        assert stopped.stdin
        assert stopped.stdout.readline() == "ready\n"
        stopped.send_signal(signal.SIGSTOP)
        repository.save("pod-1", "a", ContainerState(state="saved"))
        stopped.kill()
        stopped.wait()
        stopped.stdin.close()
        stopped.stdout.close()
        assert repository.get("pod-1", "a").record.state == "saved"


def test_a_wait_in_vain(tmp_path: Path) -> None:
    """Who has waited in the queue for as long as a writer may does not wait for SQLite's lock as long again."""
    driver = _Driver()
    with place(tmp_path / "queue") as first, first:
        queue = Queue(tmp_path / "queue", driver, 0.05)
        with queue:
            pass
        queue.close()
    assert driver.sent == ["PRAGMA busy_timeout = 0", "PRAGMA busy_timeout = 50"]


@pytest.mark.usefixtures("connections")
def test_a_writer_without_a_place(tmp_path: Path) -> None:
    """Where all places are taken, or the queue cannot be opened, a save waits as SQLite does, and Busy is its error."""
    url = f"sqlite:///{tmp_path}/full.db"
    with Database(url) as database, contextlib.ExitStack() as stack:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        with contextlib.suppress(BlockingIOError):
            while True:
                stack.enter_context(place(tmp_path / "full.db-queue"))
        with Database(url, timeouts=Timeouts(busy=0.05)) as other:
            ContainerRepository(other, host="node-1").save("pod-1", "a", ContainerState(state="paused"))
            with database.session(write=True) as session:
                session.execute(text("SELECT 1"))
                with pytest.raises(Busy):
                    ContainerRepository(other, host="node-1").save("pod-1", "a", ContainerState())
        assert repository.get("pod-1", "a").record.state == "paused"


@pytest.mark.usefixtures("connections")
def test_a_planted_queue(tmp_path: Path) -> None:
    """A symbolic link in the place of the queue is not followed: its target stays as it is, and saves go on."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    (tmp_path / "planted.db-queue").symlink_to(target)
    with Database(f"sqlite:///{tmp_path}/planted.db") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    assert target.read_bytes() == b""


@pytest.mark.usefixtures("connections")
def test_another_users_queue(tmp_path: Path) -> None:
    """A file of another user in the place of the queue is left alone, and saves go on."""
    planted = tmp_path / "planted.db-queue"
    planted.write_bytes(b"")
    try:
        os.chown(planted, 65534, 65534)
    except PermissionError:
        pytest.skip("only root can make a file another user's")
    with Database(f"sqlite:///{tmp_path}/planted.db") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    assert planted.read_bytes() == b""


@pytest.mark.usefixtures("connections")
def test_nothing_stays(tmp_path: Path) -> None:
    """A database that is closed has closed its places, too, and the last one removes the file."""

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    with Database(f"sqlite:///{tmp_path}/closed.db") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
        assert descriptors() > before
    assert descriptors() == before
    assert [path.name for path in tmp_path.iterdir()] == ["closed.db"]


@pytest.mark.usefixtures("connections")
def test_a_database_of_two_names(tmp_path: Path) -> None:
    """Writers that know the database by a symlink are in the same queue."""
    with Database(f"sqlite:///{tmp_path}/real.db") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
        (tmp_path / "name.db").symlink_to("real.db")
        with Database(f"sqlite:///{tmp_path}/name.db") as other:
            put(ContainerRepository(other, host="node-1"), "pod-2", "a")
            assert [path.name for path in tmp_path.glob("*-queue")] == ["real.db-queue"]


def test_an_interrupt_of_a_turn(tmp_path: Path) -> None:
    """An interrupt while a transaction begins, which closes the connection, comes through, and the next one writes."""
    with Database(f"sqlite:///{tmp_path}/persistdb.db") as database:
        repository = ContainerRepository(database, host="node-1")

        def interrupt(_connection: object, _cursor: object, sql: str, *_: object) -> None:
            if sql == "BEGIN IMMEDIATE":
                raise KeyboardInterrupt

        event.listen(database.engine, "after_cursor_execute", interrupt)
        with pytest.raises(KeyboardInterrupt), database.session(write=True) as session:
            session.connection()
        event.remove(database.engine, "after_cursor_execute", interrupt)
        repository.save_sandbox(SandboxState(sid="pod-1"), {})
        assert repository.sandbox_ids() == ["pod-1"]


def test_tasks_that_look_whether_the_lock_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that looked whether the first in the queue still writes is in nobody's way when the error is collected."""
    monkeypatch.setattr(queue, "_DOUBT", 0)
    url = f"sqlite:///{tmp_path}/x.db"
    with Database(url) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", *(f"c{number}" for number in range(10)))

    async def change(repository: AsyncContainerRepository, number: int) -> None:
        await repository.update("pod-1", f"c{number % 10}", lambda record: record.replace(bundle_path=f"/{number}"))
        gc.collect()

    async def main() -> None:
        patient = Timeouts(busy=600, pool=600, call=600)
        async with AsyncDatabase(url, pool_size=5, timeouts=patient) as database:
            repository = AsyncContainerRepository(database, host="node-1")
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(change(repository, number))

    gc.freeze()  # what other tests left is not looked through each time
    try:
        asyncio.run(main())
    finally:
        gc.unfreeze()
    with Database(url) as database:
        paths = {one.cid: one.record.bundle_path for one in ContainerRepository(database, host="node-1").find()}
    assert {cid: int(path[1:]) % 10 for cid, path in paths.items()} == {f"c{number}": number for number in range(10)}
