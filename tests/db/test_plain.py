"""Connections to a file without SQLAlchemy, and their end when it is imported or asked for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from persistdb import Busy, ContainerRepository, ContainerState, Database, SandboxState, Timeouts
from persistdb.db import source as module
from persistdb.db import waits
from persistdb.db.work import Statement, rows, value
from persistdb.engines import plain_file, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from persistdb.db.work import Work

pytestmark = pytest.mark.usefixtures("without_sqlalchemy")

READY = ContainerState(state="ready")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that has the schema, and an empty sandbox."""
    path = tmp_path / "x.db"
    with Database(path) as database:
        ContainerRepository(database, host="node-1").save_sandbox(SandboxState(sid="pod"))
    return path


def one(database: Database, sql: str) -> object:
    """Return the value that a query gives."""
    return database.read(lambda: value(Statement(sql, database.backend.style), {}))


def test_a_program_imports_no_sqlalchemy(file: Path) -> None:
    """A program that saves, gets, lists and looks up, on a file that has its schema, imports no SQLAlchemy."""
    script = """
import sys
from persistdb import ContainerRepository, ContainerState, Database
with Database(sys.argv[1]) as database:
    repository = ContainerRepository(database, host="node-1")
    repository.save("pod", "a", ContainerState(state="ready"))
    repository.transition("pod", "a", "running", expected="ready")
    states = [repository.get("pod", "a").record.state, *(one.state for one in repository.summaries())]
    print(states, repository.look_up("a").cid, [one.kind for one in repository.events()])
    repository.delete("pod", "a")
    print(repository.count(), "sqlalchemy" in sys.modules)
    print(repository.find("state=ready"), "sqlalchemy" in sys.modules, database.engine.pool.status()[:12])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{file}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "['running', 'running'] a ['created', 'created', 'state']",
        "0 False",
        "[] True Pool size: 5",
    ]


def test_the_engine_takes_over(file: Path) -> None:
    """Who asks for the engine closes the plain connections: unused ones at once, the others when they are returned."""
    with Database(file) as database:
        repository = ContainerRepository(database, host="node-1")
        drivers: list[object] = []

        def work() -> Work[object]:
            found = yield from rows(Statement("SELECT 1", "qmark"), {})
            pool = database._plain
            assert pool is not None
            database.engine  # noqa: B018  it is made
            again = yield from rows(Statement("SELECT 2", "qmark"), {})
            drivers.append(pool)
            return [*found, *again]

        assert database.read(work) == [(1,), (2,)]
        plain = drivers[0]
        places = [plain._places.get_nowait() for _ in range(5)]  # type: ignore[attr-defined]
        assert not any(place.is_valid for place in places)
        repository.save("pod", "a", READY)
        assert database.engine.pool.checkedin() == 1
        with database.session() as session:
            assert session.execute(text("SELECT count(*) FROM container")).scalar_one() == 1


def test_who_imports_sqlalchemy_hears_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the import of SQLAlchemy on its listeners, and its log, hear of each statement."""
    heard: list[str] = []
    with Database(file) as database:
        repository = ContainerRepository(database, host="node-1")
        monkeypatch.setattr(module, "_is_there", lambda: True)
        repository.count()
        event.listen(database.engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
        repository.count()
    assert len(heard) == 1


def test_the_log_of_sqlalchemy_is_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLAlchemy's log is asked for before it is imported, the engine is made."""
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "sqlalchemy")
    assert not module._is_there()
    log = logging.getLogger("sqlalchemy.engine")
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    assert not module._is_there()
    log.setLevel(logging.INFO)
    try:
        assert module._is_there()
    finally:
        log.setLevel(logging.NOTSET)  # which makes its children forget what they knew of it
    assert not module._is_there()


