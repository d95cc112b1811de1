"""What a server is asked before the first call, as the server itself counts it."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from persistdb import ContainerRepository, Database
from tests.store.in_step import database_for_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.servers import Server

MOST = 3


@pytest.fixture
def heard(server: Server, name: str) -> Iterator[Callable[[], Sequence[str]]]:
    """Let the server note all statements that it is sent by users of the database, and give them."""
    if not server.ours:
        pytest.skip("a server that was given by URL: its log is not the tests' to read")
    if server.dialect == "postgresql":
        server.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
        begin = len(server.daemon.log())
        yield lambda: re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", server.daemon.log()[begin:])
        server.execute(f"ALTER DATABASE {name} RESET log_statement")
    else:
        server.execute("SET GLOBAL log_output = 'TABLE'")
        server.execute("TRUNCATE mysql.general_log")
        server.execute("SET GLOBAL general_log = ON")
        asked = (
            "SELECT CAST(argument AS char) FROM mysql.general_log"
            " WHERE user_host LIKE 'persistdb%' AND command_type IN ('Query', 'Prepare', 'Execute')"
        )
        # the driver's own, and SQLAlchemy's after it
        yield lambda: [sql for (sql,) in server.execute(asked) if sql != "SET NAMES utf8mb4"]
        server.execute("SET GLOBAL general_log = OFF")
        server.execute("SET GLOBAL log_output = DEFAULT")


def test_statements_of_a_start(server: Server, name: str, heard: Callable[[], Sequence[str]]) -> None:
    """A repository is opened with three statements at the most, the session's settings among them."""
    with Database(server.url(name)) as database:
        ContainerRepository(database, host="node-1")
        sent = heard()
    assert 1 <= len(sent) <= MOST, sent
    assert any("persistdb_version" in each for each in sent)


def test_statements_of_a_start_for_tasks(server: Server, name: str, heard: Callable[[], Sequence[str]]) -> None:
    """So it is for tasks of asyncio, beside the look at the schema, which has a connection of its own."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(database_for_tasks(server.url(name)))
        sent = heard()
    # the last is the count that a task begins with
    assert 1 <= len(sent) <= 2 * MOST, sent


def test_what_is_known_without_a_question(server: Server, name: str) -> None:
    """SQLAlchemy knows the server's version, the schema and the tables as if it had asked."""
    with Database(server.url(name)) as database, database.reader.connect() as connection:
        column = "current_setting('server_version_num')" if server.dialect == "postgresql" else "version()"
        version = str(connection.exec_driver_sql(f"SELECT {column}").scalar_one())
        schema = str(connection.exec_driver_sql(f"SELECT {_SCHEMA[server.dialect]}").scalar_one())
        dialect = connection.dialect
        assert dialect.default_schema_name == schema
        found = dialect.server_version_info
        assert found is not None
        if server.dialect == "postgresql":
            assert found == (int(version) // 10000, int(version) % 10000)
        else:
            assert ".".join(map(str, found[:3])) == re.match(r"[\d.]+", version)[0]  # type: ignore[index]
        assert {"sandbox", "container"} <= set(inspect(connection).get_table_names())


_SCHEMA = {"postgresql": "current_schema()", "mariadb": "database()"}
