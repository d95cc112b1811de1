"""Fixtures of the store's tests: a database with the schema and nothing in it, quickly.

| fixture | is |
|---|---|
| ``repository`` | a repository on each engine in turn, of the host ``node-1`` |
| ``database`` | its database |
| ``store_url`` | the URL of that, for other connections |
| ``writes`` | what was written since: rows by table |
| ``sent`` | the statements sent since |
| ``apart`` | the URLs of a database and of one that stands for its replica |
| ``on_server`` | a repository on the shared ``server``'s database ``name``, which gives up after few attempts |

The product makes the schema once for each engine and test process. SQLite files are copies of that one; on a server all
tests share the database, with its connections, and what is in it is deleted before each.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import Table, event, make_url, select, text, update

from persistdb import Database
from persistdb.engines import Timeouts
from persistdb.schema.history import Retention
from persistdb.schema.names import HISTORY
from persistdb.schema.prepare import prepare
from persistdb.store.repository import ContainerRepository
from tests.conftest import ENGINES

from .in_step import database_for_tasks, repository_for_tasks
from .samples import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    from persistdb import AsyncDatabase
    from tests.servers import Server, Statements

    from .in_step import Loop

HOST = "node-1"
_kept: Table = Retention.__table__  # type: ignore[assignment]  # declared as FromClause, a Table in fact
_RETENTION: dict[str, dict[str, Any]] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module in each of its ``COLORS``."""
    colors = getattr(metafunc.module, "COLORS", None)
    if colors and "color" in metafunc.fixturenames:
        metafunc.parametrize("color", colors)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an SQLite file that has the schema."""
    path = tmp_path_factory.mktemp("template") / "persistdb.db"
    with Database(f"sqlite:///{path}") as database:
        prepare(database)
    return path


@pytest.fixture(scope="session")
def shared_postgresql(postgresql_server: Server) -> Iterator[tuple[str, Database]]:
    """Make a PostgreSQL database for the tests to share."""
    yield from _shared(postgresql_server)


@pytest.fixture(scope="session")
def shared_mariadb(mariadb_server: Server) -> Iterator[tuple[str, Database]]:
    """Make a MariaDB database for the tests to share."""
    yield from _shared(mariadb_server)


def _shared(server: Server) -> Iterator[tuple[str, Database]]:
    name = server.create_database()
    with Database(server.url(name)) as database:
        prepare(database)
        yield server.url(name), database
    server.start()
    server.drop_database(name)


@pytest.fixture
def sqlite_store(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[str, Database]]:
    """Copy the SQLite file."""
    path = tmp_path / "store" / "persistdb.db"
    path.parent.mkdir(mode=0o700)
    shutil.copy(sqlite_template, path)
    with Database(f"sqlite:///{path}") as database:
        yield f"sqlite:///{path}", database


@pytest.fixture
def postgresql_store(shared_postgresql: tuple[str, Database]) -> tuple[str, Database]:
    """Empty the PostgreSQL database."""
    return _emptied(*shared_postgresql)


@pytest.fixture
def mariadb_store(shared_mariadb: tuple[str, Database]) -> tuple[str, Database]:
    """Empty the MariaDB database."""
    return _emptied(*shared_mariadb)


def _emptied(url: str, database: Database) -> tuple[str, Database]:
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM sandbox"))
        for name in ("host", "audit_run", "audit_finding", *HISTORY):
            connection.execute(text(f"DELETE FROM {name}"))
        connection.execute(text("DELETE FROM lease"))  # of processes that were killed
        # tests change what is kept, and since when
        first = _RETENTION.setdefault(url, dict(connection.execute(select(_kept)).mappings().one()))
        connection.execute(update(_kept).values(first))
    return url, database


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> tuple[str, Database]:
    """Give an empty database with the schema, and its URL, on each engine in turn."""
    found: tuple[str, Database] = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def store_url(store: tuple[str, Database]) -> str:
    """Give the database's URL."""
    return store[0]


@pytest.fixture
def database(store: tuple[str, Database]) -> Database:
    """Give the database."""
    return store[1]


@pytest.fixture
def color() -> str:
    """Say whether repositories are for threads or for tasks of asyncio: ``COLORS = ("threads", "tasks")`` is both."""
    return "threads"