def test_threads_share_few_connections(file: Path) -> None:
    """Many threads on two connections wait for each other, and lose nothing."""
    with Database(file, pool_size=2) as database:
        repository = ContainerRepository(database, host="node-1")
        threads = [threading.Thread(target=repository.save, args=("pod", f"c{i}", READY)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert repository.count() == 12


def test_a_connection_is_waited_for_in_vain(file: Path) -> None:
    """When all connections are in use for too long, the error says so, and a later call works."""
    with Database(file, pool_size=1, timeouts=Timeouts(pool=0.05)) as database:
        ContainerRepository(database, host="node-1")

        def work() -> Work[object]:
            with pytest.raises(Busy, match="all connections of this process are in use"):
                one(database, "SELECT 1")
            return (yield from value(Statement("SELECT 2", "qmark"), {}))

        assert database.read(work) == 2
        assert one(database, "SELECT 3") == 3


_HOLDER = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN IMMEDIATE")
print("it is held", flush=True)
sys.stdin.read()
"""


def test_who_is_waited_for_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask the kernel who holds the file makes no engine."""
    monkeypatch.setattr(waits, "PATIENCE", 0.0)
    command = [sys.executable, "-c", _HOLDER, str(file)]
    told: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder, Database(file) as database:
        assert holder.stdin is not None
        assert holder.stdout is not None

        def tell(names: Sequence[str]) -> None:
            told.extend(names)
            holder.stdin.close()  # type: ignore[union-attr]  # see above

        holder.stdout.readline()
        with waits.told(database, tell):
            ContainerRepository(database, host="node-1").save("pod", "a", READY)
        assert str(holder.pid) in " ".join(told)
        assert database._engine is None


def test_a_failed_unit_of_work_is_rolled_back(file: Path) -> None:
    """What raises in the middle of a transaction leaves no trace, and its connection is used again."""
    with Database(file, pool_size=1) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save("pod", "a", READY)

        def work() -> Work[None]:
            yield from rows(Statement("DELETE FROM container", "qmark"), {})
            raise KeyError

        with pytest.raises(KeyError):
            database.write(work)
        assert repository.count() == 1


def test_an_interrupt_costs_the_connection(file: Path) -> None:
    """A key that is pressed within a unit of work closes its connection; the next call opens another one."""
    with Database(file, pool_size=1) as database:
        repository = ContainerRepository(database, host="node-1")

        def work() -> Work[None]:
            yield from rows(Statement("DELETE FROM container", "qmark"), {})
            raise KeyboardInterrupt

        repository.save("pod", "a", READY)
        with pytest.raises(KeyboardInterrupt):
            database.write(work)
        assert repository.count() == 1


def test_a_connection_that_is_not_returned(file: Path) -> None:
    """What an interrupt took between two lines, and nobody refers to, is closed, and another one takes its place."""
    with Database(file, pool_size=1, timeouts=Timeouts(pool=0.05)) as database:
        assert one(database, "SELECT 1") == 1
        assert database._plain is not None
        taken = database._plain.connect()
        driver = taken.dbapi_connection
        with pytest.raises(Busy):
            one(database, "SELECT 2")
        del taken
        assert one(database, "SELECT 3") == 3
        with pytest.raises(database.driver_error, match="closed"):
            driver.execute("SELECT 4")  # type: ignore[union-attr]  # the driver's own


def test_an_interrupt_while_a_connection_is_closed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is pressed while a connection is closed loses no place."""
    with Database(file, pool_size=1, timeouts=Timeouts(pool=0.05)) as database:
        plain = database._plain
        assert plain is not None
        taken = plain.connect()
        plain.end()

        def press(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(plain, "_closed", press)
            with pytest.raises(KeyboardInterrupt):
                taken.close()
        plain.connect().invalidate()


def test_the_file_is_left_when_the_database_is_closed(file: Path) -> None:
    """A closed database has no file open, and its next use opens it again."""
    database = Database(file)
    repository = ContainerRepository(database, host="node-1")
    repository.save("pod", "a", READY)
    database.close()
    paths = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit() and _is_open(fd)]
    assert not [path for path in paths if path.startswith(str(file.parent))]
    assert repository.count() == 1
    database.close()


def _is_open(fd: str) -> bool:
    try:
        os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return False
    return True


@given(st.from_regex(r"sqlite:///[\w./+-]{1,40}", fullmatch=True).filter(str.isascii))
def test_a_plain_url_is_read_as_sqlalchemy_reads_it(url: str) -> None:
    """A URL that is read without SQLAlchemy names the same file, and is shown the same."""
    backend, theirs = plain_file(url), make_url(url)
    assert backend is not None
    assert os.path.abspath(str(backend._path)) == os.path.abspath(str(theirs.database))  # type: ignore[attr-defined]
    assert shown(theirs) == url


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///x.db?timeout=1", "sqlite:///a%20b", "mariadb://h/d"],
)
def test_other_urls_are_read_by_sqlalchemy(url: str) -> None:
    """Databases in memory, options, and characters that are written in another way are SQLAlchemy's to read."""
    assert plain_file(url) is None
