"""The test servers themselves: fresh databases, faults that leave data whole, and nothing left of a killed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.servers import HUSH, PASSWORD, Account, MariaDB, PostgreSQL, Proxy, Server, daemon
from tests.servers.proxy import Cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The product's engines are another matter: these tests connect by themselves.
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}


def engine_for(url: str, **options: Any) -> Engine:
    parsed = make_url(url)
    return create_engine(parsed.set(drivername=DRIVERS[parsed.drivername]), poolclass=NullPool, **options)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(database_url: str, turn: int) -> None:
    engine = engine_for(database_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_by_turn (turn INTEGER)"))
        connection.execute(text("INSERT INTO left_by_turn VALUES (:turn)"), {"turn": turn})
        assert connection.scalar(text("SELECT turn FROM left_by_turn")) == turn


def test_the_user_of_the_urls_is_no_administrator(server: Server) -> None:
    if not server.ours:
        pytest.skip("a server that was given by URL: its user is an administrator")
    name = server.create_database()
    with engine_for(server.url(name)).connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("CREATE ROLE other"))
    server.drop_database(name)


def test_a_database_is_dropped_under_its_connections(server: Server) -> None:
    name = server.create_database()
    with engine_for(server.url(name)).connect() as connection:
        connection.execute(text("CREATE TABLE held (x INTEGER)"))
        connection.execute(text("SELECT * FROM held"))
        server.drop_database(name)
        connection.invalidate()
    with pytest.raises(OperationalError):
        engine_for(server.url(name)).connect()


def test_the_password_is_wanted_and_shows_in_both_its_forms(own_server: Server) -> None:
    name = own_server.create_database()
    url = own_server.url(name)
    assert HUSH in PASSWORD
    assert HUSH in url
    assert PASSWORD not in url
    with engine_for(url).connect():
        pass
    with pytest.raises(OperationalError):
        engine_for(url.replace(HUSH, "loud")).connect()


def test_unix_sockets_lead_there_too(own_postgresql_server: PostgreSQL, own_mariadb_server: MariaDB) -> None:
    for own in (own_postgresql_server, own_mariadb_server):
        with engine_for(own.socket_url(own.create_database())).connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_servers_run_as_an_ordinary_user(own_server: Server) -> None:
    status = Path(f"/proc/{own_server.daemon.pid}/status").read_text()
    assert f"Uid:\t{own_server.daemon.account.uid}\t" in status
    assert own_server.daemon.account.uid != 0


@pytest.mark.parametrize("fault", ["restart", "stop", "kill"])
def test_data_outlives_a_fault(own_server: Server, fault: str) -> None:
    name = own_server.create_database()
    engine = engine_for(own_server.url(name))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (x INTEGER)"))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO kept VALUES (7)"))
    getattr(own_server, fault)()
    if fault != "restart":
        with pytest.raises(OperationalError):
            engine.connect()
    own_server.start()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT x FROM kept")) == 7


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two servers get one port, though one is chosen before its server begins, and other processes choose, too."""
    given = [daemon.free_port() for _ in range(100)]
    assert len(set(given)) == 100
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    parts = []
    for worker in range(3):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        parts += daemon._ports()
    assert len(parts) == len(set(parts)) == len(daemon._PORTS)


def test_settings_come_with_a_restart(own_postgresql_server: PostgreSQL, own_mariadb_server: MariaDB) -> None:
    own_postgresql_server.restart(max_connections=17)
    own_mariadb_server.restart(max_connections=17)
    assert own_postgresql_server.execute("SHOW max_connections") == [("17",)]
    assert own_mariadb_server.execute("SELECT @@max_connections") == [(17,)]


@pytest.mark.parametrize("when", list(Cut))
def test_a_proxy_cuts_a_commit(server: Server, proxy_to: Callable[[Server], Proxy], when: Cut) -> None:
    name = server.create_database()
    direct = engine_for(server.url(name))
    with direct.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    proxy = proxy_to(server)
    through = engine_for(server.url(name, port=proxy.port))
    proxy.cut(b"commit", when)
    with pytest.raises(OperationalError), through.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    with through.begin() as connection:  # once only
        connection.execute(text("INSERT INTO t VALUES (2)"))
    with direct.connect() as connection:
        # The cut commit may still be on its way through the server: the count is asked for until it is right.
        deadline = time.monotonic() + 60
        expected = 2 if when is Cut.AFTER else 1
        while (count := connection.scalar(text("SELECT count(*) FROM t"))) != expected and time.monotonic() < deadline:
            connection.rollback()
            time.sleep(0.01)
    assert count == expected
    server.drop_database(name)


