"""Many at once: processes, threads, locks, and processes that die."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from persistdb import Database
from persistdb.errors import AlreadyExists, Conflict, LockNotHeld, LockTimeout, NotFound, StateMismatch
from persistdb.records import Mount, Process, SandboxWrite
from persistdb.store.repository import ContainerRepository

from . import stress
from .samples import SANDBOX, container, put, records, sandbox

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

COLORS = ("threads", "tasks")

T = TypeVar("T")

# `make stress` runs the same at full size.
FULL = "PERSISTDB_STRESS" in os.environ
PROCESSES, CHANGES, SANDBOXES, KILLS = (8, 200, 10, 50) if FULL else (4, 25, 3, 4)


def at_once(calls: list[Callable[[], T]]) -> list[T | Exception]:
    """Make calls in threads that start together, and give what each returned or raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        barrier.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001  tests look at it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def patient(store_url: str) -> Iterator[ContainerRepository]:
    """Give a repository that waits as long as a busy machine needs."""
    with Database(store_url, timeouts=stress.PATIENT, pool_size=8, retries=200) as database:
        yield ContainerRepository(database, host="node-1")


# --- processes


@pytest.mark.slow
@pytest.mark.parametrize("locks", [False, True], ids=["without locks", "with locks"])
def test_no_change_is_lost(store_url: str, locks: bool) -> None:
    """Of processes that read, change and save the same sandboxes, every acknowledged change is there."""
    stress.run_counting(store_url, processes=PROCESSES, changes=CHANGES, sandboxes=SANDBOXES, locks=locks)


@pytest.mark.slow
def test_killed_processes_leave_whole_sandboxes(store_url: str) -> None:
    """A process that is killed while it saves leaves its sandbox as it was before or after, and never in between."""
    stress.run_killing(store_url, processes=2, kills=KILLS)


