"""Locks as leases, on every set-up: one server, a pooler before it, two nodes of a cluster."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, text

from persistdb import ContainerRepository, Database, InvalidValue, LockLost, LockNotHeld, LockTimeout, Timeouts
from persistdb.errors import ChangeBlocked
from persistdb.schema import migrate, version
from persistdb.schema.check import check
from persistdb.schema.leases import owner
from persistdb.schema.leases.renewal import Claim
from persistdb.schema.prepare import prepare
from persistdb.store.locks import lock_name
from tests.conftest import ENGINES

from . import stress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import Popen

    from tests.servers import Galera, Server, Statements

Nodes = tuple[str, str]
HOST = stress.HOST


@pytest.fixture(scope="module")
def cluster_database(galera: Galera) -> Iterator[list[str]]:
    """Make a database on a cluster, and give its URL at each node."""
    name = galera.nodes[0].create_database()
    urls = [node.url(name) for node in galera.nodes]
    with Database(urls[0]) as database:
        prepare(database)
    yield urls
    galera.nodes[0].drop_database(name)


SERVERS = [pytest.param(each, marks=pytest.mark.servers) for each in ("pgbouncer", "galera")]


@pytest.fixture(params=[*ENGINES, *SERVERS])
def nodes(request: pytest.FixtureRequest) -> Nodes:
    """Give two URLs of an empty database with the schema, of different nodes where there are several."""
    if request.param == "pgbouncer":
        url, _ = request.getfixturevalue("postgresql_store")
        pooler = request.getfixturevalue("pgbouncer")
        through = pooler.url(make_url(url).database, pooler="transaction")
        return through, through
    if request.param == "galera":
        first, _, last = request.getfixturevalue("cluster_database")
        with Database(first) as database, database.writer.begin() as connection:
            connection.execute(text("DELETE FROM lease"))
        return first, last
    url, _ = request.getfixturevalue(f"{request.param}_store")
    return url, url


@pytest.fixture
def here(nodes: Nodes) -> Iterator[ContainerRepository]:
    """Open it on one node."""
    with Database(nodes[0]) as database:
        yield ContainerRepository(database, host=HOST)


@pytest.fixture
def there(nodes: Nodes) -> Iterator[ContainerRepository]:
    """Open it on the other node."""
    with Database(nodes[1]) as database:
        yield ContainerRepository(database, host=HOST)


@contextlib.contextmanager
def opened(url: str, **options: Any) -> Iterator[ContainerRepository]:
    """Open a database with other options."""
    with Database(url, **options) as database:
        yield ContainerRepository(database, host=HOST)


@pytest.fixture
def start(nodes: Nodes) -> Iterator[Callable[..., tuple[Popen[str], int]]]:
    """Start processes that hold a lock on the other node; gives each with its fencing number."""
    started: list[Popen[str]] = []

    def hold(sid: str, *, lease: float, shared: bool = False) -> tuple[Popen[str], int]:
        process = stress.start("hold", nodes[1], sid, int(shared), lease)
        started.append(process)
        assert process.stdout is not None
        _, number = process.stdout.readline().split()
        return process, int(number)

    yield hold
    for process in started:
        stress.kill(process)


def stored(repository: ContainerRepository, columns: str, order: str = "number") -> list[tuple[Any, ...]]:
    """Return columns of all leases."""
    with repository.database.engine.connect() as connection:
        return [tuple(each) for each in connection.execute(text(f"SELECT {columns} FROM lease ORDER BY {order}"))]


def until(condition: Callable[[], object]) -> None:
    """Wait for something that others do."""
    while not condition():
        threading.Event().wait(0.01)


def test_locks_exclude(here: ContainerRepository, there: ContainerRepository) -> None:
    """An exclusive lock keeps out all others, shared ones only exclusive ones, wherever they are asked for."""
    for one, other in ((here, there), (there, here)):
        with one.lock("pod-1"):
            for shared in (False, True):
                with pytest.raises(LockTimeout) as caught:
                    other.lock("pod-1", shared=shared, timeout=0)
                (holder,) = caught.value.holders
                assert holder.startswith(f"process {os.getpid()} on ")
        with one.lock("pod-1", shared=True), other.lock("pod-1", shared=True, timeout=0):
            for each in (one, other):
                with pytest.raises(LockTimeout):
                    each.lock("pod-1", timeout=0)
    until(lambda: not stored(here, "*"))


def test_fencing_numbers_grow(here: ContainerRepository, there: ContainerRepository) -> None:
    """Who gets a lock later has a greater number, also after all were released."""
    numbers = []
    for repository in (here, there, here):
        with repository.lock("pod-1") as lock:
            numbers.append(lock.fencing_number)
            assert not lock.lost
            lock.check()
    assert numbers[0] < numbers[1] < numbers[2]
    assert lock.lost
    with pytest.raises(LockNotHeld):
        lock.check()


def test_first_come_first_served(here: ContainerRepository, there: ContainerRepository) -> None:
    """Whoever waits is served in order: nobody who comes later and shares overtakes one who does not."""
    got: list[int] = []

    def wait(number: int, shared: bool) -> None:
        with (here, there)[number % 2].lock("pod-1", shared=shared, timeout=60):
            got.append(number)

    kinds = [False, True, True, False]
    first = here.lock("pod-1", shared=True)
    with ThreadPoolExecutor(len(kinds)) as pool:
        waiting = []
        for number, shared in enumerate(kinds):
            waiting.append(pool.submit(wait, number, shared))
            until(lambda number=number: len(stored(here, "number")) == number + 2)
        with pytest.raises(LockTimeout) as caught:  # it could be shared with the holder, were nobody waiting
            there.lock("pod-1", shared=True, timeout=0)
        assert len(caught.value.holders) == 1
        first.release()
        for each in waiting:
            each.result()
    assert [got[0], {*got[1:3]}, got[3]] == [0, {1, 2}, 3]


def test_a_holder_that_is_killed_elsewhere(
    here: ContainerRepository, start: Callable[..., tuple[Popen[str], int]]
) -> None:
    """A holder on another host that dies is over when its lease is."""
    process, number = start("pod-1", lease=1.0)
    with here.database.writer.begin() as connection:
        connection.execute(text("UPDATE lease SET boot_id = 'elsewhere'"))
    stress.kill(process)
    with here.lock("pod-1", timeout=60) as lock:
        assert lock.fencing_number > number
    until(lambda: not stored(here, "*"))


@pytest.mark.slow
def test_a_holder_that_is_stopped(here: ContainerRepository, start: Callable[..., tuple[Popen[str], int]]) -> None:
    """A holder that stands still for longer than its lease loses the lock to who waits, and is told so."""
    process, number = start("pod-1", lease=1.0)
    process.send_signal(signal.SIGSTOP)
    lock = here.lock("pod-1", timeout=60)
    assert lock.fencing_number > number
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate()
    assert output.splitlines()[0] == "lost"
    assert f"(number {number}) was lost" in output.splitlines()[1]
    assert not lock.lost
    lock.release()


def test_a_lock_is_renewed(nodes: Nodes, there: ContainerRepository) -> None:
    """A lock is renewed while its process runs, also where all connections are in use."""
    with opened(nodes[0], pool_size=1, timeouts=Timeouts(lease=2)) as repository:
        lock = repository.lock("pod-1")
        with repository.database.session():
            seen: set[object] = set()
            until(lambda: seen.update(stored(there, "expires_at")) or len(seen) > 2)
            assert not lock.lost
            with pytest.raises(LockTimeout):
                there.lock("pod-1", timeout=0)
        lock.release()
    until(lambda: not stored(there, "*"))


def test_a_lock_that_others_have_removed(here: ContainerRepository, there: ContainerRepository) -> None:
    """A lock whose lease was over, and that another holds, is lost: its release says so, and frees nothing."""
    lock = here.lock("pod-1")
    with there.database.writer.begin() as connection:
        connection.execute(text("UPDATE lease SET expires_at = 1"))
    with there.lock("pod-1", timeout=0) as other:
        with pytest.raises(LockLost) as caught:
            lock.release()
        assert (caught.value.sid, caught.value.fencing_number) == ("pod-1", lock.fencing_number)
        assert other.fencing_number > lock.fencing_number
        with pytest.raises(LockTimeout):
            here.lock("pod-1", timeout=0)


def test_a_lease_that_is_over_is_its_owners(here: ContainerRepository, there: ContainerRepository) -> None:
    """A lease that is over, and that nobody else wanted, is still held: a server may have stood still."""
    lock = here.lock("pod-1")
    with there.database.writer.begin() as connection:
        connection.execute(text("UPDATE lease SET expires_at = 1"))
    lock.release()
    until(lambda: not stored(here, "*"))


def test_a_lock_that_is_dropped(here: ContainerRepository, there: ContainerRepository) -> None:
    """A lock that nobody has any more is given up, to the same program and to others."""
    for repository in (here, there):
        lock = here.lock("pod-1")
        del lock
        gc.collect()
        repository.lock("pod-1", timeout=60).release()


def test_who_waits_in_vain_leaves_the_queue(here: ContainerRepository, there: ContainerRepository) -> None:
    """Who has given up waiting is in nobody's way."""
    with here.lock("pod-1", shared=True):
        for timeout in (0, 0.05):
            with pytest.raises(LockTimeout):
                there.lock("pod-1", timeout=timeout)
        there.lock("pod-1", shared=True, timeout=0).release()
        until(lambda: len(stored(here, "number")) == 1)