def test_statements_are_counted(database_url: str, statements: Callable[..., Any]) -> None:
    engine = create_engine(
        make_url(database_url).set(drivername=DRIVERS[make_url(database_url).drivername]), pool_pre_ping=True
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    with statements(engine) as sent, engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (:x)"), [{"x": 1}, {"x": 2}, {"x": 3}])
        connection.execute(text("SELECT * FROM t"))
    assert [(statement.text[:6], statement.sets) for statement in sent.statements] == [("INSERT", 3), ("SELECT", 1)]
    assert sent.round_trips == 2
    assert (sent.begins, sent.commits, sent.rollbacks, sent.pings) == (1, 1, 0, 1)
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert len(sent.texts) == 2  # nothing is recorded after the block
    engine.dispose()


def test_a_small_disk_is_small(small_disk: Callable[..., Path]) -> None:
    disk = small_disk("64k")
    with pytest.raises(OSError, match="No space left"):
        (disk / "large").write_bytes(bytes(1_000_000))


# --- a pytest run inside of the test: its conftest.py is ours, its servers its own


@pytest.fixture
def run_inside(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    root = Path(__file__).parent.parent
    started: list[subprocess.Popen[str]] = []

    def run(test: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        file = tmp_path / "test_inside.py"
        file.write_text(textwrap.dedent(test))
        command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-rs", "-p", "no:cacheprovider"]
        process = subprocess.Popen(
            [*command, "--import-mode=importlib", f"--rootdir={tmp_path}", *arguments, str(file)],
            cwd=root,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("number", "arguments"),
    [(signal.SIGKILL, []), (signal.SIGKILL, ["-n1"]), (signal.SIGTERM, []), (signal.SIGINT, [])],
    ids=["SIGKILL", "SIGKILL with xdist", "SIGTERM", "SIGINT"],
)
def test_a_killed_run_leaves_no_server(
    run_inside: Callable[..., subprocess.Popen[str]],
    postgresql_server: Server,
    mariadb_server: Server,
    tmp_path: Path,
    number: signal.Signals,
    arguments: list[str],
) -> None:
    if not (postgresql_server.ours and mariadb_server.ours):
        pytest.skip("the servers were given by URL")
    told = tmp_path / "told"
    run = run_inside(
        f"""
        import os, pathlib, time

        def test_hang(postgresql_url, mariadb_url, postgresql_server, mariadb_server, server_workspace):
            if os.fork() == 0:  # what a run has forked lives on for a while, and holds all that the run had open
                time.sleep(3)
                os._exit(0)
            pids = f"{{postgresql_server.daemon.pid}} {{mariadb_server.daemon.pid}} {{server_workspace.path}}"
            pathlib.Path({str(told)!r} + ".part").write_text(pids)
            os.rename({str(told)!r} + ".part", {str(told)!r})
            time.sleep(20)
        """,
        *arguments,
    )
    deadline = time.monotonic() + 60
    while not told.exists():
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    postgresql, mariadb, folder = told.read_text().split()
    assert alive(int(postgresql))
    assert alive(int(mariadb))
    run.send_signal(number)
    deadline = time.monotonic() + 60
    while alive(int(postgresql)) or alive(int(mariadb)) or Path(folder).exists():
        assert time.monotonic() < deadline, f"left: {postgresql} {mariadb} {folder}"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("postgresql_server")  # without the server's program there is nothing to use
def test_a_test_without_the_mark(run_inside: Callable[..., subprocess.Popen[str]]) -> None:
    """A test that uses a server and has no mark is an error in each run, whoever used the server before it."""
    run = run_inside(
        """
        import pytest
        from tests.conftest import POSTGRESQL

        @pytest.mark.parametrize("engine", [POSTGRESQL])
        def test_marked(request, engine):
            request.getfixturevalue(f"{engine}_url")

        def test_unmarked(request):
            request.getfixturevalue("postgresql_url")
        """
    )
    output, _ = run.communicate()
    assert "2 passed, 1 error" in output
    assert "ERROR at teardown of test_unmarked" in output


NO_BINARIES = """
    import pytest
    from tests.servers import postgresql, mariadb

    @pytest.fixture(scope="session", autouse=True)
    def bare():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", "/nowhere")
            patch.setattr(postgresql, "PLACES", ())
            patch.setattr(mariadb, "PLACES", ())
            yield

    def test_sqlite(sqlite_url): pass
    def test_postgresql(postgresql_url): pass
    def test_mariadb(mariadb_url): pass
"""


@pytest.mark.slow
def test_a_missing_server_is_skipped_and_its_package_named(run_inside: Callable[..., subprocess.Popen[str]]) -> None:
    environment = {"PERSISTDB_REQUIRE_SERVERS": "", **WITHOUT_URLS}
    output, _ = run_inside(NO_BINARIES, **environment).communicate()
    assert "1 passed, 2 skipped" in output
    assert "install the package postgresql" in output
    assert "install the package mariadb-server" in output


@pytest.mark.slow
def test_a_missing_server_fails_where_servers_are_required(run_inside: Callable[..., subprocess.Popen[str]]) -> None:
    output, _ = run_inside(NO_BINARIES, PERSISTDB_REQUIRE_SERVERS="1", **WITHOUT_URLS).communicate()
    assert "1 passed, 2 errors" in output


WITHOUT_URLS = {"PERSISTDB_TEST_POSTGRESQL_URL": "", "PERSISTDB_TEST_MARIADB_URL": ""}


def test_a_server_may_be_given_by_url(run_inside: Callable[..., subprocess.Popen[str]], server: Server) -> None:
    if not server.ours:
        pytest.skip("all of this run is with servers given by URL")
    name = f"PERSISTDB_TEST_{server.dialect.upper()}_URL"
    before = server.databases()
    output, _ = run_inside(
        f"""
        from sqlalchemy import create_engine, inspect, make_url

        def test_given({server.dialect}_url, {server.dialect}_server):
            assert not {server.dialect}_server.ours
            url = make_url({server.dialect}_url).set(drivername={DRIVERS[server.dialect]!r})
            engine = create_engine(url)
            assert inspect(engine).get_table_names() == []
            engine.dispose()
        """,
        **{name: server.admin_url},
    ).communicate()
    assert "1 passed" in output
    assert server.databases() == before


def test_root_gives_its_rights_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Account.ordinary("no such user", "nobody").uid == (os.geteuid() or Account.ordinary("nobody").uid)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Account.ordinary("no such user", "nobody").name == "nobody"
    assert Account.ordinary("no such user").name == "nobody"
