"""How soon ``persistdb watch`` has a change in the database, and what it costs."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from persistdb import ContainerRepository, Database

from .bounds import WATCH, WATCH_IDLE, WATCH_MEMORY
from .memory import peak
from .results import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = ("running", "paused")
SANDBOX = '{"State":"running","SandboxContainer":"%s","SandboxCgroupPath":"/s","PersistVersion":2}\n'
CONTAINER = (
    '{"State":"%s","CgroupPath":"/c","BundlePath":"","Rootfs":{"BlockDeviceID":"","FsType":"xfs"},'
    '"Process":{"StartTime":"2023-10-01T00:42:25.5Z","Token":"%s","Pid":7},"DeviceMaps":[],"Mounts":[%s]}\n'
)
MOUNTS = ",".join(
    f'{{"Source":"/s/{i}","Destination":"/d/{i}","Type":"bind","HostPath":"/h/{i}","BlockDeviceID":"",'
    '"Options":["rbind"],"ReadOnly":false}'
    for i in range(10)
)


# until what its first pass has left to do is done
_SETTLED = 3


class Effort(NamedTuple):
    """How much is done: sandboxes, changes and how many of them a second, and the seconds without any."""

    sandboxes: int
    changes: int
    rate: float
    idle: float


FULL = Effort(sandboxes=1000, changes=300, rate=10, idle=30)
QUICK = Effort(sandboxes=10, changes=5, rate=10, idle=1)


def measure(url: str, effort: Effort) -> Iterator[Check]:
    """Make sandboxes as Kata's driver writes them, change them at random, and see when the database has it."""
    engine = url.partition(":")[0]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        files = Path(folder, "sbs")
        for number in range(effort.sandboxes):
            _write(files, number, "running")
        command = [sys.executable, "-m", "persistdb", "--db", url, "--host", "n", "watch", str(files)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  of ours
        try:
            with Database(url) as database:
                repository = _opened(database)
                while len(repository.sandbox_ids()) < effort.sandboxes:
                    time.sleep(0.1)
                time.sleep(_SETTLED)
                yield Check(
                    title=f"watch, idle, {effort.sandboxes:,} sandboxes",
                    engine=engine,
                    value=_idle(process.pid, effort.idle),
                    bound=WATCH_IDLE,
                    unit="% of a core",
                    detail=f"in {effort.idle:g} s",
                )
                times = _changes(repository, files, effort)
                yield Check(
                    title="watch, from a file's change to its commit",
                    engine=engine,
                    value=statistics.median(times),
                    bound=WATCH,
                    unit="ms",
                    detail=f"95 % within {times[int(0.95 * len(times))]:.0f} ms, {effort.rate:g} changes/s",
                )
                yield Check(
                    title=f"memory of watch, {effort.sandboxes:,} sandboxes",
                    engine=engine,
                    value=peak(process.pid),
                    bound=WATCH_MEMORY,
                    unit="MB",
                )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _opened(database: Database) -> ContainerRepository:
    while True:
        try:
            return ContainerRepository(database, host="n")
        except Exception:  # noqa: BLE001  the watcher makes the schema just now
            time.sleep(0.2)


def _idle(pid: int, seconds: float) -> float:
    """Return the per cent of a core that a process takes."""
    before = _cpu(pid)
    time.sleep(seconds)
    return 100 * (_cpu(pid) - before) / seconds


def _changes(repository: ContainerRepository, sbs: Path, wanted: Effort) -> list[float]:
    """Change files, and return in how many milliseconds each change was in the database, the shortest first."""
    chance = random.Random(1)  # noqa: S311  no secret
    times, due = [], time.monotonic()
    states = dict.fromkeys(range(wanted.sandboxes), 0)
    feed = repository.events()
    for _ in feed:
        pass
    cursor = feed.cursor
    for _ in range(wanted.changes):
        number = chance.randrange(wanted.sandboxes)
        states[number] ^= 1
        began = time.monotonic()
        _write(sbs, number, STATES[states[number]])
        while True:
            feed = repository.events(after=cursor)
            found = [event.sid for event in feed]
            cursor = feed.cursor
            if f"s{number}" in found:
                break
            time.sleep(0.002)
        times.append(1000 * (time.monotonic() - began))
        due = max(due + 1 / wanted.rate, time.monotonic())
        time.sleep(due - time.monotonic() if due > time.monotonic() else 0)
    return sorted(times)


def _write(sbs: Path, number: int, state: str) -> None:
    for name, text in (
        (f"s{number}/persist.json", SANDBOX % f"s{number}"),
        (f"s{number}/c{number}/persist.json", CONTAINER % (state, f"t{number}", MOUNTS)),
    ):
        path = sbs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:  # O_TRUNC, in place
            file.write(text)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
