"""A call ends by its deadline, whatever the server does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import (
    Busy,
    CommitUnknown,
    ContainerRepository,
    ContainerState,
    Database,
    DatabaseError,
    QueryTimeout,
    Timeouts,
    Unavailable,
)
from persistdb.db.work import Statement, value
from persistdb.reports import catalog, readonly
from persistdb.reports.runner import run
from persistdb.schema.check import check
from persistdb.store.session import Database as SessionDatabase
from tests.store.faults import just_before
from tests.store.in_step import database_for_tasks, repository_for_tasks, used
from tests.store.samples import SANDBOX, container, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from tests.servers import Server, Statements

CHANGED = {"a": container("pod-1-a", state="stopped"), "b": container("pod-1-b")}
ENDED = (Unavailable, CommitUnknown, QueryTimeout)


@pytest.fixture
def url(own_server: Server) -> str:
    """Create a database with a container on a server that a test may freeze."""
    url = own_server.url(own_server.create_database())
    with Database(url) as database:  # which may take longer than the calls of the tests
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    return url


@pytest.fixture
def warm(url: str) -> Iterator[ContainerRepository]:
    """Give a repository with a connection in its pool, on a database with a container, whose calls take 1 s at most."""
    with Database(url, timeouts=Timeouts(call=1)) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.get("pod-1", "a")
        yield repository


@pytest.fixture(params=["threads", "tasks"])
def warm_in_both(request: pytest.FixtureRequest, url: str, warm: ContainerRepository) -> Iterator[ContainerRepository]:
    """Give such a repository for threads, and one for tasks of asyncio."""
    if request.param == "threads":
        yield warm
    else:
        with database_for_tasks(url, timeouts=Timeouts(call=1)) as opened:
            yield repository_for_tasks(opened, "node-1", warm.database)


CALLS: dict[str, Callable[[ContainerRepository], object]] = {
    "get": lambda r: r.get("pod-1", "a"),
    "iterate": lambda r: list(r.iterate()),
    "save": lambda r: r.save("pod-1", "a", ContainerState(state="stopped")),
    "save_sandbox": lambda r: r.save_sandbox(SANDBOX, CHANGED),
    "transition": lambda r: r.transition("pod-1", "a", "stopped", expected="running"),
    "destroy_sandbox": lambda r: r.destroy_sandbox("pod-1"),
    "lock": lambda r: r.lock("pod-1", timeout=0.1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_frozen_server(
    own_server: Server, warm_in_both: ContainerRepository, call: Callable[[ContainerRepository], object]
) -> None:
    """A call to a server that takes what is sent and never answers ends by its deadline; later calls work."""
    warm = warm_in_both
    warm.get("pod-1", "a")
    with own_server.daemon.frozen(), pytest.raises(ENDED):
        call(warm)
    assert warm.get("pod-1", "a").cid == "a"


@pytest.mark.parametrize("statement", ["SELECT", "INSERT INTO mount", "UPDATE"])
def test_a_server_that_freezes_in_the_middle(
    own_server: Server, warm_in_both: ContainerRepository, statement: str
) -> None:
    """A server that freezes within a unit of work: the call ends, and the sandbox is wholly old or wholly new."""
    warm = warm_in_both
    before = warm.load_sandbox("pod-1")
    with (
        contextlib.ExitStack() as frozen,
        just_before(used(warm), statement, lambda: frozen.enter_context(own_server.daemon.frozen())),
        pytest.raises(ENDED),
    ):
        warm.save_sandbox(SANDBOX, CHANGED)
    after = warm.load_sandbox("pod-1")
    assert after == before or {cid: one.record for cid, one in after.containers.items()} == CHANGED


def test_a_lock_of_a_frozen_server(own_server: Server, warm_in_both: ContainerRepository) -> None:
    """To release a lock of a server that doesn't answer ends by the deadline, and the lock ends when it answers."""
    warm = warm_in_both
    lock = warm.lock("pod-1")
    with own_server.daemon.frozen(), pytest.raises(ENDED):
        lock.release()
    warm.lock("pod-1", timeout=60).release()


