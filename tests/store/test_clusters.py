"""Clusters that lose a node under load: no call fails, nothing acknowledged is lost, and each write is there once."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb import ContainerRepository, ContainerState, Database, ReadOnly, Timeouts
from persistdb.engines.patience import absence
from persistdb.errors import FeedUnavailable
from persistdb.schema import migrate, version
from tests.servers.proxy import Cut
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Galera, Proxy, Server, WithStandby

# a node that is cut off is missed after a second, on a machine that does much else
PATIENT = Timeouts(call=120, busy=60, statement=120)
BEFORE, AFTER = 5, 5
PATIENCE = 100.0


class Writer(threading.Thread):
    """Writes sandboxes, moves their containers, and counts, each of it its own, until enough came after the fault."""

    def __init__(self, url: str, number: int, over: threading.Event) -> None:
        super().__init__()
        self.host = f"node-{number}"
        self.database = Database(url, timeouts=PATIENT)
        self._url, self._for_tasks, self._over = url, number % 2 == 1, over
        self.done = 0
        self.begun = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Write, in a thread's or a task's color."""
        try:
            with ExitStack() as stack:
                repository = ContainerRepository(self.database, host=self.host)
                if self._for_tasks:
                    opened = stack.enter_context(database_for_tasks(self._url, timeouts=PATIENT))
                    repository = repository_for_tasks(opened, self.host, self.database)
                put(repository, "numbers", "number", processes=[])
                left = AFTER
                while left:
                    left -= self._over.is_set()
                    self._write(repository)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.failure = error
        finally:
            self.begun.set()

    def _write(self, repository: ContainerRepository) -> None:
        put(repository, f"pod-{self.done}", "a")
        repository.transition(f"pod-{self.done}", "a", "stopped", expected="running")
        repository.update("numbers", "number", _one_more)
        self.done += 1
        if self.done == BEFORE:
            self.begun.set()

    def check(self) -> None:
        """See that all is there that was acknowledged, once."""
        assert self.failure is None
        # in a transaction, for the node that is read now may be behind the one that was written to
        with ContainerRepository(self.database, host=self.host).transaction() as work:
            found = {one.sid: one for one in work.find()}
        assert len(found.pop("numbers").record.mounts) == 3 + self.done
        stored = {sid: (one.record.state, one.revision) for sid, one in found.items()}
        assert stored == {f"pod-{i}": ("stopped", 2) for i in range(self.done)}


def _one_more(record: ContainerState) -> ContainerState:
    return msgspec.structs.replace(record, mounts=[*record.mounts, record.mounts[0]])


@contextlib.contextmanager
def load(urls: list[str], caplog: pytest.LogCaptureFixture) -> Iterator[list[Writer]]:
    """Let programs write while something is done to their cluster."""
    over = threading.Event()
    with Database(urls[0]) as database:
        ContainerRepository(database, host="node-1")
    writers = [Writer(url, number, over) for number, url in enumerate(urls)]
    for writer in writers:
        writer.start()
    try:
        for writer in writers:
            assert writer.begun.wait(PATIENCE)
        yield writers
    finally:
        over.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        writer.check()
        writer.database.close()
    assert errors_of(caplog) == []


def errors_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error: a traceback of the pool, for one."""
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def until(condition: Callable[[], object]) -> None:
    """Wait for what a server or another thread does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        threading.Event().wait(0.01)


# --- Galera


