"""PostgreSQL through PgBouncer in transaction mode, where each transaction may come to another session."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from persistdb import (
    BadURL,
    Busy,
    ContainerRepository,
    Database,
    LockTimeout,
    QueryTimeout,
    Timeouts,
    Unavailable,
)
from persistdb.reports import readonly
from persistdb.schema.check import check
from tests.servers import PgBouncer
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import SANDBOX, container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import PostgreSQL, Workspace

TRANSACTION = {"pooler": "transaction"}


@pytest.fixture
def name(postgresql_url: str) -> str:
    """Create a database and give its name."""
    return str(make_url(postgresql_url).database)


@pytest.fixture
def url(pgbouncer: PgBouncer, name: str) -> str:
    """Give its URL through the pooler."""
    return pgbouncer.url(name, **TRANSACTION)


@pytest.fixture(params=["threads", "tasks"])
def repository(request: pytest.FixtureRequest, url: str) -> Iterator[ContainerRepository]:
    """Give a repository through the pooler."""
    with Database(url) as database:
        for_threads = ContainerRepository(database, host="node-1")
        if request.param == "threads":
            yield for_threads
        else:
            with database_for_tasks(url) as opened:
                yield repository_for_tasks(opened, "node-1", database)


@pytest.fixture
def direct(postgresql_url: str) -> Iterator[ContainerRepository]:
    """Give a repository on the server itself."""
    with Database(postgresql_url) as database:
        yield ContainerRepository(database, host="node-1")


def test_a_life(repository: ContainerRepository, direct: ContainerRepository) -> None:
    """What is written through a pooler is read on the server itself, and the other way round."""
    repository.save_sandbox(SANDBOX, {"a": container("a"), "b": container("b")})
    repository.transition("pod-1", "a", "stopped", expected="running")
    assert repository.load_sandbox("pod-1") == direct.load_sandbox("pod-1")
    direct.save("pod-1", "b", container("b", state="paused"))
    assert repository.get("pod-1", "b") == direct.get("pod-1", "b")
    assert [one.cid for one in repository.find("state=stopped")] == ["a"]
    with repository.transaction() as work:
        work.delete("pod-1", "a")
        assert work.count() == 1
    assert repository.destroy_sandbox("pod-1")
    assert direct.count() == 0


def test_times(repository: ContainerRepository, direct: ContainerRepository, postgresql_server: PostgreSQL) -> None:
    """Times are the same through a pooler, before a server whose own time zone is not UTC."""
    zone = postgresql_server.execute("SHOW TimeZone")[0][0]
    assert not postgresql_server.ours or zone != "UTC"
    before = datetime.now(UTC) - timedelta(minutes=1)
    record = container("a")
    repository.save_sandbox(SANDBOX, {"a": record})
    for each in (repository, direct):
        found = each.get("pod-1", "a")
        assert found.record == record
        assert before < found.created_at < before + timedelta(minutes=5)
        assert each.count(f"since={before:%Y-%m-%dT%H:%M:%SZ}") == 1
    assert repository.summaries() == direct.summaries()


def test_many_statements(repository: ContainerRepository) -> None:
    """Statements that come often are not prepared, which would clash on sessions that others have used."""
    put(repository, "pod-1", "a")

    def use() -> None:
        try:
            for _ in range(20):
                repository.get("pod-1", "a")
                repository.update("pod-1", "a", lambda record: record)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            failed.append(error)

    failed: list[BaseException] = []
    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_many_agents(pgbouncer: PgBouncer, name: str, url: str) -> None:
    """Many more agents than the server has connections for them all write, and nothing is lost."""
    agents, saves = 40, 5
    with Database(url) as database:
        ContainerRepository(database, host="node-0")
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Database(url, pool_size=1) as database:
                repository = ContainerRepository(database, host=f"node-{number}")
                repository.save_sandbox(SANDBOX, {"a": container("a")})
                for _ in range(saves):
                    repository.transition("pod-1", "a", "paused", expected="running")
                    repository.transition("pod-1", "a", "running", expected="paused")
        except BaseException as error:  # noqa: BLE001  the test looks at it
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(agents)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Database(url) as database:
        found = ContainerRepository(database, host="node-0").find(all_hosts=True)
    assert [one.revision for one in found] == [1 + 2 * saves] * agents


def test_timeouts(url: str, direct: ContainerRepository) -> None:
    """Waits for rows, and statements in transactions, end by their timeouts."""
    put(direct, "pod-1", "a")
    with Database(url, timeouts=Timeouts(busy=0.2, statement=0.5), retries=0) as database:
        repository = ContainerRepository(database, host="node-1")
        with direct.database.session(write=True) as session:
            session.execute(text("UPDATE container SET state = 'held'"))
            with pytest.raises(Busy):
                repository.transition("pod-1", "a", "stopped", expected="running")
            session.rollback()
        with pytest.raises(QueryTimeout), database.session() as session:
            session.execute(text("SELECT pg_sleep(60)"))


def test_locks(repository: ContainerRepository) -> None:
    """A lock excludes others, as without a pooler (``tests/store/test_leases.py`` has more)."""
    with repository.lock("pod-1"), pytest.raises(LockTimeout):
        repository.lock("pod-1", shared=True, timeout=0)


def test_the_schema(url: str) -> None:
    """The schema is made and checked through a pooler, and queries of others are read only."""
    with Database(url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(sandbox("pod-1"), {"a": container("a")})
        assert check(database) == []
        assert [tuple(row) for row in readonly.read(database, "SELECT cid FROM containers").rows] == [("a",)]


def test_a_pooler_that_refuses_our_settings(pgbouncer: PgBouncer, name: str) -> None:
    """A pooler that was not named, and does not take settings, is an error with the option that it needs."""
    with Database(pgbouncer.url(name)) as database, pytest.raises(Unavailable, match="pooler=transaction") as caught:
        ContainerRepository(database, host="node-1")
    assert "\n" not in str(caught.value)


@pytest.fixture
def silent(server_workspace: Workspace, postgresql_server: PostgreSQL, pgbouncer: PgBouncer) -> Iterator[PgBouncer]:
    """Start a pooler that drops settings without a word."""
    pooler = PgBouncer.private(server_workspace, postgresql_server, ignore_startup_parameters="options")
    yield pooler
    pooler.close()


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "UTC"])
def test_a_pooler_that_drops_our_settings(
    silent: PgBouncer, postgresql_server: PostgreSQL, name: str, zone: str
) -> None:
    """A pooler that was not named, and drops settings, is found out, also where the server's time zone is UTC."""
    postgresql_server.execute(f"ALTER DATABASE {name} SET TimeZone = '{zone}'")
    with Database(silent.url(name)) as database, pytest.raises(Unavailable, match="pooler=transaction") as caught:
        ContainerRepository(database, host="node-1")
    assert "\n" not in str(caught.value)
    with Database(silent.url(name, **TRANSACTION)) as database:
        assert ContainerRepository(database, host="node-1").count() == 0


