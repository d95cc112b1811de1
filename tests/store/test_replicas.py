"""``Database(replica=…)``: lists and reports are read there, what decides is not, and nothing stands in for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from persistdb import (
    AsyncContainerRepository,
    AsyncDatabase,
    BadURL,
    ContainerRepository,
    Database,
    FeedUnavailable,
    InvalidValue,
    ReplicaSchemaError,
    Timeouts,
    Unavailable,
    reports,
)
from persistdb.reports import readonly
from persistdb.schema.version import HEAD
from persistdb.store.check import check_rows
from tests.servers import MariaDB
from tests.servers.server import PASSWORD, USER
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import put
from tests.store.test_clusters import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.servers import Server, WithStandby, Workspace
    from tests.store.fixtures import Apart

COLORS = ("threads", "tasks")
HOST = "node-1"
SOON = Timeouts(call=1, connect=1)


@contextlib.contextmanager
def opened(apart: Apart, color: str = "threads") -> Iterator[Any]:
    """Open a repository of either color on a database with a replica."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(Database(apart.primary, replica=apart.replica))
        if color == "threads":
            yield ContainerRepository(database, host=HOST)
        else:
            tasks = stack.enter_context(database_for_tasks(apart.primary, replica=apart.replica))
            yield repository_for_tasks(tasks, HOST, database)


def test_who_answers(apart: Apart, color: str) -> None:
    """Questions about many containers are the replica's; what may precede a write, and all in a transaction, is not."""
    with opened(apart, color) as repository:
        lists = (repository.find(), repository.summaries(), repository.iterate(), repository.iterate(sort="sid"))
        assert [[one.cid for one in each] for each in lists] == [["old"]] * 4
        assert repository.count("cid=old") == 1
        assert repository.get("pod-1", "new").cid == repository.look_up("ne").cid == "new"
        assert repository.exists("pod-1", "new")
        assert repository.load_sandbox("pod-1").containers.keys() == {"new"}
        assert [one.containers.keys() for one in repository.load_sandboxes()] == [{"new"}]
        repository.transition("pod-1", "new", "stopped", expected="running")
        with repository.transaction() as work:
            assert [one.cid for one in work.find("state=stopped")] == ["new"]
            assert work.count() == 1
        assert repository.count("state=stopped") == 0


def test_within_a_session(apart: Apart) -> None:
    """A thread that writes in a session decides by what it reads meanwhile."""
    with opened(apart) as repository:
        with repository.database.session(write=True) as session:
            session.execute(text("UPDATE sandbox SET state = state"))
            assert [one.cid for one in repository.find()] == ["new"]
        assert [one.cid for one in repository.find()] == ["old"]


def test_reports_and_checks(apart: Apart, server: Server) -> None:
    """A report is the replica's, of one host and of all; the check of the rows is of the database itself."""
    replica = make_url(apart.replica).database
    server.execute("UPDATE container SET state = 'paused'", database=replica)
    with opened(apart) as repository:
        database = repository.database
        report = reports.find("summary", server.dialect)
        for host in (HOST, None):
            assert "paused" in str(reports.run(database, report, host=host))
        server.execute("UPDATE mount SET options = '{}'", database=replica)
        assert check_rows(database) == []
        with Database(apart.replica) as beside:
            assert check_rows(beside) != []


def test_a_standby(with_standby: WithStandby) -> None:
    """A list of hosts will do for a replica; its lag is told, and when it is away, lists are, and nothing else."""
    name = with_standby.primary.create_database()
    with Database(with_standby.url(name)) as first:
        put(ContainerRepository(first, host=HOST), "pod-1", "a")
    listed = with_standby.standby.url(name).replace("@", "@127.0.0.1:1,")
    with Database(with_standby.url(name), replica=listed, timeouts=SOON) as database:
        repository = ContainerRepository(database, host=HOST)
        until(lambda: database.replica_lag() == 0 and repository.count() == 1)
        with_standby.standby.execute("SELECT pg_wal_replay_pause()")
        put(repository, "pod-2", "b")
        assert repository.get("pod-2", "b").cid == "b"
        assert [one.cid for one in repository.find()] == ["a"]
        until(lambda: (database.replica_lag() or 0) > 0)
        with_standby.standby.execute("SELECT pg_wal_replay_resume()")
        until(lambda: repository.count() == 2)
        until(lambda: database.replica_lag() == 0)
        with_standby.standby.kill()
        for ask in (repository.count, database.replica_lag, lambda: list(repository.iterate())):
            with pytest.raises(Unavailable) as caught:
                ask()
            port = make_url(with_standby.standby.url(name)).port
            assert f"127.0.0.1:1,127.0.0.1:{port}" in str(caught.value)
            assert ":***@" in str(caught.value)
        assert repository.exists("pod-2", "b")