@pytest.mark.slow
def test_a_database_is_made_once(database_url: str) -> None:
    """Of several processes that use an empty database at once for the first time, none fails."""
    processes = [stress.start("open", database_url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [stress.end(process) for process in processes] == [["0"]] * 4


# --- threads


def test_threads_share_a_repository(patient: ContainerRepository) -> None:
    """Threads may share a repository: every acknowledged change is there."""
    put(patient, "pod-1", "a")

    def add() -> None:
        for _ in range(10):
            while True:
                one = patient.get("pod-1", "a")
                record = container(processes=[Process(pid=one.record.processes[0].pid + 1)])
                try:
                    patient.save("pod-1", "a", record, revision=one.revision)
                except Conflict:
                    continue
                break

    assert at_once([add] * 6) == [None] * 6
    assert patient.get("pod-1", "a").record.processes[0].pid == 4242 + 60


def test_one_of_many_transitions(patient: ContainerRepository) -> None:
    """Of several who move a container from the same state at once, one does, and the others are told."""
    put(patient, "pod-1", "a")
    results = at_once([lambda: patient.transition("pod-1", "a", "stopped", expected="running")] * 6)
    assert results.count(None) == 1
    assert {type(result) for result in results if result} == {StateMismatch}
    assert patient.get("pod-1", "a").revision == 2


def test_one_of_many_creations(patient: ContainerRepository) -> None:
    """Of several who create the same sandbox or container at once, one does, and the others are told."""
    results = at_once([lambda: patient.save_sandbox(SANDBOX, {"a": container("a")}, revision=0)] * 6)
    assert results.count(1) == 1
    assert {type(result) for result in results if result != 1} == {Conflict}
    results = at_once([lambda: patient.save("pod-1", "b", container("b"), revision=0)] * 6)
    assert len([result for result in results if isinstance(result, int)]) == 1
    assert {type(result) for result in results if not isinstance(result, int)} == {Conflict}
    assert sorted(records(patient, "pod-1")) == ["a", "b"]


def test_different_containers_at_once(patient: ContainerRepository) -> None:
    """Several who add, change and delete different containers of a sandbox at once all succeed."""
    put(patient, "pod-1", *(f"old-{i}" for i in range(4)))
    calls: list[Callable[[], object]] = []
    for i in range(4):
        calls += [
            lambda i=i: patient.save("pod-1", f"new-{i}", container(f"new-{i}")),
            lambda i=i: patient.save("pod-1", f"old-{i}", container(f"changed-{i}", mounts=[])) if i % 2 else 0,
            lambda i=i: patient.delete("pod-1", f"old-{i}") if i % 2 == 0 else 0,
        ]
    assert [result for result in at_once(calls) if isinstance(result, Exception)] == []
    assert sorted(records(patient, "pod-1")) == ["new-0", "new-1", "new-2", "new-3", "old-1", "old-3"]


def test_one_of_many_takes_a_token(patient: ContainerRepository) -> None:
    """Of several containers that take the same token at once, one gets it, and the others are told who has it."""
    patient.save_sandbox(SANDBOX, {})
    results = at_once([lambda i=i: patient.save("pod-1", f"c{i}", container("token")) for i in range(5)])  # type: ignore[misc]  # a default binds the loop's value
    (winner,) = records(patient, "pod-1")
    errors = [result for result in results if isinstance(result, Exception)]
    assert len(errors) == 4
    for error in errors:
        assert isinstance(error, AlreadyExists)
        assert winner in error.holders


def test_whole_saves_do_not_mix(patient: ContainerRepository) -> None:
    """Of several who save the same sandbox without a revision, the last wins, wholly."""
    wanted = [
        {
            f"c{j}": container(f"{i}-{j}", state=str(i), mounts=[Mount(source=str(i))] * (1 + i))
            for j in range(1 + i % 3)
        }
        for i in range(6)
    ]

    def save(i: int) -> None:
        for _ in range(5):
            patient.save_sandbox(sandbox("pod-1", state=str(i)), wanted[i])

    assert at_once([lambda i=i: save(i) for i in range(6)]) == [None] * 6  # type: ignore[misc]
    found = patient.load_sandbox("pod-1")
    assert {cid: one.record for cid, one in found.containers.items()} == wanted[int(found.record.state)]


def test_opposite_orders(patient: ContainerRepository) -> None:
    """Bulk saves of the same sandboxes in opposite orders, as they deadlock, all succeed."""
    sids = [f"pod-{i}" for i in range(10)]

    def save(order: list[str], state: str) -> None:
        for _ in range(5):
            patient.save_many(
                SandboxWrite(sid=sid, containers={"a": container("a", state=state), state: container(state)})
                for sid in order
            )

    calls = [lambda: save(sids, "x"), lambda: save(sids[::-1], "y"), lambda: save(sids[5:] + sids[:5], "z")]
    assert at_once(calls) == [None] * 3
    for sid in sids:
        assert len(records(patient, sid)) == 2


def test_destroyed_under_a_save(patient: ContainerRepository) -> None:
    """A sandbox that is destroyed again and again while others save it is there whole or not at all, without errors."""
    wanted = {"a": container("a"), "b": container("b")}

    def save() -> None:
        for i in range(10):
            patient.save_sandbox(sandbox("pod-1", state=str(i)), wanted)

    def destroy() -> None:
        for _ in range(10):
            patient.destroy_sandbox("pod-1")

    def save_one() -> None:
        for i in range(10):
            try:
                patient.save("pod-1", "a", container("a", state=str(i)))
            except NotFound:
                continue

    assert at_once([save, destroy, save_one]) == [None] * 3
    patient.save_sandbox(sandbox("pod-1"), wanted)
    assert records(patient, "pod-1") == wanted


def test_reads_see_whole_sandboxes(patient: ContainerRepository) -> None:
    """Who reads while others save sees a sandbox before or after a save, never in between."""
    done = threading.Event()

    def save() -> None:
        for generation in range(1, 25):
            patient.save_sandbox(*stress.sandbox_of("pod-1", generation))
        done.set()

    def read() -> None:
        while not done.is_set():
            stress.generation_of(patient, "pod-1")

    assert at_once([save, read, read]) == [None] * 3


# --- locks


@pytest.fixture
def second(store_url: str) -> Iterator[ContainerRepository]:
    """Give the same host's repository through a database object of its own, as another process has."""
    with Database(store_url) as database:
        yield ContainerRepository(database, host="node-1")


@pytest.fixture
def holder(store_url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes that hold a lock."""
    started: list[subprocess.Popen[str]] = []

    def hold(sid: str, *, shared: bool = False) -> subprocess.Popen[str]:
        process = stress.start("hold", store_url, sid, int(shared), 3600)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("held ")
        return process

    yield hold
    for process in started:
        stress.kill(process)


def test_exclusive_locks_exclude(repository: ContainerRepository, second: ContainerRepository) -> None:
    """An exclusive lock keeps out exclusive and shared ones, through any database object, until it is released."""
    lock = repository.lock("pod-1")
    for other in (repository, second):
        for shared in (False, True):
            with pytest.raises(LockTimeout) as caught:
                other.lock("pod-1", shared=shared, timeout=0)
            assert (caught.value.sid, caught.value.timeout) == ("pod-1", 0)
            assert caught.value.holders
    lock.release()
    second.lock("pod-1", timeout=0).release()


def test_shared_locks_coexist(repository: ContainerRepository, second: ContainerRepository) -> None:
    """Shared locks coexist, and together keep an exclusive one out until the last is released."""
    locks = [one.lock("pod-1", shared=True, timeout=0) for one in (repository, repository, second)]
    for lock in locks:
        with pytest.raises(LockTimeout):
            second.lock("pod-1", timeout=0.05)
        lock.release()
    second.lock("pod-1", timeout=0).release()


def test_locks_of_different_sandboxes(repository: ContainerRepository) -> None:
    """Locks of other sandboxes and of other hosts are other locks; the sandbox need not exist."""
    other_host = ContainerRepository(repository.database, host="node-2")
    with (
        repository.lock("pod-1", timeout=0),
        repository.lock("pod-2", timeout=0),
        repository.lock("POD-1", timeout=0),
        repository.lock("pod-1 ", timeout=0),
        other_host.lock("pod-1", timeout=0),
        pytest.raises(LockTimeout),
    ):
        repository.lock("pod-1", timeout=0)


def test_a_lock_is_released_once(repository: ContainerRepository) -> None:
    """A second release is an error, and does not release another's lock."""
    lock = repository.lock("pod-1")
    lock.release()
    with repository.lock("pod-1", timeout=0):
        with pytest.raises(LockNotHeld) as caught:
            lock.release()
        assert caught.value.sid == "pod-1"
        with pytest.raises(LockTimeout):
            repository.lock("pod-1", timeout=0)
    with pytest.raises(LockNotHeld), repository.lock("pod-1") as lock:
        lock.release()


def test_a_lock_ends_with_its_block(repository: ContainerRepository) -> None:
    """A lock is released at the end of its block, also when that raises."""
    with pytest.raises(ZeroDivisionError), repository.lock("pod-1"):
        _ = 1 / 0
    repository.lock("pod-1", timeout=0).release()


def test_who_waits_gets_the_lock(repository: ContainerRepository, second: ContainerRepository) -> None:
    """Who waits for a lock gets it when it is released, shared and exclusive alike."""
    for shared in (False, True):
        lock = repository.lock("pod-1")
        started = threading.Event()

        def wait(shared: bool = shared, started: threading.Event = started) -> str:
            started.set()
            with second.lock("pod-1", shared=shared, timeout=60):
                return "held"

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(wait)
            started.wait()
            assert not waiting.done()
            lock.release()
            assert waiting.result() == "held"


def test_locks_do_not_block_those_who_do_not_ask(repository: ContainerRepository, second: ContainerRepository) -> None:
    """Saves and reads go on while another holds a sandbox's lock."""
    put(repository, "pod-1", "a")
    with repository.lock("pod-1"):
        second.save("pod-1", "a", container(state="paused"))
        second.transition("pod-1", "a", "stopped", expected="paused")
        second.save_sandbox(sandbox("pod-1"), {"b": container()})
        assert sorted(second.load_sandbox("pod-1").containers) == ["b"]
        assert second.destroy_sandbox("pod-1") is True


def test_a_lock_outlives_its_sandbox(repository: ContainerRepository, second: ContainerRepository) -> None:
    """A lock stays held while the sandbox is destroyed and created again."""
    put(repository, "pod-1", "a")
    with repository.lock("pod-1"):
        repository.destroy_sandbox("pod-1")
        put(repository, "pod-1", "a")
        with pytest.raises(LockTimeout):
            second.lock("pod-1", timeout=0)


def test_more_locks_than_connections(repository: ContainerRepository) -> None:
    """Locks take none of the connections that saves and reads need."""
    locks = [repository.lock(f"pod-{i}", timeout=0) for i in range(7)]
    put(repository, "pod-1", "a")
    for lock in locks:
        lock.release()


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True], ids=["exclusive", "shared"])
def test_a_lock_of_another_process(
    repository: ContainerRepository, holder: Callable[..., subprocess.Popen[str]], shared: bool
) -> None:
    """A lock of another process keeps others out, the error names the process, and its end frees the lock."""
    process = holder("pod-1", shared=shared)
    with pytest.raises(LockTimeout) as caught:
        repository.lock("pod-1", timeout=0.05)
    (named,) = caught.value.holders
    assert named in str(caught.value)
    assert named.startswith(f"process {process.pid} on {socket.gethostname()} (python")
    process.communicate()
    repository.lock("pod-1", timeout=60).release()


@pytest.mark.slow
def test_a_killed_process_holds_no_lock(
    repository: ContainerRepository, holder: Callable[..., subprocess.Popen[str]]
) -> None:
    """A lock of a process that is killed is free at once, however long its lease, for who waits as for who comes."""
    process = holder("pod-1")
    with ThreadPoolExecutor(1) as pool:
        waiting: Any = pool.submit(repository.lock, "pod-1", timeout=60)
        stress.kill(process)
        waiting.result().release()
    repository.lock("pod-1", timeout=0).release()
