"""Many processes that change the same sandboxes at once, and what must be there when they are done.

The commands ``count``, ``grow``, ``hold`` and ``open`` are what the processes do that the tests start.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from persistdb import (
    Conflict,
    ContainerRepository,
    ContainerState,
    Database,
    LockLost,
    Mount,
    Process,
    SandboxState,
    Timeouts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "node-1"
# Patience for machines that are slow or busy: what a test waits for is never this long.
PATIENT = Timeouts(connect=60, busy=60, statement=120, pool=60)


def start(command: str, url: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that does one of the commands."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), command, url, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> list[str]:
    """Wait for the end of a process, and give the lines that it wrote."""
    output, _ = process.communicate(timeout=600)
    if process.returncode != 0:
        raise AssertionError(f"exit status {process.returncode}: {output}")
    return output.splitlines()


def kill(process: subprocess.Popen[str]) -> None:
    """End a process as a crash does."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


# --- many change the same


def count(url: str, worker: int, changes: int, sandboxes: int, locks: bool) -> None:
    """Add one to a number of this worker's own in one sandbox or another; tell what was acknowledged."""
    acknowledged: Counter[str] = Counter()
    with Database(url, timeouts=PATIENT, retries=1000) as database:
        repository = ContainerRepository(database, host=HOST)
        for change in range(changes):
            sid = f"pod-{random.randrange(sandboxes)}"
            if locks:
                with repository.lock(sid, timeout=600):
                    _add_one(repository, sid, worker, whole=change % 2 == 0, checked=False)
            else:
                while True:
                    try:
                        _add_one(repository, sid, worker, whole=change % 2 == 0, checked=True)
                    except Conflict:
                        continue
                    break
            acknowledged[sid] += 1
    print(json.dumps(acknowledged))


def _add_one(repository: ContainerRepository, sid: str, worker: int, *, whole: bool, checked: bool) -> None:
    if whole:
        sandbox = repository.load_sandbox(sid)
        containers = {cid: one.record for cid, one in sandbox.containers.items()}
        containers["numbers"] = _one_more(containers["numbers"], worker)
        repository.save_sandbox(sandbox.record, containers, revision=sandbox.revision if checked else None)
    else:
        one = repository.get(sid, "numbers")
        record = _one_more(one.record, worker)
        repository.save(sid, "numbers", record, revision=one.revision if checked else None)


def _one_more(record: ContainerState, worker: int) -> ContainerState:
    processes = list(record.processes)
    processes[worker] = Process(token=f"worker-{worker}", pid=processes[worker].pid + 1)
    return ContainerState(state=record.state, mounts=record.mounts, processes=processes)


def run_counting(url: str, *, processes: int, changes: int, sandboxes: int, locks: bool) -> None:
    """Let many processes count, and see that every acknowledged change is there."""
    with Database(url, timeouts=PATIENT) as database:
        repository = ContainerRepository(database, host=HOST)
        numbers = ContainerState(
            state="running",
            mounts=[Mount(destination=f"/{i}") for i in range(10)],
            processes=[Process(token=f"worker-{worker}") for worker in range(processes)],
        )
        for i in range(sandboxes):
            others = {f"other-{j}": ContainerState(mounts=[Mount()]) for j in range(3)}
            repository.save_sandbox(SandboxState(sid=f"pod-{i}"), {"numbers": numbers, **others})
        workers = [start("count", url, worker, changes, sandboxes, int(locks)) for worker in range(processes)]
        for worker, lines in enumerate([end(process) for process in workers]):
            acknowledged = json.loads(lines[-1])
            assert sum(acknowledged.values()) == changes
            for i in range(sandboxes):
                process = repository.get(f"pod-{i}", "numbers").record.processes[worker]
                assert process.pid == acknowledged.get(f"pod-{i}", 0), (worker, i)
        for i in range(sandboxes):
            assert repository.load_sandbox(f"pod-{i}").revision > changes * processes // sandboxes // 10


# --- killed at any moment