def test_waiting_asks_seldom(
    here: ContainerRepository,
    there: ContainerRepository,
    statements: Callable[..., contextlib.AbstractContextManager[Statements]],
) -> None:
    """Who waits asks less and less often, and never more than a row for each that is ahead."""
    with here.lock("pod-1"), statements(there.database.engine) as sent, pytest.raises(LockTimeout):
        there.lock("pod-1", timeout=1)
    assert sent.round_trips < 60


def test_a_lock_costs_two_transactions(
    here: ContainerRepository, statements: Callable[..., contextlib.AbstractContextManager[Statements]]
) -> None:
    """A lock that nobody else wants is taken in three statements, and released in one."""
    here.lock("pod-1").release()
    with statements(here.database.engine) as sent:
        here.lock("pod-1").release()
    words = [each.split()[0] for each in sent.texts if "set_config" not in each]  # a session's settings
    assert words == ["UPDATE", "INSERT", "SELECT", "DELETE"]


def test_hosts_and_sandboxes_with_awkward_names(here: ContainerRepository) -> None:
    """No two sandboxes have the same lock, however they and their hosts are called."""
    names = [("a", "b/c"), ("a/b", "c"), ("a%2Fb", "c"), ("a", "x" * 600), ("a", "x" * 601), ("h" * 255, "s" * 255)]
    with contextlib.ExitStack() as held:
        for host, sid in names:
            held.enter_context(ContainerRepository(here.database, host=host).lock(sid, timeout=0))
        assert len(stored(here, "DISTINCT name", "name")) == len(names)


