"""Fixtures of all tests: a fresh database on each engine, servers that a test may break, and what was sent to them.

| fixture | is |
|---|---|
| ``sqlite_url``, ``postgresql_url``, ``mariadb_url`` | the URL of an empty database of this test's own |
| ``database_url`` | each of the three in turn |
| ``postgresql_server``, ``mariadb_server`` | the servers behind them, for more databases and an administrator's SQL |
| ``own_postgresql_server``, ``own_mariadb_server`` | a server of this test's own, to stop, kill, fill, misconfigure |
| ``pgbouncer`` | a pooler in transaction mode before ``postgresql_server`` |
| ``galera`` | a cluster of three MariaDB nodes, to kill one of them |
| ``with_standby`` | a PostgreSQL server with a synchronous standby of this test's own |
| ``haproxy`` | one address for both of them |
| ``proxy_to`` | a network to a server, to cut when a COMMIT is on its way |
| ``open_umask`` | a umask that takes no right away |
| ``without_sqlalchemy``, ``connections`` | how files are opened: by persistdb alone; so, and by SQLAlchemy's engine |
| ``real`` | each of the real runtimes runc and crun in turn, with containers of its own |
| ``small_disk`` | a folder that holds only so many bytes |
| ``statements`` | what an engine sends |

Servers start when the first test asks for them, one of a kind for each pytest process, and end with it, also when it is
killed. ``PERSISTDB_TEST_POSTGRESQL_URL`` and ``PERSISTDB_TEST_MARIADB_URL``, an administrator's URLs, put servers of
yours in their place. What this machine cannot run is skipped, or fails when ``PERSISTDB_REQUIRE_SERVERS=1``.

Tests that need a server have the mark ``servers``, from the fixtures that they use or as the params ``SERVERS``:
``-m "not servers"`` starts none. A test that uses one without the mark is an error.
Tests that take seconds, or run the program as a child process, have the mark ``slow``. ``make test-quick`` omits both.
"""

from __future__ import annotations

