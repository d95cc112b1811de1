"""The attacks. Each returns how many acknowledged saves it looked up, and raises AssertionError for a loss."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from persistdb import Database, DatabaseError, StorageFull, Timeouts
from persistdb.ingest.importer import Importer
from persistdb.runtimes.samples import KATA
from persistdb.store.repository import ContainerRepository
from tests.store import stress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from persistdb import FileError

    from .targets import Target

SERVERS = frozenset({"postgresql", "mariadb"})
ALL = SERVERS | {"sqlite"}


def kill_writers(chance: random.Random, target: Target, _: Path) -> int:
    """Kill processes that save (SIGKILL): each sandbox is whole, and as new as its last acknowledged save."""
    return _with_writers(chance, target, lambda: time.sleep(chance.uniform(0.05, 0.5)))


def kill_server(chance: random.Random, target: Target, _: Path) -> int:
    """Kill the server (SIGKILL) while processes save, and start it again."""
    server = target.server
    assert server is not None

    def act() -> None:
        time.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        server.start()
        time.sleep(chance.uniform(0.05, 0.5))

    return _with_writers(chance, target, act)


def cut_connections(chance: random.Random, target: Target, _: Path) -> int:
    """Cut all connections at any byte, several times, while processes save."""
    proxy = target.proxy
    assert proxy is not None

    def act() -> None:
        for _ in range(chance.randint(1, 6)):
            time.sleep(chance.uniform(0.01, 0.2))
            proxy.drop()

    return _with_writers(chance, target, act)


def _with_writers(chance: random.Random, target: Target, act: Callable[[], None]) -> int:
    # each sandbox has one writer: of two, the one would overwrite what was acknowledged to the other
    sids = [f"pod-{n}" for n in chance.sample(range(4), chance.randint(1, 3))]
    growing = {sid: _writer(target.url, sid) for sid in sids}
    acknowledged = dict.fromkeys(growing, 0)
    try:
        for sid, process in growing.items():
            assert process.stdout is not None
            acknowledged[sid] = int(process.stdout.readline() or 0)
        act()
    finally:
        for process in growing.values():
            process.kill()
    for sid, process in growing.items():
        assert process.stdout is not None
        # what it wrote before it died was acknowledged too; the last line may be cut
        lines = [line for line in process.stdout if line.endswith("\n")]
        acknowledged[sid] = int(lines[-1]) if lines else acknowledged[sid]
        stress.kill(process)
    return _look_up(target, acknowledged)


def _writer(url: str, sid: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tests.torture.writer", url, sid], stdout=subprocess.PIPE, text=True)


def _look_up(target: Target, acknowledged: dict[str, int]) -> int:
    with target.repository() as repository:
        for sid, generation in acknowledged.items():
            found = stress.generation_of(repository, sid)
            assert found >= generation, f"{sid} is at generation {found}, {generation} was acknowledged"
    return len(acknowledged)


def freeze_server(chance: random.Random, target: Target, _: Path) -> int:
    """Stop the server where it is (SIGSTOP) while a thread saves: calls end by their deadline."""
    assert target.server is not None
    acknowledged: dict[str, int] = {}
    stop = threading.Event()

    def save() -> None:
        with Database(target.url, timeouts=Timeouts(connect=2, call=1)) as database:
            repository = ContainerRepository(database, host=stress.HOST)
            generation = stress.generation_of(repository, "frozen")
            while not stop.is_set():
                generation += 1
                with contextlib.suppress(DatabaseError):
                    repository.save_sandbox(*stress.sandbox_of("frozen", generation))
                    acknowledged["frozen"] = generation

    thread = threading.Thread(target=save)
    thread.start()
    time.sleep(chance.uniform(0.1, 0.5))
    with target.server.daemon.frozen():
        time.sleep(chance.uniform(0.1, 2.5))
    time.sleep(chance.uniform(0.0, 0.3))
    stop.set()
    thread.join(60)
    assert not thread.is_alive(), "a call outlasted its deadline"
    return _look_up(target, acknowledged)


_FORK = """
import os, sys
from persistdb import Database
from persistdb.store.repository import ContainerRepository
from tests.store import stress

repository = ContainerRepository(Database(sys.argv[1], timeouts=stress.PATIENT, retries=1000), host=stress.HOST)
repository.sandbox_ids()
children = []
for n in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        sid = f"forked-{n}"
        last = stress.generation_of(repository, sid) + 5
        for generation in range(last - 4, last + 1):
            repository.save_sandbox(*stress.sandbox_of(sid, generation))
        os._exit(0 if stress.generation_of(repository, sid) == last else 1)
    children.append(child)
    repository.sandbox_ids()
