"""Lists of hosts in the URLs of servers: how they are read and shown, and which host is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from persistdb import ContainerRepository, Database, ReadOnly, Timeouts, Unavailable
from persistdb.engines import resolve
from persistdb.engines.urls import listed_hosts
from persistdb.errors import BadURL
from tests.servers import HUSH
from tests.servers.daemon import free_port
from tests.store.in_step import database_for_tasks, repository_for_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import MariaDB, Server

READ = {
    "postgresql://u@a:1,b:2/d": [("a", 1), ("b", 2)],
    "postgresql://u:x%40y@a,b:2/d?target_session_attrs=any": [("a", None), ("b", 2)],
    "postgresql://[::1]:1,[::2]/d": [("::1", 1), ("::2", None)],
    "mariadb://u:p@a:1,b,c:3": [("a", 1), ("b", None), ("c", 3)],
    # SQLAlchemy's own way to write one
    "postgresql://u:p@/d?host=a:1&host=b:2": [("a", 1), ("b", 2)],
    # commas of a password, a path, an option
    "mariadb://u:p,q/r@h:1/d": [],
    "postgresql://u@h/a,b": [],
    "postgresql://h/d?options=-c%20search_path=a,b": [],
}


@pytest.mark.parametrize("url", READ)
def test_lists_are_read(url: str) -> None:
    """A comma among the hosts makes a list, and no other one does."""
    assert listed_hosts(resolve(url)[1]) == READ[url]


@pytest.mark.parametrize(
    "url",
    [
        "mariadb://u:secret@a,,b/d",
        "mariadb://u:secret@a,/d",
        "mariadb://u:secret@a:x,b/d",
        "mariadb://u:secret@a:70000,b/d",
        "mariadb://u:secret@a b,c/d",
        "mariadb://u:secret@a,b/d?host=c",
        "postgresql://u:secret@a,b/d?port=1",
        "postgresql://u:secret@a/d?host=b:1&host=c:2",
        "postgresql://u:secret@a,b/d?target_session_attrs=x",
        "mariadb://u:secret@a,b/d?target_session_attrs=standby",
        "mariadb://u:secret@a,b/d?load_balance_hosts=x",
        "mariadb://u:secret@a/d?load_balance_hosts=random",
    ],
)
def test_lists_that_are_refused(url: str) -> None:
    """What is no list of hosts is BadURL, in one line and without the password."""
    with pytest.raises(BadURL) as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@a:1,[::1]:2/d", "postgresql://u:***@a:1,[::1]:2/d"),
        ("mariadb://u@a:1,b/d?passwd=secret", None),
        ("mariadb://a,b/d?ssl_key_password=secret", "mariadb://a,b/d?ssl_key_password=***"),
        ("postgresql://u:secret@/d?host=a:1&host=b", "postgresql://u:***@a:1,b/d"),
        (make_url("mariadb://u:secret@/d?host=a:1&host=b"), "mariadb://u:***@a:1,b/d"),
    ],
)
def test_lists_are_shown(url: Any, shown: str | None) -> None:
    """A list is shown as it is written, without passwords."""
    if shown is None:
        with pytest.raises(BadURL) as caught:
            Database(url)
        assert "secret" not in str(caught.value)
        return
    with Database(url) as database:
        assert database.url == shown
        assert "secret" not in repr(database) + repr(database.engine) + repr(database.engine.pool)


def _listed(server: Server, name: str, *ports: int, **options: str) -> str:
    url = make_url(server.url(name)).update_query_dict(options).render_as_string(hide_password=False)
    return url.replace(f":{server.port}/", f":{server.port}" + "".join(f",127.0.0.1:{port}" for port in ports) + "/")


@pytest.mark.parametrize("tasks", [False, True], ids=["threads", "tasks"])
def test_hosts_that_are_away_are_passed_over(server: Server, name: str, tasks: bool) -> None:
    """A host that nobody answers on is passed over, wherever it is in the list."""
    nobody = free_port()
    url = _listed(server, name, nobody)
    first = url.replace(f"127.0.0.1:{server.port},127.0.0.1:{nobody}", f"127.0.0.1:{nobody},127.0.0.1:{server.port}")
    for each in (url, first, first + "?load_balance_hosts=random"):
        with Database(each, retries=0) as database:
            repository = ContainerRepository(database, host="node-1")
            assert repository.count() == 0
            if tasks:
                with database_for_tasks(each, retries=0) as opened:
                    assert repository_for_tasks(opened, "node-1", database).count() == 0


def test_no_host_answers(server: Server, name: str) -> None:
    """With no host of a list there, the error shows the list and not the password."""
    url = server.url(name).replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}")
    with Database(url, timeouts=Timeouts(call=0.3)) as database, pytest.raises(Unavailable) as caught:
        ContainerRepository(database, host="node-1").count()
    assert "***@127.0.0.1:" in str(caught.value)
    assert ",127.0.0.1:" in str(caught.value)
    assert HUSH not in str(caught.value)


def test_a_replica_of_mariadb_is_passed_over(
    own_mariadb_server: MariaDB, mariadb_server: MariaDB, mariadb_url: str
) -> None:
    """A server of a list that takes no writes is passed over, also when it ceases to take them, unless any will do."""
    name = own_mariadb_server.create_database(make_url(mariadb_url).database)
    url = _listed(own_mariadb_server, name, mariadb_server.port)
    with Database(url, retries=1) as database:
        ContainerRepository(database, host="node-1").destroy_sandbox("pod-1")
        assert _port(database) == own_mariadb_server.port
        own_mariadb_server.execute("SET GLOBAL read_only = 1")
        with Database(mariadb_server.url(name)) as other:
            ContainerRepository(other, host="node-1")
        ContainerRepository(database, host="node-1").destroy_sandbox("pod-1")
        assert _port(database) == mariadb_server.port
    with Database(f"{url}?target_session_attrs=any", retries=1) as database:
        assert ContainerRepository(database, host="node-1").count() == 0
        assert _port(database) == own_mariadb_server.port
        with pytest.raises(ReadOnly):
            ContainerRepository(database, host="node-1").destroy_sandbox("pod-1")


def _port(database: Database) -> int:
    with database.reader.connect() as connection:
        found: int = connection.exec_driver_sql("SELECT @@port").scalar_one()
    return found


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    """Create a database on a server that tests share."""
    created = server.create_database()
    yield created
    server.drop_database(created)