import contextlib
import os
import signal
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import needs
from tests.runtimes.real import Real, missing
from tests.servers import (
    Galera,
    HAProxy,
    MariaDB,
    PgBouncer,
    PostgreSQL,
    Proxy,
    Server,
    Statements,
    WithStandby,
    Workspace,
    disks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

# what a fixture takes as its ``params`` to run a test on each of them in turn
SERVERS = tuple(pytest.param(name, marks=pytest.mark.servers) for name in ("postgresql", "mariadb"))
POSTGRESQL, MARIADB = SERVERS
ENGINES = ("sqlite", *SERVERS)

# a database with the schema, for the tests of all layers above it
pytest_plugins = ["tests.store.fixtures"]

# No deadline and no verdict on slow generation: two test processes and their servers share the cores.
_ours = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# In CI a change is judged by the same examples each time; people's own runs search on.
settings.register_profile("ci", derandomize=True, print_blob=True, **_ours)  # type: ignore[arg-type]
settings.register_profile("dev", print_blob=True, **_ours)  # type: ignore[arg-type]
settings.register_profile("soak", max_examples=2000, print_blob=True, **_ours)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks, and leave out the configuration files of whoever runs the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a shell: tests interrupt their programs
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["PERSISTDB_CONFIG"] = os.devnull
    config.addinivalue_line("markers", "servers: needs a PostgreSQL or MariaDB server; set by the fixtures of a test")
    config.addinivalue_line("markers", "slow: takes seconds, or runs the program as a child process")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Take two processes more than cores for ``-n auto``: tests wait for servers, deadlines and programs as well."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return len(os.sched_getaffinity(0)) + 2


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that ask for a server, directly or through other fixtures."""
    if "server_workspace" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.servers)


@pytest.fixture(params=["runc", "crun"])
def real(request: pytest.FixtureRequest) -> Iterator[Real]:
    """Give a real runtime, whose containers are removed at the end."""
    reason = missing(request.param)
    if reason is not None:
        needs.missing(f"{request.param}: {reason}")
    made = Real(request.param)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that used a server, perhaps by ``getfixturevalue``, and has no mark: ``-m "not servers"`` runs it."""
    yield
    if "server_workspace" in request.fixturenames and request.node.get_closest_marker("servers") is None:
        pytest.fail("this test used a server: neither it nor its params have the mark `servers`", pytrace=False)


@pytest.fixture(scope="session")
def server_workspace() -> Iterator[Workspace]:
    """Make the folder of this process's servers."""
    workspace = Workspace()
    yield workspace
    workspace.remove()


@pytest.fixture(scope="session")
def postgresql_server(server_workspace: Workspace) -> Iterator[PostgreSQL]:
    """Start the PostgreSQL server that the tests share: whoever stops it starts it again."""
    given = os.environ.get("PERSISTDB_TEST_POSTGRESQL_URL")
    server = needs.started(lambda: PostgreSQL.given(given) if given else PostgreSQL.private(server_workspace))
    yield server
    server.close()


@pytest.fixture(scope="session")
def mariadb_server(server_workspace: Workspace) -> Iterator[MariaDB]:
    """Start the MariaDB server that the tests share: whoever stops it starts it again."""
    given = os.environ.get("PERSISTDB_TEST_MARIADB_URL")
    server = needs.started(lambda: MariaDB.given(given) if given else MariaDB.private(server_workspace))
    yield server
    server.close()


@pytest.fixture(scope="session")
def pgbouncer(server_workspace: Workspace, postgresql_server: PostgreSQL) -> Iterator[PgBouncer]:
    """Start a pooler before the PostgreSQL server that the tests share."""
    pooler = needs.started(lambda: PgBouncer.private(server_workspace, postgresql_server))
    yield pooler
    pooler.close()


@pytest.fixture
def own_postgresql_server(server_workspace: Workspace) -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server of this test's own."""
    server = needs.started(lambda: PostgreSQL.private(server_workspace))
    yield server
    server.close()


@pytest.fixture
def own_mariadb_server(server_workspace: Workspace) -> Iterator[MariaDB]:
    """Start a MariaDB server of this test's own."""
    server = needs.started(lambda: MariaDB.private(server_workspace))
    yield server
    server.close()


@pytest.fixture(scope="session")
def galera(server_workspace: Workspace) -> Iterator[Galera]:
    """Start a Galera cluster of three nodes: whoever kills one starts it again."""
    cluster = needs.started(lambda: Galera(server_workspace))
    yield cluster
    cluster.close()


@pytest.fixture
def with_standby(server_workspace: Workspace) -> Iterator[WithStandby]:
    """Start a PostgreSQL server with a synchronous standby, of this test's own."""
    pair = needs.started(lambda: WithStandby(server_workspace))
    yield pair
    pair.close()


@pytest.fixture
def haproxy(server_workspace: Workspace, with_standby: WithStandby) -> Iterator[HAProxy]:
    """Start a proxy before that server and its standby."""
    proxy = needs.started(lambda: HAProxy.private(server_workspace, with_standby))
    yield proxy
    proxy.close()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    """Use each server in turn that the tests share."""
    shared: Server = request.getfixturevalue(f"{request.param}_server")
    shared.start()  # a failed test may have left it stopped
    return shared


@pytest.fixture(params=SERVERS)
def own_server(request: pytest.FixtureRequest) -> Server:
    """Start each server in turn, for a test that may freeze or kill it."""
    own: Server = request.getfixturevalue(f"own_{request.param}_server")
    return own


@contextlib.contextmanager
def _fresh(server: Server) -> Iterator[str]:
    server.start()  # a failed test may have left it stopped
    name = server.create_database()
    yield server.url(name)
    server.start()
    server.drop_database(name)


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """Create an empty PostgreSQL database and give its URL."""
    with _fresh(postgresql_server) as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: MariaDB) -> Iterator[str]:
    """Create an empty MariaDB database and give its URL."""
    with _fresh(mariadb_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite file that doesn't exist yet, in an empty folder."""
    folder = tmp_path / "sqlite"
    folder.mkdir()
    return f"sqlite:///{folder}/persistdb.db"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Create an empty database and give its URL, on each engine in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def proxy_to() -> Iterator[Callable[[Server], Proxy]]:
    """Make proxies to servers: ``server.url(database, port=proxy_to(server).port)``."""
    with contextlib.ExitStack() as proxies:
        yield lambda server: proxies.enter_context(Proxy(server.host, server.port))


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Make small disks: ``small_disk("512k")`` is a folder, or ``small_disk("8M", at=folder)`` covers one."""
    mounted: list[Path] = []

    def mount(size: str, *, at: Path | None = None) -> Path:
        place = at or tmp_path_factory.mktemp("disk")
        try:
            disks.mount(size, place)
        except disks.NoMount as refused:
            pytest.skip(f"a small disk takes the right to mount: {refused}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        disks.unmount(place)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files and folders have all the rights that they are made with."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def without_sqlalchemy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let databases take SQLAlchemy, which the tests have imported, for absent."""
    monkeypatch.setattr("persistdb.db.source._is_there", lambda: False)


@pytest.fixture(params=["plain", "engine"])
def connections(request: pytest.FixtureRequest) -> None:
    """Run a test with the connections of a program without SQLAlchemy, and of one that has imported it."""
    if request.param == "plain":
        request.getfixturevalue("without_sqlalchemy")


@pytest.fixture
def statements() -> Callable[[Engine], AbstractContextManager[Statements]]:
    """Record what an engine sends.

    ``with statements(engine) as sent: …``, then ``assert sent.round_trips == 1``.
    """
    return lambda engine: Statements().recording(engine)
