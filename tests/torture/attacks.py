"""Attacks on programs, servers, the network between them, the disk, the clock and the library."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from persistdb import CommitUnknown, Database, StorageFull, Unavailable
from persistdb.engines.sqlite import library
from persistdb.reports import readonly
from persistdb.store.repository import ContainerRepository
from tests.servers import disks, on_small_disk
from tests.store import stress

from . import writers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .targets import Target


class Skipped(Exception):
    """This machine lacks what the attack takes."""


@dataclass(frozen=True)
class Tried:
    """What an attack did: single acts (kills, statements, rows), acknowledged saves, sandboxes looked up in it."""

    acts: int
    saves: int = 0
    looked_up: int = 0


def kill_writers(chance: random.Random, target: Target, _: Path) -> Tried:
    """Kill processes that save (SIGKILL): each sandbox is whole, and as new as its last acknowledged save."""
    saves = writers.attack(chance, target, lambda: time.sleep(chance.uniform(0.05, 0.5)))
    return Tried(1, saves)


def kill_server(chance: random.Random, target: Target, _: Path) -> Tried:
    """Kill the server (SIGKILL) while processes save, and start it again."""
    server = target.server
    assert server is not None

    def act() -> None:
        time.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        server.start()
        time.sleep(chance.uniform(0.05, 0.5))

    try:
        return Tried(1, writers.attack(chance, target, act))
    finally:
        server.start()


def freeze_server(chance: random.Random, target: Target, _: Path) -> Tried:
    """Stop the server where it is (SIGSTOP) while processes save, and let it go on."""
    assert target.server is not None
    daemon = target.server.daemon

    def act() -> None:
        time.sleep(chance.uniform(0.05, 0.3))
        with daemon.frozen():
            time.sleep(_freeze(chance))
        time.sleep(chance.uniform(0.0, 0.3))

    return Tried(1, writers.attack(chance, target, act))


def _freeze(chance: random.Random) -> float:
    """Return seconds: mostly few, and at times more than a writer waits."""
    return chance.uniform(5.5, 7.5) if chance.random() < 0.15 else chance.uniform(0.05, 1.5)


def cut_connections(chance: random.Random, target: Target, _: Path) -> Tried:
    """Cut all connections at any byte, several times, while processes save."""
    proxy = target.proxy
    assert proxy is not None
    cuts = chance.randint(1, 6)

    def act() -> None:
        for _ in range(cuts):
            time.sleep(chance.uniform(0.01, 0.2))
            proxy.drop()

    return Tried(cuts, writers.attack(chance, target, act))


def freeze_connections(chance: random.Random, target: Target, _: Path) -> Tried:
    """Let nothing pass on connections that stay open, then let go on or cut them; new ones pass, or not."""
    proxy = target.proxy
    assert proxy is not None
    freezes = chance.randint(1, 3)

    def act() -> None:
        for _ in range(freezes):
            time.sleep(chance.uniform(0.01, 0.3))
            with proxy.frozen(fresh=chance.random() < 0.5):
                time.sleep(_freeze(chance) if freezes == 1 else chance.uniform(0.05, 0.8))
                if chance.random() < 0.5:
                    proxy.drop()
        time.sleep(chance.uniform(0.0, 0.3))

    return Tried(freezes, writers.attack(chance, target, act))


def delay_connections(chance: random.Random, target: Target, _: Path) -> Tried:
    """Tear what is sent into pieces at any byte, and send each late; at times cut in between."""
    proxy = target.proxy
    assert proxy is not None
    longest = chance.choice([0.001, 0.01, 0.1])
    cut = chance.random() < 0.5
    # the proxy's threads draw in no certain order, and must not change what this attack draws
    own = random.Random(chance.random())
    passed = 0

    def pieces(data: bytes) -> Iterator[tuple[float, bytes]]:
        nonlocal passed
        passed += 1
        at = own.randint(0, len(data))
        for piece in (data[:at], data[at:]):
            if piece:
                yield own.uniform(0, longest), piece

    def act() -> None:
        proxy.slow(pieces)
        time.sleep(chance.uniform(0.3, 1.5))
        if cut:
            proxy.drop()
            time.sleep(chance.uniform(0.0, 0.5))
        proxy.slow(None)

    try:
        saves = writers.attack(chance, target, act)
    finally:
        proxy.slow(None)
    return Tried(passed, saves)


def stop_lockers(chance: random.Random, target: Target, folder: Path) -> Tried:
    """Kill and stop processes that take one lock in turns: no two hold it at once, and nobody waits for ever."""
    acts = chance.randint(2, 6)
    protected = str(folder / f"protected-{chance.random()}")
    lockers: list[subprocess.Popen[str]] = []
    lines: list[str] = []

    def start() -> subprocess.Popen[str]:
        lockers.append(writers.start("locker", target.direct_url, protected, str(chance.random())))
        return lockers[-1]

    def end(locker: subprocess.Popen[str]) -> None:
        locker.kill()
        lines.extend(line.rstrip("\n") for line in locker.stdout or () if line.endswith("\n"))
        stress.kill(locker)

    try:
        alive = [start() for _ in range(3)]
        lines.append(writers.line(alive[0]).rstrip("\n"))
        for _ in range(acts):
            time.sleep(chance.uniform(0.0, 0.5))
            locker = chance.choice(alive)
            if chance.random() < 0.5:
                alive.remove(locker)
                end(locker)
                alive.append(start())
            else:
                locker.send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.0, 3.0))
                locker.send_signal(signal.SIGCONT)
        # whoever comes last gets it, too
        last = start()
        lines.append(writers.line(last).rstrip("\n"))
        ended = [locker for locker in [*alive, last] if locker.poll() is not None]
        for locker in [*alive, last]:
            end(locker)
    finally:
        for locker in lockers:
            stress.kill(locker)
    for line in lines:
        assert not line.startswith("LOST"), line
    assert not ended, "a process that locks has ended by itself"
    assert len(set(lines)) == len(lines), "two locks had the same number"
    return Tried(acts, len(lines))


def fork(chance: random.Random, target: Target, _: Path) -> Tried:
    """Fork processes from one that has used the database: each saves and reads what is its own."""
    number = chance.randint(1, 4)
    process = writers.start("forker", target.direct_url, str(number))
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        stress.kill(process)
    lines = output.splitlines()
    for sid, generation in (line.split() for line in lines):
        target.acknowledged[sid] = max(int(generation), target.acknowledged.get(sid, 0))
    assert process.returncode == 0, f"a forked process found another's sandbox: exit status {process.returncode}"
    return Tried(number, len(lines))


def cancel_tasks(chance: random.Random, target: Target, _: Path) -> Tried:
    """Cancel tasks of asyncio while they save: each save is done as a whole or not, and connections come back."""
    number, seconds = chance.randint(2, 12), chance.uniform(0.5, 2)
    process = writers.start("canceller", target.direct_url, str(number), str(chance.random()), str(seconds))
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        stress.kill(process)
    lines = [line.split() for line in output.splitlines()]
    assert process.returncode == 0, f"a cancelled task left its sandbox in part: exit status {process.returncode}"
    *saves, (_, cancelled) = lines
    for sid, generation in saves:
        target.acknowledged[sid] = max(int(generation), target.acknowledged.get(sid, 0))
    return Tried(int(cancelled), len(saves))


# --- the clock


def jump_clock(chance: random.Random, target: Target, _: Path) -> Tried:
    """Set the clock of the processes that save to and fro: no row is older than itself, and nothing is lost."""
    duration = chance.uniform(0.3, 1.5)
    jumping = f"--jump={chance.random()}"
    saves = writers.attack(chance, target, lambda: time.sleep(duration), options=(jumping,))
    with target.database() as database:
        for view in ("sandboxes", "containers"):
            asked = f"SELECT sid, created_at, updated_at FROM {view} WHERE updated_at < created_at"
            rows = readonly.read(database, asked).rows
            assert not rows, f"updated before created: {rows}"
    return Tried(saves, saves)


# --- the disk


def fill_disk(chance: random.Random, target: Target, folder: Path) -> Tried:
    """Fill the database's disk while it is written: a save is refused as a whole, or is there."""
    disk = folder / "disk"
    disk.mkdir(mode=0o755)
    server = target.server
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, disk)

        def small_disk(size: str, *, at: Path = disk) -> Path:
            try:
                disks.mount(size, at)
            except disks.NoMount as refused:
                raise Skipped(f"no right to mount a small disk: {refused}") from None
            undo.callback(disks.unmount, at)
            return at

        if server is None:
            # the write-ahead log alone takes 4 MB
            place = small_disk(f"{chance.randint(8, 16)}M")
            return _fill(chance, f"sqlite:///{place}/state.db", place, lambda: None)
        name, place = on_small_disk(server, small_disk)
        try:
            # MariaDB may end by itself, and not at once: until then it seems to need no start
            return _fill(
                chance, server.url(name), place, server.restart if target.engine == "mariadb" else server.start
            )
        finally:
            server.start()
            # MariaDB removes the tables, and fails to remove a folder that is mounted
            with contextlib.suppress(OperationalError):
                server.drop_database(name)
            if target.engine == "postgresql":
                server.execute("DROP TABLESPACE small")
            undo.close()
            server.start()  # a full disk may end MariaDB after it was started
            server.drop_database(name)