@pytest.fixture
def name(galera: Galera) -> str:
    """Create a database on the cluster."""
    return galera.nodes[0].create_database()


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_a_galera_node_fails(galera: Galera, name: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """The writers of a node that is killed go on at another; those of one that is frozen, when it is back."""
    node = galera.nodes[0]
    with load([galera.url(name)] * 4, caplog):
        if fault == "killed":
            node.kill()
            until(lambda: galera.nodes[1].sees() != len(galera.nodes))
        else:
            with node.daemon.frozen():
                until(lambda: galera.nodes[1].sees() != len(galera.nodes))
    node.start()
    until(lambda: all(each.answers() and each.sees() == len(galera.nodes) for each in galera.nodes))


def test_clashes_of_galera_nodes(galera: Galera, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Writers of one container at several nodes wait for each other's turn, and none of their changes is lost."""
    with Database(galera.url(name)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a", processes=[])
        writers = []
        with ExitStack() as stack:
            for node in galera.nodes:
                opened = stack.enter_context(Database(node.url(name), timeouts=PATIENT, retries=1000))
                at_node = ContainerRepository(opened, host="node-1")
                writers.append(threading.Thread(target=_update_often, args=(at_node,)))
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
        with repository.transaction() as work:  # which waits for what the other nodes have committed
            assert len(work.get("pod-1", "a").record.mounts) == 3 + 10 * len(writers)
    assert errors_of(caplog) == []


def _update_often(repository: ContainerRepository) -> None:
    for _ in range(10):
        repository.update("pod-1", "a", _one_more)


def test_no_feed_of_a_cluster(galera: Galera, name: str) -> None:
    """A cluster gives events no order in which none is missed, and says so in place of a feed, at each node."""
    with Database(galera.url(name)) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    for node in galera.nodes:
        with Database(node.url(name)) as opened:
            repository = ContainerRepository(opened, host="node-1")
            with pytest.raises(FeedUnavailable, match="wsrep_on is ON"):
                next(iter(repository.events()))


class Behind:
    """A node that has not applied what others have committed, until somebody waits for it."""

    def __init__(self, galera: Galera, name: str) -> None:
        self.first, self.node = galera.nodes[:2]
        self.name = name

    def run(self, change: Callable[[], object], call: Callable[[], object]) -> None:
        """Make a change at the first node, then a call that uses the other one, which applies it meanwhile."""
        engine = self.node._engine(self.name)
        failed: list[BaseException] = []

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  the test looks at it
                failed.append(error)

        self.first.execute("CREATE TABLE stall (x INTEGER PRIMARY KEY)", database=self.name)
        until(lambda: self.node.execute("SHOW TABLES LIKE 'stall'", database=self.name))
        with engine.connect() as connection:
            connection.exec_driver_sql("LOCK TABLES stall READ")
            self.first.execute("INSERT INTO stall VALUES (1)", database=self.name)
            change()
            thread = threading.Thread(target=run)
            thread.start()
            until(lambda: not thread.is_alive() or self._waits())
            connection.exec_driver_sql("UNLOCK TABLES")
            thread.join(PATIENCE)
        assert not thread.is_alive()
        assert failed == []

    def _waits(self) -> bool:
        of_program = f"db = '{self.name}' AND user = 'persistdb' AND command = 'Query'"
        return bool(self.node.execute(f"SELECT 1 FROM information_schema.processlist WHERE {of_program}"))


@pytest.mark.parametrize("call", ["transition", "save"])
def test_what_decides_is_current(galera: Galera, name: str, call: str) -> None:
    """A transition or a save at a node that is behind is decided by what was committed at another."""
    behind = Behind(galera, name)
    with Database(behind.first.url(name)) as first, Database(behind.node.url(name)) as other:
        repository = ContainerRepository(first, host="node-1")
        until(lambda: version.current(other) == version.HEAD)  # the schema was made at the first
        there = ContainerRepository(other, host="node-1")
        put(repository, "pod-1", "a")
        until(lambda: there.count() == 1)

        def act() -> None:
            if call == "transition":
                there.transition("pod-1", "a", "running", expected="stopped")
            else:
                there.save("pod-1", "a", container(state="paused"), revision=2)

        behind.run(lambda: repository.transition("pod-1", "a", "stopped", expected="running"), act)
        with repository.transaction() as work:
            assert work.get("pod-1", "a").revision == 3


def test_an_update_at_a_node_that_is_behind(galera: Galera, name: str) -> None:
    """An update at a node that has not yet what was created at another waits for it."""
    behind = Behind(galera, name)
    with Database(behind.first.url(name)) as first, Database(behind.node.url(name)) as other:
        repository = ContainerRepository(first, host="node-1")
        until(lambda: version.current(other) == version.HEAD)  # the schema was made at the first
        there = ContainerRepository(other, host="node-1")
        assert there.count() == 0
        behind.run(
            lambda: put(repository, "pod-1", "a"),
            lambda: there.update("pod-1", "a", lambda record: record.replace(state="paused")),
        )
        with repository.transaction() as work:
            assert work.get("pod-1", "a").record.state == "paused"


def test_the_schema_is_current(galera: Galera, name: str) -> None:
    """A program that opens a node waits until a change of the schema, made at another, is there, too."""
    behind = Behind(galera, name)
    with Database(behind.first.url(name)) as first, Database(behind.node.url(name)) as other:
        migrate.upgrade(first, version.REVISIONS[-2])
        until(lambda: version.current(other) == version.REVISIONS[-2])
        behind.run(lambda: migrate.upgrade(first), lambda: ContainerRepository(other, host="node-1").count())


def test_another_node_as_the_replica(galera: Galera, name: str) -> None:
    """Lists may be read at another node of the cluster, which is behind by nothing when it has applied all."""
    first, second = (node.url(name) for node in galera.nodes[:2])
    with Database(first, replica=second) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        until(lambda: _is_there(database, 1))
        until(lambda: database.replica_lag() == 0)


@pytest.mark.parametrize("call", ["transition", "save"])
def test_a_lost_commit_at_another_node(
    galera: Galera, name: str, call: str, proxy_to: Callable[[Server], Proxy]
) -> None:
    """A commit whose answer was lost with its node is looked for at another when that has applied it."""
    behind = Behind(galera, name)
    proxy = proxy_to(behind.first)
    listed = behind.first.url(name, port=proxy.port).replace("/persistdb_", f",127.0.0.1:{behind.node.port}/persistdb_")
    with Database(listed, timeouts=PATIENT) as database, Database(behind.first.url(name)) as beside:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        until(lambda: behind.node.execute("SELECT 1 FROM container", database=name))
        proxy.cut(b"COMMIT", Cut.AFTER)
        proxy.refuse()

        def act() -> None:
            if call == "transition":
                repository.transition("pod-1", "a", "stopped", expected="running")
            else:
                repository.save("pod-1", "a", container(state="stopped"), revision=1)

        behind.run(lambda: None, act)
        with ContainerRepository(beside, host="node-1").transaction() as work:
            kept = work.get("pod-1", "a")
        assert (kept.record.state, kept.revision) == ("stopped", 2)


# --- PostgreSQL


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_a_primary_fails(with_standby: WithStandby, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """The writers wait until the standby is the primary, and go on there."""
    name = with_standby.primary.create_database()
    with load([with_standby.url(name)] * 4, caplog) as writers:
        if fault == "killed":
            with_standby.primary.kill()
            until(lambda: all(absence(writer.database.engine) for writer in writers[::2]))
            with_standby.promote()
        else:
            with with_standby.primary.daemon.frozen():
                with_standby.promote()
                # what promotes a standby must see to it that the old primary is none any more
                with_standby.primary.kill()


def test_a_standby_alone(with_standby: WithStandby) -> None:
    """A standby is read as any database, and refuses what would write."""
    name = with_standby.primary.create_database()
    with Database(with_standby.url(name)) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a", "b")
    until(lambda: name in with_standby.standby.databases())
    with Database(with_standby.standby.url(name)) as database:
        until(lambda: _is_there(database))
        repository = ContainerRepository(database, host="node-1")
        assert [one.cid for one in repository.find()] == ["a", "b"]
        assert repository.load_sandbox("pod-1").containers.keys() == {"a", "b"}
        for write in (
            lambda: repository.transition("pod-1", "a", "stopped", expected="running"),
            lambda: repository.save_sandbox(sandbox("pod-2"), {}),
        ):
            with pytest.raises(ReadOnly):
                write()


def _is_there(database: Database, number: int = 2) -> bool:
    with contextlib.suppress(Exception):
        return ContainerRepository(database, host="node-1").count() == number
    return False