def grow(url: str, sid: str) -> None:
    """Save a sandbox in one generation after the other, and tell each that was acknowledged."""
    with Database(url, timeouts=PATIENT, retries=1000) as database:
        repository = ContainerRepository(database, host=HOST)
        generation = generation_of(repository, sid)
        while True:
            generation += 1
            repository.save_sandbox(*sandbox_of(sid, generation))
            print(generation, flush=True)


def sandbox_of(sid: str, generation: int) -> tuple[SandboxState, dict[str, ContainerState]]:
    """A sandbox of which each row tells the generation."""
    name = str(generation)
    containers = {
        f"c{i}": ContainerState(
            state=name,
            rootfs=Mount(source=name),
            mounts=[Mount(destination=name) for _ in range(1 + (generation + i) % 4)],
            processes=[Process(token=f"{name}-{i}")],
        )
        for i in range(1 + generation % 3)
    }
    return SandboxState(sid=sid, state=name), containers


def generation_of(repository: ContainerRepository, sid: str) -> int:
    """The generation that a sandbox is in, wholly; 0 if there is none."""
    return state_of(repository, sid)[0]


def state_of(repository: ContainerRepository, sid: str) -> tuple[int, int]:
    """The generation that a sandbox is in, wholly, and its revision; 0 and 0 if there is none."""
    if sid not in repository.sandbox_ids():
        return 0, 0
    found = repository.load_sandbox(sid)
    generation = int(found.record.state)
    record, containers = sandbox_of(sid, generation)
    assert found.record == record
    assert {cid: one.record for cid, one in found.containers.items()} == containers
    return generation, found.revision


def run_killing(url: str, *, processes: int, kills: int) -> None:
    """Kill processes that save a sandbox each, and see that each sandbox is whole and no older than acknowledged."""
    with Database(url, timeouts=PATIENT) as database:
        repository = ContainerRepository(database, host=HOST)
        for _ in range(kills):
            growing = {f"pod-{i}": start("grow", url, f"pod-{i}") for i in range(processes)}
            for sid, process in growing.items():
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(random.randint(1, 8))]
                process.kill()
                # what it wrote before it died was acknowledged too; the last line may be cut
                lines += [line for line in process.stdout if line.endswith("\n")]
                kill(process)
                assert generation_of(repository, sid) >= int(lines[-1])
        assert unmatched(database) == []


def unmatched(database: Database) -> list[tuple[object, ...]]:
    """Return the containers whose row, lifetime and last event say different things of them, with these."""
    last = "SELECT max(e.id) FROM event AS e WHERE e.container_id = life.id"
    query = (
        "SELECT life.id, life.removed_at, now.revision, told.kind, told.revision FROM container_lifetime AS life"
        " LEFT JOIN container AS now ON now.id = life.id"
        f" LEFT JOIN event AS told ON told.id = ({last})"
        " WHERE told.id IS NULL OR (now.id IS NULL) <> (told.kind = 'removed')"
        " OR (now.id IS NULL) <> (life.removed_at IS NOT NULL) OR now.revision <> told.revision"
    )
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


# --- locks, and first use


def hold(url: str, sid: str, shared: bool, lease: float) -> None:
    """Take a lock, tell so and its number, and hold it until the standard input ends; tell whether it was lost."""
    with Database(url, timeouts=Timeouts(lease=lease)) as database:
        lock = ContainerRepository(database, host=HOST).lock(sid, shared=shared, timeout=60)
        print(f"held {lock.fencing_number}", flush=True)
        sys.stdin.read()
        print("lost" if lock.lost else "held")
        try:
            lock.release()
        except LockLost as error:
            print(error)


def open_(url: str) -> None:
    """Wait for the word, then use the database for the first time."""
    print("ready", flush=True)
    sys.stdin.readline()
    with Database(url, timeouts=PATIENT) as database:
        print(ContainerRepository(database, host=HOST).count())


def main(arguments: Iterable[str]) -> None:
    """Do what a process is started for."""
    command, *rest = arguments
    if command == "count":
        url, *numbers = rest
        count(url, *map(int, numbers[:3]), locks=numbers[3] == "1")
    elif command == "grow":
        grow(*rest)
    elif command == "hold":
        hold(rest[0], rest[1], rest[2] == "1", float(rest[3]))
    else:
        open_(*rest)


if __name__ == "__main__":
    main(sys.argv[1:])
