"""How soon ``persistdb watch`` has a change in the database, and what it costs: ``python -m benchmarks.watching``."""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from persistdb import ContainerRepository, Database

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


def main() -> None:
    """Make sandboxes as Kata's driver writes them, change them at random, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandboxes", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--rate", type=float, default=10, help="changes a second")
    parser.add_argument("--idle", type=float, default=30, help="seconds")
    parser.add_argument("--url", help="an empty database; by default a SQLite file")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as files, tempfile.TemporaryDirectory() as store:
        _measure(Path(files, "sbs"), wanted.url or f"sqlite:///{store}/state.db", wanted)


def _measure(sbs: Path, url: str, wanted: argparse.Namespace) -> None:
    for number in range(wanted.sandboxes):
        _write(sbs, number, "running")
    began = time.monotonic()
    command = [sys.executable, "-m", "persistdb", "--db", url, "--host", "n", "watch", str(sbs)]
    process = subprocess.Popen(command)  # noqa: S603  of ours
    try:
        with Database(url) as database:
            repository = _opened(database)
            while len(repository.sandbox_ids()) < wanted.sandboxes:
                time.sleep(0.1)
            print(f"first pass over {wanted.sandboxes} sandboxes: {time.monotonic() - began:.1f} s with its start")
            time.sleep(3)
            _idle(process.pid, wanted.idle)
            _changes(repository, sbs, wanted)
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
            print(f"memory: {int(peak) / 1024:.0f} MiB at the most")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _opened(database: Database) -> ContainerRepository:
    while True:
        try:
            return ContainerRepository(database, host="n")
        except Exception:  # noqa: BLE001  the watcher makes the schema just now
            time.sleep(0.2)


def _idle(pid: int, seconds: float) -> None:
    before = _cpu(pid)
    time.sleep(seconds)
    print(f"idle: {100 * (_cpu(pid) - before) / seconds:.2f} % of a core, over {seconds:g} s")


def _changes(repository: ContainerRepository, sbs: Path, wanted: argparse.Namespace) -> None:
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
    times.sort()
    print(
        f"from the file's change to its commit, {wanted.rate:g} changes/s: median {statistics.median(times):.0f} ms, "
        f"95 % {times[int(0.95 * len(times))]:.0f} ms, most {times[-1]:.0f} ms"
    )


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


if __name__ == "__main__":
    main()