def test_a_downgrade_while_locks_are_held(here: ContainerRepository) -> None:
    """A downgrade to a schema without leases is refused while one is held; one that is over is in nobody's way."""
    lock = here.lock("pod-1")
    with pytest.raises(ChangeBlocked, match="locks that are held"):
        migrate.downgrade(here.database, "0011", allow_loss=True, backup=False)
    lock.release()
    until(lambda: not stored(here, "*"))


def test_who_is_put_back_in_the_queue(here: ContainerRepository, there: ContainerRepository) -> None:
    """Who stood still while it waited, and was removed, joins the queue again, and its lock is none that was lost."""
    leases = here.database.leases
    with there.lock("pod-1"):
        claim = Claim(lock_name(HOST, "pod-1"), "exclusive")
        leases.renewal.add(claim)
        leases._enter(claim, stays=True)
        with there.database.writer.begin() as connection:
            connection.execute(text("DELETE FROM lease WHERE number = :number"), {"number": claim.number})
        if not here.database.backend.is_in_memory():
            leases.renewal._renew()
            assert claim.gone
        leases._look(claim)
        assert not claim.gone
    leases.release(claim)


def test_a_lease_that_cannot_be_removed(sqlite_store: tuple[str, object], caplog: pytest.LogCaptureFixture) -> None:
    """A lock that was dropped, and cannot be removed, is tried now and then until it is over, and then left."""
    caplog.set_level("INFO", "persistdb")
    with opened(sqlite_store[0], timeouts=Timeouts(lease=0.6)) as repository:
        lock = repository.lock("pod-1")
        with repository.database.writer.begin() as connection:
            connection.execute(text("DROP TABLE lease"))
        thread = repository.database.leases.renewal._thread
        assert thread is not None
        del lock
        gc.collect()
        thread.join(60)
        assert not thread.is_alive()
    assert 0 < sum("not renewed" in each.getMessage() for each in caplog.records) < 100


def test_another_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock of a file that was named by a relative path is renewed after the program changed its directory."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    with opened("sqlite:///fleet.db", timeouts=Timeouts(lease=1)) as repository:
        lock = repository.lock("pod-1")
        monkeypatch.chdir(tmp_path / "two")
        repository.database.leases.renewal._renew()
        assert list((tmp_path / "two").iterdir()) == []
        lock.release()


def test_hosts_without_namespaces_of_time(tmp_path: Path) -> None:
    """Where the kernel has none, or there is no /proc, nobody is taken for a process of another boot by mistake."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text(owner.this_process().boot_id.partition("/")[0] + "\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").touch()
    for boot_id in (owner._boot_id(tmp_path), "another-name, without /proc"):
        process = owner.Process("another-name", boot_id, 2**22, 0)
        assert not process.is_of_other_boot()
        assert not process.is_gone()


def test_a_lease_takes_time() -> None:
    """A lease of no time is refused."""
    with pytest.raises(InvalidValue, match="lease"):
        Database("sqlite://", timeouts=Timeouts(lease=0))


@pytest.mark.slow
def test_a_server_that_restarts_or_freezes(server: Server, name: str) -> None:
    """A lock survives its server's crash, and a server that stands still for longer than the lease."""
    with opened(server.url(name), timeouts=Timeouts(lease=0.6)) as repository:
        lock = repository.lock("pod-1")
        server.kill()
        server.start()
        assert len(stored(repository, "number")) == 1
        with server.daemon.frozen():
            until(lambda: lock.lost)
            with pytest.raises(LockLost):
                lock.check()
        until(lambda: not lock.lost)
        lock.release()


@pytest.mark.slow
def test_a_schema_that_is_made_at_three_nodes_at_once(galera: Galera) -> None:
    """Programs that first use a database at three nodes at once: one makes the schema, and the others wait for it."""
    name = galera.nodes[0].create_database()
    urls = [node.url(name) for node in galera.nodes]
    programs = [stress.start("open", url) for url in urls]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    assert [stress.end(program) for program in programs] == [["0"]] * 3
    for url in urls:
        with Database(url) as database:
            assert version.current(database) == version.HEAD
            assert check(database) == []
    galera.nodes[0].drop_database(name)
