"""An interrupted change of the schema is undone as a whole, or continues where it stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from persistdb import Database
from persistdb.schema import migrate, version

from . import dumps, many, model

if TYPE_CHECKING:
    from collections.abc import Callable

CONTAINERS = 5_000
MOUNTS = 10
KILLS = 4
# Each run of the tests interrupts after every sixteenth statement, from a random one on, and with
# PERSISTDB_TEST_EVERY_CUT=1 after each.
STRIDE = 1 if os.environ.get("PERSISTDB_TEST_EVERY_CUT") == "1" else 16


class Cut(BaseException):
    """An exception that nothing handles, in the place of a process that ends."""


def _cut_after(database: Database, number: int, change: Callable[[], object]) -> bool:
    """Interrupt a change of the schema after so many statements; return false if it was done before."""
    left = number

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cut

    event.listen(database.engine, "after_cursor_execute", count)
    try:
        change()
    except Cut:
        return True
    finally:
        event.remove(database.engine, "after_cursor_execute", count)
    return False


def _up(database: Database) -> None:
    migrate.upgrade(database, host=model.HOST, moment=model.MOMENT)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_transactional(sqlite_url: str, postgresql_url: str, direction: str) -> None:
    """On SQLite and PostgreSQL a change that is interrupted after any statement has changed nothing, or is whole.

    It is whole where the statement came after the commit: it looks whether columns are to be filled.
    """
    for url in (sqlite_url, postgresql_url):
        with Database(url) as database:
            migrate.upgrade(database, "0001" if direction == "up" else "head")
            dumps.insert(database.engine, model.sample(version.current(database) or ""))
            before = version.current(database), dumps.schema(database.engine), dumps.rows(database.engine)
            number = random.randrange(STRIDE)
            while _cut_after(
                database,
                number,
                lambda: _up(database) if direction == "up" else migrate.downgrade(database, "0001", allow_loss=True),
            ):
                after = version.current(database), dumps.schema(database.engine), dumps.rows(database.engine)
                if after[0] != before[0]:
                    break
                assert after == before, f"after statement {number}"
                number += STRIDE
            assert number > 20
            if direction == "up":
                _up(database)
            assert version.current(database) == (version.HEAD if direction == "up" else "0001")


@pytest.mark.parametrize("direction", ["up", "down"])
def test_again(mariadb_url: str, direction: str) -> None:
    """On MariaDB a change that is interrupted after any statement continues, and nothing is lost or done twice."""
    with Database(mariadb_url) as database:
        _up(database)
        newest = dumps.schema(database.engine)
        migrate.downgrade(database, "0001", allow_loss=True)
        oldest = dumps.schema(database.engine)
        number = random.randrange(STRIDE)
        while True:
            migrate.downgrade(database, "base", allow_loss=True)
            migrate.upgrade(database, "0001" if direction == "up" else "head", host=model.HOST, moment=model.MOMENT)
            if direction == "up":
                dumps.insert(database.engine, model.sample("0001"))
                if not _cut_after(database, number, lambda: _up(database)):
                    break
                _up(database)
                assert dumps.rows(database.engine) == model.at_head(model.sample("0001"), "0001"), number
                assert dumps.schema(database.engine) == newest
            else:
                dumps.insert(database.engine, model.at_head(model.sample("0001"), "0001"))
                if not _cut_after(database, number, lambda: migrate.downgrade(database, "0001", allow_loss=True)):
                    break
                migrate.downgrade(database, "0001", allow_loss=True)
                assert dumps.rows(database.engine) == model.sample("0001"), number
                assert dumps.schema(database.engine) == oldest
            number += STRIDE
        assert number > 20


@pytest.mark.slow
def test_killed(database: Database, database_url: str) -> None:
    """After SIGKILL at any time of an upgrade of 50,000 mounts, a second upgrade finishes it and nothing is lost."""
    program = (
        "import sys; from persistdb.schema import migrate; from persistdb import Database; print(flush=True);"
        "migrate.upgrade(Database(sys.argv[1]))"
    )
    migrate.upgrade(database, "0001")
    many.fill(database, CONTAINERS, MOUNTS)
    start = time.monotonic()
    migrate.upgrade(database)
    duration = time.monotonic() - start
    for _ in range(KILLS):
        migrate.downgrade(database, "0001", allow_loss=True)
        with subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.uniform(0, duration))
            process.send_signal(signal.SIGKILL)
        migrate.upgrade(database)
        assert version.current(database) == version.HEAD
        assert many.faults(database, CONTAINERS, MOUNTS) == [0] * 8


@pytest.mark.slow
def test_two_at_once(database: Database, database_url: str) -> None:
    """Of two programs that upgrade at the same time one does it, and the other waits and has nothing to do."""
    program = (
        "import logging, sys; logging.basicConfig(level=logging.INFO, stream=sys.stdout);"
        "from persistdb.schema import migrate; from persistdb import Database; migrate.upgrade(Database(sys.argv[1]))"
    )
    migrate.upgrade(database, "0001")
    many.fill(database, CONTAINERS, MOUNTS)
    command = [sys.executable, "-c", program, database_url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted("Running upgrade" in output for output in outputs) == [False, True], outputs
    assert many.faults(database, CONTAINERS, MOUNTS) == [0] * 8