sys.exit(any(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def fork(chance: random.Random, target: Target, _: Path) -> int:
    """Fork processes from one that has used the database: each saves and reads what is its own."""
    number = chance.randint(1, 4)
    done = subprocess.run([sys.executable, "-c", _FORK, target.url, str(number)], check=False, timeout=300)
    assert done.returncode == 0, f"a forked process found another's sandbox: exit status {done.returncode}"
    return 5 * number


def fill_disk(chance: random.Random, _: Target, folder: Path) -> int:
    """Fill the disk of a SQLite database while it is written: a save is refused as a whole, or is there."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    size = chance.randint(300, 3000)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "persistdb-torture", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        return 0  # no right to mount
    try:
        generation = 0
        with Database(f"sqlite:///{disk}/state.db") as database, contextlib.suppress(StorageFull):
            repository = ContainerRepository(database, host=stress.HOST)
            while True:
                repository.save_sandbox(*stress.sandbox_of("pod-0", generation + 1))
                generation += 1
                if chance.random() < 0.2:
                    (disk / f"filler-{generation}").write_bytes(bytes(chance.randint(1, 50_000)))
    except OSError:
        pass  # the filler found the disk full
    finally:
        for filler in disk.glob("filler-*"):
            filler.unlink()
    try:
        with Database(f"sqlite:///{disk}/state.db") as database:
            found = stress.generation_of(ContainerRepository(database, host=stress.HOST), "pod-0")
            assert found >= generation, f"generation {found} on the full disk, {generation} was acknowledged"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    return generation


class _Listener:
    """Counts what an import reports."""

    def __init__(self) -> None:
        self.stored_sids: set[str] = set()

    def fault(self, problem: FileError) -> None: ...

    def note(self, text: str) -> None: ...

    def stored(self, sid: str, containers: int) -> None:  # noqa: ARG002  the protocol's
        self.stored_sids.add(sid)

    def left_out(self, sid: str) -> None: ...


def mutate_files(chance: random.Random, target: Target, folder: Path) -> int:
    """Damage files at random bytes: their faults are reported, and the other sandboxes are stored."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    source = KATA / "run/vc/sbs"
    (sid,) = os.listdir(source)
    for name in ("good", "bad"):
        shutil.copytree(source / sid, tree / name)
    files = sorted(path for path in (tree / "bad").rglob("*") if path.is_file())
    for path in chance.sample(files, chance.randint(1, len(files))):
        path.write_bytes(_mutated(chance, path.read_bytes()))
    listener = _Listener()
    with target.repository() as repository:
        Importer(repository, listener).run([str(tree)])
        assert "good" in listener.stored_sids, "a damaged sandbox kept another from being stored"
        good = repository.load_sandbox("good")
    assert len(good.containers) == 3
    return 1


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        if not changed:
            break
        at = chance.randrange(len(changed))
        how = chance.randrange(5)
        if how == 0:
            changed[at] = chance.randrange(256)
        elif how == 1:
            del changed[at:]
        elif how == 2:
            del changed[at : at + chance.randint(1, 40)]
        elif how == 3:
            changed[at:at] = chance.choice([b"{", b"]", b'"', b"\\u0000", b"\\ud800", b"1e999", b"null", b"\xff", b"-"])
        else:
            changed[at:at] = changed[max(0, at - chance.randint(1, 200)) : at]
    return bytes(changed)


ATTACKS: dict[str, tuple[Callable[[random.Random, Target, Path], int], frozenset[str]]] = {
    "kill writers": (kill_writers, ALL),
    "kill server": (kill_server, SERVERS),
    "cut connections": (cut_connections, SERVERS),
    "freeze server": (freeze_server, SERVERS),
    "fork": (fork, ALL),
    "fill disk": (fill_disk, frozenset({"sqlite"})),
    "mutate files": (mutate_files, ALL),
}
"""Each attack, and the engines that it is for."""


def plans(seed: str, found: list[Target]) -> Iterator[tuple[str, str, Target]]:
    """Yield attacks without end: the seed of each, its name and its target, all by the seed of the run."""
    chance = random.Random(seed)
    number = 0
    while True:
        name = chance.choice(list(ATTACKS))
        fitting = [target for target in found if target.engine in ATTACKS[name][1]]
        number += 1
        if fitting:
            yield f"{seed}/{number}", name, chance.choice(fitting)
