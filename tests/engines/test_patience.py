"""A server that is away for a while makes no call fail; what is a mistake fails at once."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import AccessDenied, ContainerRepository, Database, Timeouts, Unavailable
from persistdb.engines.patience import absence
from tests.servers.daemon import free_port
from tests.store.faults import just_before
from tests.store.in_step import database_for_tasks, repository_for_tasks, used
from tests.store.samples import SANDBOX, container, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tests.servers import Proxy, Server

CHANGED = {"a": container("pod-1-a", state="stopped")}
CALL = 60.0


@pytest.fixture
def url(own_server: Server) -> str:
    """Create a database on a server that a test may stop."""
    return own_server.url(own_server.create_database())


@pytest.fixture(params=["threads", "tasks"])
def repository(request: pytest.FixtureRequest, url: str) -> Iterator[ContainerRepository]:
    """Give a repository that runs nothing again, so that nothing but patience helps."""
    options: dict[str, Any] = {"timeouts": Timeouts(call=CALL), "retries": 0, "pool_size": 2}
    with Database(url, **options) as database:
        for_threads = ContainerRepository(database, host="node-1")
        put(for_threads, "pod-1", "a")
        if request.param == "threads":
            yield for_threads
        else:
            with database_for_tasks(url, **options) as opened:
                yield repository_for_tasks(opened, "node-1", database)


@contextlib.contextmanager
def away(server: Server, engine: Engine) -> Iterator[None]:
    """Stop a server, and start it again as soon as somebody waits for it."""
    server.stop()

    def come_back() -> None:
        while absence(engine) is None:
            threading.Event().wait(0.01)
        server.start()

    thread = threading.Thread(target=come_back)
    thread.start()
    yield
    thread.join()


CALLS: dict[str, Callable[[ContainerRepository], object]] = {
    "get": lambda r: r.get("pod-1", "a"),
    "save_sandbox": lambda r: r.save_sandbox(SANDBOX, CHANGED),
    "transition": lambda r: r.transition("pod-1", "a", "stopped", expected="running"),
    "lock": lambda r: r.lock("pod-1").release(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_server_that_is_away(
    own_server: Server, repository: ContainerRepository, call: Callable[[ContainerRepository], object]
) -> None:
    """A call to a server that is stopped, and started a little later, is made."""
    with away(own_server, used(repository).engine):
        call(repository)
    assert absence(used(repository).engine) is None


def test_a_transaction_with_a_server_that_is_away(own_server: Server, repository: ContainerRepository) -> None:
    """A transaction, too, begins when the server is back."""
    with away(own_server, used(repository).engine), repository.transaction() as work:
        assert work.count() == 1


def test_the_first_call_to_a_server_that_is_away(own_server: Server, url: str) -> None:
    """A program that starts before its server waits for it."""
    own_server.stop()
    with Database(url, retries=0, timeouts=Timeouts(call=CALL)) as database, away(own_server, database.engine):
        assert ContainerRepository(database, host="node-1").count() == 0


def test_more_threads_than_connections(own_server: Server, url: str) -> None:
    """Threads that wait for a connection wait for the server with those that connect."""
    timeouts = Timeouts(call=CALL, pool=2)  # of which each needs a part when the server is back
    with Database(url, timeouts=timeouts, pool_size=1, retries=1000) as database:
        repository = ContainerRepository(database, host="node-1")
        failed: list[BaseException] = []

        def count() -> None:
            try:
                repository.count()
            except BaseException as error:  # noqa: BLE001  the test looks at it
                failed.append(error)

        threads = [threading.Thread(target=count) for _ in range(3)]
        with away(own_server, database.engine):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert failed == []


@pytest.mark.parametrize("fault", ["stop", "kill"])
def test_a_commit_that_is_lost_with_its_server(own_server: Server, url: str, fault: str) -> None:
    """A commit that is lost with its server is asked for when that is back, and made if it was not."""
    with Database(url, timeouts=Timeouts(call=CALL)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        came_back: list[threading.Thread] = []

        def go_away() -> None:
            getattr(own_server, fault)()
            thread = threading.Thread(target=own_server.start)
            thread.start()
            came_back.append(thread)

        # one statement, which commits on its own: whether it did is asked for
        with just_before(database, "UPDATE container", go_away):
            repository.transition("pod-1", "a", "stopped", expected="running")
        came_back[0].join()
        assert repository.get("pod-1", "a").record.state == "stopped"


def open_(url: str, **timeouts: float) -> None:
    with Database(url, timeouts=Timeouts(**timeouts)) as database:
        ContainerRepository(database, host="node-1")


MISTAKES: dict[str, Callable[[str], str]] = {
    "a wrong password": lambda url: url.replace("hush", "wrong"),
    "an unknown user": lambda url: url.replace("persistdb:", "nobody_knows:"),
    "an unknown database": lambda url: url + "_nowhere",
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(server: Server, name: str, mistake: Callable[[str], str], caplog: pytest.LogCaptureFixture) -> None:
    """What waiting does not mend is tried once."""
    caplog.set_level("DEBUG", "persistdb")
    with pytest.raises((AccessDenied, Unavailable)):
        open_(mistake(server.url(name)), call=CALL)
    assert "away" not in caplog.text
    assert "again" not in caplog.text


def test_the_time_for_a_call_is_over(server: Server, name: str) -> None:
    """A server that does not come back is an error when the time for a call is over, or for connecting."""
    nowhere = server.url(name, port=free_port())
    with pytest.raises(Unavailable):
        open_(nowhere, call=0.5)
    with pytest.raises(Unavailable):
        open_(nowhere + "?connect_timeout=1", call=CALL)


def test_a_port_that_hangs_up(server: Server, name: str, proxy_to: Callable[[Server], Proxy]) -> None:
    """A proxy without a server behind it, which hangs up, is waited for as the server itself."""
    proxy = proxy_to(server)
    proxy.refuse()
    with Database(server.url(name, port=proxy.port), retries=0, timeouts=Timeouts(call=CALL)) as database:

        def come_back() -> None:
            while absence(database.engine) is None:
                threading.Event().wait(0.01)
            proxy.refuse(False)

        thread = threading.Thread(target=come_back)
        thread.start()
        ContainerRepository(database, host="node-1")
        thread.join()
        with database.session() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1