def test_a_query_of_a_frozen_server(own_server: Server, warm: ContainerRepository) -> None:
    """A query of people's own, and a report, end by their timeout if the server freezes before it answers."""
    summary = catalog.find("summary", warm.database.backend.name)
    for ask in (
        lambda: readonly.read(warm.database, "SELECT count(*) FROM containers", timeout=0.5),
        lambda: run(warm.database, summary, timeout=0.5),
    ):
        ask()
        with (
            contextlib.ExitStack() as frozen,
            _once_it_reads(warm.database, lambda: frozen.enter_context(own_server.daemon.frozen())),
            pytest.raises(QueryTimeout, match=r"no answer within 1\.5 s"),
        ):
            ask()
        ask()


def _select(session: Session) -> None:
    session.execute(text("SELECT count(*) FROM container"))


def _update(session: Session) -> None:
    session.execute(text("UPDATE container SET state = 'held'"))


@pytest.mark.parametrize(
    ("before", "then", "error"),
    [(_select, _select, Unavailable), (_update, _update, Unavailable), (_update, lambda _: None, CommitUnknown)],
    ids=["read", "write", "commit"],
)
def test_a_session_on_a_frozen_server(
    own_server: Server,
    before: Callable[[Session], None],
    then: Callable[[Session], None],
    error: type[DatabaseError],
) -> None:
    """A statement of a session, and its commit, end by the time for a call or a statement; later sessions work."""
    with SessionDatabase(
        own_server.url(own_server.create_database()), timeouts=Timeouts(call=3, statement=1)
    ) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")

        frozen = contextlib.ExitStack()

        def use() -> None:
            with frozen, database.session(write=True) as session:
                before(session)
                frozen.enter_context(own_server.daemon.frozen())
                then(session)

        with pytest.raises(error):
            use()
        with database.session() as session:
            _select(session)


def test_a_check_of_a_frozen_server(own_server: Server, warm: ContainerRepository) -> None:
    """A check of the schema ends, too."""
    with own_server.daemon.frozen(), pytest.raises(DatabaseError):
        list(check(warm.database))


@contextlib.contextmanager
def _once_it_reads(database: Database, act: Callable[[], object]) -> Iterator[None]:
    """Act when the query's connection is open, before the query is sent."""
    backend = database.backend
    effect = backend.effect

    def act_first(cursor: Any, sql: str) -> str:
        found = effect(cursor, sql)
        act()
        return found

    backend.effect = act_first  # type: ignore[method-assign]
    yield
    del backend.effect  # type: ignore[attr-defined]


def test_a_new_connection_to_a_frozen_server(own_server: Server) -> None:
    """To connect to a server that doesn't answer ends by the deadline, too."""
    with (
        own_server.daemon.frozen(),
        Database(own_server.url(own_server.home), timeouts=Timeouts(call=1)) as database,
        pytest.raises(DatabaseError),
    ):
        ContainerRepository(database, host="node-1")


@pytest.mark.parametrize("timeouts", [Timeouts(call=0.2), Timeouts(statement=0.2)], ids=["call", "statement"])
def test_a_slow_statement_on_sqlite(sqlite_store: tuple[str, Database], timeouts: Timeouts) -> None:
    """SQLite's library runs a statement for as long as it takes: the deadline ends it, and the connection serves on."""
    with Database(sqlite_store[0], timeouts=timeouts) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        statement = Statement(slow, database.backend.style)
        with pytest.raises(QueryTimeout):
            database.read(lambda: value(statement, {}))
        assert repository.get("pod-1", "a").cid == "a"


def test_a_lock_that_is_waited_for_in_vain(
    store: tuple[str, Database], statements: Callable[..., contextlib.AbstractContextManager[Statements]]
) -> None:
    """A row or file that others hold is waited for once, for Timeouts.busy, and not once for each retry."""
    url, holder = store
    put(ContainerRepository(holder, host="node-1"), "pod-1", "a")
    with (
        holder.session(write=True) as session,  # type: ignore[attr-defined]  # the store's database has sessions
        Database(url, timeouts=Timeouts(busy=1, call=60)) as database,
    ):
        session.execute(text("UPDATE container SET state = 'held'"))
        waiting = ContainerRepository(database, host="node-1")
        with statements(database.engine) as sent:
            with pytest.raises(Busy):
                waiting.transition("pod-1", "a", "stopped", expected="running")
            # on SQLite it is BEGIN that waits
            assert sent.round_trips == (0 if database.backend.name == "sqlite" else 1)
        session.rollback()
