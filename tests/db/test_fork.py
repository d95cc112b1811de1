"""A repository that was used before fork(2), as multiprocessing and pre-fork servers do: each process goes on alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.store.samples import put

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import ContainerRepository

pytestmark = pytest.mark.slow

_FORK = """
import os, sys
from persistdb import ContainerRepository, Database, LockNotHeld, LockTimeout

database = Database(sys.argv[1], pool_size=1)
repository = ContainerRepository(database, host="node-1")
repository.get("pod-1", "a")  # the pool has a connection
lock = repository.lock("pod-1")
go, done = os.pipe(), os.pipe()
child = os.fork()
mine = "a" if child else "b"
wrong = 0
if child == 0:
    try:
        lock.release()
        wrong += 1
    except LockNotHeld:
        pass
    try:
        repository.lock("pod-1", timeout=0)
        wrong += 1
    except LockTimeout:
        pass
for i in range(200):
    found = repository.get("pod-1", mine)
    wrong += found.cid != mine or found.record.processes[0].token != f"pod-1-{mine}"
repository.save("pod-1", mine, found.record)
repository.transition("pod-1", mine, "stopped", expected="running")
if child == 0:
    os.write(done[1], b"x")
    os.read(go[0], 1)  # stays, while the parent releases its lock and another takes it
    os._exit(wrong and 1)
os.read(done[0], 1)
lock.release()
with ContainerRepository(Database(sys.argv[1]), host="node-1").lock("pod-1", timeout=0):
    pass
os.write(go[1], b"x")
_, status = os.waitpid(child, 0)
print(wrong, os.waitstatus_to_exitcode(status))
"""


def test_each_process_has_its_own_connections_and_locks(repository: ContainerRepository, store_url: str) -> None:
    """After fork(2) parent and child read and write their own; the parent's locks are not the child's to release."""
    put(repository, "pod-1", "a", "b")
    done = subprocess.run(
        [sys.executable, "-c", _FORK, store_url], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr, done.returncode) == ("0 0\n", "", 0)
    assert {one.record.state for one in repository.iterate()} == {"stopped"}


_THREADS = """
import os, sys, threading
from persistdb import ContainerRepository, Database

repository = ContainerRepository(Database(sys.argv[1], pool_size=5), host="node-1")
stop = threading.Event()

def read():
    while not stop.is_set():
        assert repository.get("pod-1", "a").cid == "a"

threads = [threading.Thread(target=read) for _ in range(3)]
for thread in threads:
    thread.start()
statuses = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        ok = all(repository.get("pod-1", "b").cid == "b" for _ in range(10))
        os._exit(0 if ok else 1)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
print(statuses == [0] * 20)
"""


def test_a_fork_while_other_threads_read(repository: ContainerRepository, store_url: str) -> None:
    """A child that is forked while other threads use all connections has connections of its own."""
    put(repository, "pod-1", "a", "b")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _THREADS, store_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")


_MAKING = """
import os, signal, sys, threading
from persistdb import Database

database = Database(sys.argv[1])
held, over = threading.Event(), threading.Event()

def make():
    with database._making:
        held.set()
        over.wait()

thread = threading.Thread(target=make)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)  # ends it
    database.engine.dispose()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
thread.join()
"""


def test_a_fork_while_another_thread_makes_the_engine(tmp_path: Path) -> None:
    """A child makes its own engine where a thread that it has not was about to make its parent's."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _MAKING, f"sqlite:///{tmp_path}/x.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("0\n", "")


_MEMORY = """
import os
from persistdb import ContainerRepository, Database, SandboxState

repository = ContainerRepository(Database("sqlite://"), host="node-1")
repository.save_sandbox(SandboxState(sid="pod-1"), {})
child = os.fork()
if child == 0:
    os._exit(0 if repository.sandbox_ids() == ["pod-1"] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), repository.sandbox_ids())
"""


def test_a_database_in_memory_is_copied() -> None:
    """The child of a fork has a copy of a database in memory, as of all else in memory."""
    done = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("0 ['pod-1']\n", "")


_POOL = """
import multiprocessing, sys
from persistdb import ContainerRepository, Database

def work(url):
    return [container.cid for container in ContainerRepository(Database(url), host="node-1").find()]

if __name__ == "__main__":
    method, url = sys.argv[1:]
    first = work(url)
    with multiprocessing.get_context(method).Pool(2) as pool:
        print(pool.map(work, [url] * 4) == [first] * 4)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(repository: ContainerRepository, store_url: str, method: str, tmp_path: Path) -> None:
    """Processes of multiprocessing work on the database that their parent uses, whichever way they start."""
    put(repository, "pod-1", "a", "b")
    script = tmp_path / "script.py"
    script.write_text(_POOL)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), method, store_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")