@pytest.mark.parametrize(
    ("statements", "has"),
    [
        (["DROP TABLE schema_support", "DROP TABLE persistdb_version"], "has no persistdb schema"),
        (["UPDATE persistdb_version SET version_num = '0011'"], "is at schema revision 0011"),
        (["UPDATE schema_support SET min_reader = '9999'"], f"is at schema revision {HEAD}"),
    ],
    ids=["none", "older", "newer"],
)
def test_another_schema(apart: Apart, server: Server, statements: list[str], has: str) -> None:
    """A replica whose schema this program cannot read is an error that names it; all else goes on."""
    for statement in statements:
        server.execute(statement, database=make_url(apart.replica).database)
    with opened(apart) as repository:
        report = reports.find("summary", server.dialect)
        for ask in (
            repository.find,
            lambda: reports.run(repository.database, report),
            lambda: readonly.read(repository.database.replica, "SELECT 1"),
        ):
            with pytest.raises(ReplicaSchemaError) as caught:
                ask()
            assert str(caught.value).startswith(f"{repository.database.replica.url}: this replica {has}, ")
        assert repository.get("pod-1", "new").cid == "new"

        async def ask_in_task() -> None:
            async with AsyncDatabase(apart.primary, replica=apart.replica) as database:
                tasks = AsyncContainerRepository(database, host=HOST)
                with pytest.raises(ReplicaSchemaError):
                    await tasks.find()
                assert await tasks.exists("pod-1", "new")

        asyncio.run(ask_in_task())


def test_what_is_no_replica(apart: Apart, server: Server, tmp_path: Path) -> None:
    """A file, and a server of another kind, are none; a database without one has no lag."""
    for primary in (apart.primary, f"sqlite:///{tmp_path}/a.db"):
        with pytest.raises(BadURL, match="a replica is a server's, and this is a file"):
            Database(primary, replica=f"sqlite:///{tmp_path}/b.db")
    with pytest.raises(InvalidValue, match="must be a server's URL"):
        Database(apart.primary, replica="")
    other = "mariadb" if server.dialect == "postgresql" else "postgresql"
    with pytest.raises(BadURL, match=rf"{other}://u:\*\*\*@h/x: a replica of a database on {server.dialect} must be"):
        Database(apart.primary, replica=f"{other}://u:secret@h/x")
    with Database(apart.primary) as alone, pytest.raises(InvalidValue, match=r"Database\(replica=URL\)"):
        alone.replica_lag()


def test_lag_of_a_server_that_is_no_replica(apart: Apart, color: str) -> None:
    """It cannot be told."""
    with opened(apart, color) as repository:
        assert repository.database.replica_lag() is None


@contextlib.contextmanager
def replicated(server_workspace: Workspace) -> Iterator[tuple[MariaDB, MariaDB, str]]:
    """Start a MariaDB server with a replica of all its databases; yield both, and the name of one that is empty."""
    with contextlib.ExitStack() as stack:
        servers = []
        for number in ("1", "2"):
            each = MariaDB.stopped(server_workspace, {"server-id": number, "log-bin": "binlog"})
            stack.callback(each.close)
            each.start()
            servers.append(each)
        primary, replica = servers
        login = f"MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='{USER}'"
        replica.execute(f"CHANGE MASTER TO {login}, MASTER_PASSWORD='{PASSWORD}'")
        primary.create_user()
        primary.execute(f"GRANT REPLICATION SLAVE ON *.* TO '{USER}'@'%'")
        replica.execute("START SLAVE")
        name = primary.create_database()
        until(lambda: name in replica.databases())
        yield primary, replica, name


def test_lag_on_mariadb(server_workspace: Workspace) -> None:
    """It is the server's own answer, to a user who may ask, while the server replicates."""
    with replicated(server_workspace) as (primary, replica, name):
        url = replica.url(name)
        with Database(primary.url(name), replica=url) as database:
            repository = ContainerRepository(database, host=HOST)
            put(repository, "pod-1", "a")
            assert database.replica_lag() is None
            primary.execute(f"GRANT SLAVE MONITOR ON *.* TO '{USER}'@'%'")
            until(
                lambda: (
                    replica.execute(f"SHOW GRANTS FOR '{USER}'@'%'") == primary.execute(f"SHOW GRANTS FOR '{USER}'@'%'")
                )
            )
            database.close()  # global rights are those of when a connection began
            until(lambda: database.replica_lag() == 0)
            until(lambda: repository.count() == 1)
            replica.execute("STOP SLAVE SQL_THREAD")
            assert database.replica_lag() is None


def test_a_feed_of_a_replica_of_mariadb(server_workspace: Workspace) -> None:
    """It is refused with the reason, for a replica commits in another order; one that was promoted is read."""
    with replicated(server_workspace) as (primary, replica, name), Database(primary.url(name)) as database:
        put(ContainerRepository(database, host=HOST), "pod-1", "a")
        with Database(replica.url(name)) as other:
            until(lambda: replica.execute("SELECT count(*) FROM event", database=name) == [(2,)])
            repository = ContainerRepository(other, host=HOST)
            with pytest.raises(FeedUnavailable, match="slaves_running is 1") as caught:
                next(repository.events())
            assert str(caught.value).startswith(other.url)
            replica.execute("SET GLOBAL read_only = ON")
            with pytest.raises(FeedUnavailable, match="read_only is ON, slaves_running is 1"):
                next(repository.events())
            replica.execute("STOP SLAVE")
            replica.execute("SET GLOBAL read_only = OFF")
            assert [event.kind for event in repository.events()] == ["created", "created"]