REFUSED = {
    "another kind": lambda url: url.replace("pooler=transaction", "pooler=session"),
    "options of libpq": lambda url: url + "&options=-c%20search_path%3Dx",
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_options_that_make_no_sense(change: Callable[[str], str]) -> None:
    """Another pooler, and settings that a pooler would not hand on, are misuse."""
    with pytest.raises(BadURL):
        Database(change("postgresql://u@h/d?pooler=transaction"))


def test_a_pooler_that_takes_no_more_clients(
    server_workspace: Workspace,
    postgresql_server: PostgreSQL,
    pgbouncer: PgBouncer,
    name: str,
) -> None:
    """A pooler that has as many clients as it may is an error by type, as a server is."""
    pooler = PgBouncer.private(server_workspace, postgresql_server, max_client_conn="1")
    try:
        url = pooler.url(name, **TRANSACTION)
        with Database(url) as first, Database(url) as second:
            ContainerRepository(first, host="node-1")
            with pytest.raises(Busy):
                ContainerRepository(second, host="node-1")
    finally:
        pooler.close()


@pytest.mark.parametrize("opened_before", [True, False])
def test_a_server_that_is_away_behind_a_pooler(
    server_workspace: Workspace,
    own_postgresql_server: PostgreSQL,
    pgbouncer: PgBouncer,
    opened_before: bool,
) -> None:
    """A server that is restarted behind its pooler makes no call fail, as without one."""
    name = own_postgresql_server.create_database()
    pooler = PgBouncer.private(server_workspace, own_postgresql_server)
    try:
        url = pooler.url(name, **TRANSACTION)
        with Database(url) as database:
            put(ContainerRepository(database, host="node-1"), "pod-1", "a")
        with Database(url, timeouts=Timeouts(call=60)) as database:
            if opened_before:
                ContainerRepository(database, host="node-1")
            own_postgresql_server.stop()
            back = threading.Timer(0.5, own_postgresql_server.start)
            back.start()
            repository = ContainerRepository(database, host="node-1")
            repository.transition("pod-1", "a", "paused", expected="running")
            back.join()
            assert repository.get("pod-1", "a").record.state == "paused"
    finally:
        pooler.close()