@pytest.fixture(scope="session")
def kept_for_tasks() -> Iterator[Callable[[str], tuple[Loop, AsyncDatabase]]]:
    """Open databases of servers for tasks, each once."""
    opened: dict[str, tuple[Loop, AsyncDatabase]] = {}
    with ExitStack() as stack:

        def open_(url: str) -> tuple[Loop, AsyncDatabase]:
            if url not in opened:
                opened[url] = stack.enter_context(database_for_tasks(url))
            return opened[url]

        yield open_


@pytest.fixture
def for_tasks(
    store: tuple[str, Database], color: str, kept_for_tasks: Callable[[str], tuple[Loop, AsyncDatabase]]
) -> Iterator[tuple[Loop, AsyncDatabase] | None]:
    """Open the same database for tasks, where the repository is for them."""
    url, database = store
    if color == "threads":
        yield None
    elif database.backend.name == "sqlite":
        with database_for_tasks(url) as opened:
            yield opened
    else:
        yield kept_for_tasks(url)


@pytest.fixture
def repository(database: Database, for_tasks: tuple[Loop, AsyncDatabase] | None) -> ContainerRepository:
    """Give a repository on it."""
    return repository_for_tasks(for_tasks, HOST, database) if for_tasks else ContainerRepository(database, host=HOST)


@pytest.fixture
def used(database: Database, for_tasks: tuple[Loop, AsyncDatabase] | None) -> Engine:
    """Give the engine that the repository uses."""
    return for_tasks[1].database.engine if for_tasks else database.engine


@pytest.fixture
def sent(used: Engine, statements: Callable[[Engine], AbstractContextManager[Statements]]) -> Iterator[Statements]:
    """Record the statements that the database is sent."""
    with statements(used) as sent:
        yield sent


# on PostgreSQL a change of state begins with what it records
_WRITE = re.compile(r"\s*(?:WITH\b.*\s)?(INSERT INTO|UPDATE|DELETE FROM|DELETE \w+ FROM)\s+(\w+)", re.I | re.S)


@pytest.fixture
def writes(used: Engine) -> Iterator[Counter[str]]:
    """Count the rows that the database is given to write, as ``INSERT mount`` and the like, but for what it records."""
    rows: Counter[str] = Counter()

    def on_statement(
        _connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _executemany: bool
    ) -> None:
        match = _WRITE.match(sql)
        if match and match[2] not in HISTORY:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            arrays = [v for v in values if isinstance(v, str) and v.startswith("[")]
            count = sum(len(msgspec.json.decode(array)) for array in arrays) if arrays else 1
            rows[f"{match[1].split()[0].upper()} {match[2]}"] += count

    event.listen(used, "before_cursor_execute", on_statement)
    yield rows
    event.remove(used, "before_cursor_execute", on_statement)


@pytest.fixture
def name(server: Server, request: pytest.FixtureRequest) -> str:
    """Empty the database that the tests share, and give its name."""
    url, _ = request.getfixturevalue(f"{server.dialect}_store")
    return str(make_url(url).database)


@pytest.fixture
def on_server(server: Server, name: str, color: str) -> Iterator[ContainerRepository]:
    """Give a repository on it that gives up after few attempts."""
    options: dict[str, Any] = {"retries": 2, "timeouts": Timeouts(busy=1)}
    with Database(server.url(name), **options) as database:
        if color == "threads":
            yield ContainerRepository(database, host=HOST)
        else:
            with database_for_tasks(server.url(name), **options) as opened:
                yield repository_for_tasks(opened, HOST, database)


class Apart(NamedTuple):
    """The URLs of two databases that do not replicate; the first has pod-1/new of node-1, the second pod-1/old."""

    primary: str
    replica: str


@pytest.fixture
def apart(server: Server) -> Iterator[Apart]:
    """Make two such databases on each server in turn: what is read shows which of them was asked."""
    names = [server.create_database() for _ in range(2)]
    found = Apart(*map(server.url, names))
    for url, cid in ((found.primary, "new"), (found.replica, "old")):
        with Database(url) as database:
            put(ContainerRepository(database, host=HOST), "pod-1", cid)
    yield found
    for name in names:
        server.drop_database(name)
