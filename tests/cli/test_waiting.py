"""Whom a command waits for, said to a person at a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Self

import pytest
from sqlalchemy import make_url, text

from persistdb import ContainerRepository, Database
from persistdb.schema import migrate
from tests.servers.daemon import free_port
from tests.store.samples import put

from .program import HOST, RUN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


class _Command:
    """A command whose stderr is a terminal; it starts when its lines are asked for."""

    def __init__(self, url: str, *arguments: str) -> None:
        self._words = [*RUN, "--db", url, "--host", HOST, *arguments]
        self._end = contextlib.ExitStack()
        self.status: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def lines(self) -> Iterator[str]:
        """Yield what the terminal shows, line by line."""
        master, slave = pty.openpty()
        self._end.callback(os.close, master)
        process = subprocess.Popen(
            self._words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env=os.environ | {"TERM": "xterm"},
        )
        os.close(slave)
        self._end.callback(process.wait)
        self._end.callback(process.kill)  # after a failed assertion
        rest = ""
        while True:
            try:
                rest += os.read(master, 4096).decode()
            except OSError:  # EIO: the other end is closed
                self.status = process.wait()
                return
            *lines, rest = rest.split("\r\n")
            yield from lines


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of ``database_url``."""
    with Database(database_url) as database:
        yield database


def test_a_row(database: Database, database_url: str, request: pytest.FixtureRequest) -> None:
    """A removal that waits for another program's transaction says which program that is, and goes on after it."""
    if database.backend.name == "mariadb":  # which shows transactions to users with the PROCESS right
        admin = make_url(request.getfixturevalue("mariadb_server").admin_url)
        name = make_url(database_url).database
        database_url = admin.set(database=name).render_as_string(hide_password=False)
    repository = ContainerRepository(database, host=HOST)
    put(repository, "pod-1", "a")
    with _Command(database_url, "rm", "pod-1/a") as command:
        with database.session(write=True) as session:
            session.execute(text("UPDATE sandbox SET state = 'busy' WHERE sid = 'pod-1'"))
            lines = command.lines()
            assert next(lines).startswith("waiting for ")
        assert list(lines) == []
    assert command.status == 0
    assert not repository.exists("pod-1", "a")


def test_a_change_of_the_schema(database: Database, database_url: str) -> None:
    """An upgrade that waits for another program's change of the schema says which program that is."""
    migrate.upgrade(database)
    with _Command(database_url, "db", "upgrade") as command:
        with migrate.exclusive_connection(database):
            lines = command.lines()
            assert next(lines).startswith("waiting for ")
        list(lines)
    assert command.status == 0


def test_the_name(tmp_path: Path) -> None:
    """SQLite's holder is named by the process that has the lock."""
    url = f"sqlite:///{tmp_path}/named.db"
    with Database(url) as database, _Command(url, "rm", "pod-1/a") as command:
        put(ContainerRepository(database, host=HOST), "pod-1", "a")
        with database.session(write=True) as session:
            session.execute(text("SELECT 1"))
            lines = command.lines()
            assert next(lines).startswith(f"waiting for process {os.getpid()} (")
        list(lines)
    assert command.status == 0


def test_no_terminal(sqlite_url: str) -> None:
    """Where stderr is no terminal it is said to those who ask what happens inside."""
    with Database(sqlite_url) as database:
        put(ContainerRepository(database, host=HOST), "pod-1", "a")
        words = [*RUN, "-v", "--db", sqlite_url, "--host", HOST, "rm", "pod-1/a"]
        with contextlib.ExitStack() as stack:
            session = stack.enter_context(database.session(write=True))
            session.execute(text("SELECT 1"))
            command = stack.enter_context(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
            assert command.stderr
            assert any(line.startswith("waiting for process ") for line in command.stderr)
            session.rollback()
    assert command.returncode == 0


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_is_away(scheme: str) -> None:
    """A command that waits for a server says so and why, also to no person, and what went wrong when it gives up."""
    url = f"{scheme}://u:secret@127.0.0.1:{free_port()}/x?connect_timeout=3"
    done = subprocess.run([*RUN, "--db", url, "ls"], capture_output=True, text=True, check=False)
    waits, fails = done.stderr.splitlines()
    assert waits.startswith(f"waiting for {scheme}://u:***@127.0.0.1")
    assert "refused" in waits
    assert fails.startswith("persistdb: ")
    assert "secret" not in done.stderr
    assert done.returncode == 3
    quiet = subprocess.run([*RUN, "-q", "--db", url, "ls"], capture_output=True, text=True, check=False)
    assert len(quiet.stderr.splitlines()) == 1