def _fill(chance: random.Random, url: str, disk: Path, start: Callable[[], None]) -> Tried:
    """Fill the disk, make room, and look at what is there; ``start`` starts a server that a full disk has ended."""
    generation = full = 0
    with Database(url, retries=2) as database:
        repository = ContainerRepository(database, host=stress.HOST)
        repository.count()
        fillers = _Fillers(chance, disk)
        for _ in range(chance.randint(1, 3)):
            # MariaDB's server ends itself where the disk has no room for a page of its own
            with contextlib.suppress(StorageFull, Unavailable, CommitUnknown):
                for _ in range(500):
                    fillers.add()
                    repository.save_sandbox(*stress.sandbox_of("full", generation + 1))
                    generation += 1
            full += 1
            fillers.remove()
            start()
            found = stress.generation_of(repository, "full")
            assert found >= generation, f"generation {found} on the full disk, {generation} was acknowledged"
            generation = max(found, generation) + 1
            repository.save_sandbox(*stress.sandbox_of("full", generation))
    with Database(url) as database:
        found = stress.generation_of(ContainerRepository(database, host=stress.HOST), "full")
    assert found == generation, f"generation {found} after the full disk, {generation} was acknowledged"
    return Tried(full, generation, 1)


class _Fillers:
    """Files that take the space of a disk, the last kilobytes in small steps."""

    def __init__(self, chance: random.Random, disk: Path) -> None:
        self._chance = chance
        self._disk = disk
        self._number = 0

    def add(self) -> None:
        """Take a part of what is left."""
        free = shutil.disk_usage(self._disk).free
        size = free - self._chance.randint(50_000, 300_000) if free > 1 << 20 else self._chance.randint(0, 20_000)
        self._number += 1
        with contextlib.suppress(OSError):
            (self._disk / f"filler-{self._number}").write_bytes(bytes(max(size, 0)))

    def remove(self) -> None:
        """Give it all back."""
        for path in self._disk.glob("filler-*"):
            path.unlink()


# --- two libraries

_OTHER = """
import random, sqlite3, sys
chance = random.Random(sys.argv[2])
print("ready", flush=True)
while True:
    connection = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
    # A checkpoint of a library before 3.51.3 may lose what another commits at the same time, whoever that is
    # (sqlite.org/wal.html, "the WAL-reset bug"): nobody can promise anything there.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for _ in range(chance.randint(1, 5)):
        try:
            if chance.random() < 0.5:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE sandbox SET state = state WHERE sid = 'none'")
                connection.execute(chance.choice(["COMMIT", "ROLLBACK"]))
            else:
                connection.execute("SELECT count(*) FROM mount").fetchall()
            print("done", flush=True)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
    connection.close()
"""


def two_libraries(chance: random.Random, target: Target, _: Path) -> Tried:
    """Open the file with Python's own library: in another process, which works, and in a writer's, which is refused."""
    if library.driver() is sqlite3:
        raise Skipped("Python's own SQLite library is the one in use")
    with target.repository() as repository:
        repository.count()
    path = target.direct_url.removeprefix("sqlite:///")
    code = f"import os\nfrom tests.torture.processes import end_with\nend_with({os.getpid()})\n{_OTHER}"
    other = subprocess.Popen(
        [sys.executable, "-c", code, path, str(chance.random())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert writers.line(other) == "ready\n"
        saves = writers.attack(chance, target, lambda: time.sleep(chance.uniform(0.3, 1.0)), options=("--meddle",))
        assert other.poll() is None, "the other library's process has failed"
        other.kill()
        assert other.stdout is not None
        done = len(other.stdout.readlines())
    finally:
        stress.kill(other)
    with target.database() as database, database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    return Tried(done, saves)
