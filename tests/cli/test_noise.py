"""What drivers and libraries log and warn of: not on stderr of a command, which has only lines of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SERVERS
from tests.ingest.files import other, tree
from tests.runtimes.kata.trees import make

from .program import Program

if TYPE_CHECKING:
    from pathlib import Path

# Ends the connection, once, from this side, when the statement is about to be sent; the argument says what else.
_CUT = """
import os, socket, sys
from sqlalchemy import Engine, event
from persistdb.cli import main
what, word = sys.argv.pop(1), sys.argv.pop(1)
@event.listens_for(Engine, "before_cursor_execute")
def cut(connection, cursor, sql, *_):
    global word
    if word and word in sql.replace("`", ""):
        word = ""
        driver = getattr(cursor, "connection", None)
        fd = driver._sock.fileno() if hasattr(driver, "_sock") else driver.fileno()
        socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
        if what == "interrupt":
            raise KeyboardInterrupt
sys.exit(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(("what", "status"), [("cut", 0), ("interrupt", 130)])
@pytest.mark.parametrize("word", ["INSERT INTO container", "INSERT INTO mount", "INSERT INTO process"])
def test_cut(
    name: str,
    what: str,
    status: int,
    word: str,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """A command that goes on after its connection was lost, or is interrupted then, has nothing on stderr."""
    make(tmp_path, tree("a", x=other("1")))
    program = Program(request.getfixturevalue(f"{name}_url"), capsys)
    assert program("db", "upgrade").status == 0
    words = [sys.executable, "-c", _CUT, what, word, *program.words("import", tmp_path)[3:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith("imported 1 sandbox with 1 container" if status == 0 else "")


_UNSAFE = """
import logging, sys, warnings
from persistdb.cli import main
from persistdb.engines.sqlite import library
library.is_safe = lambda version: False
status = main()
logging.getLogger("other").warning("after")
sys.exit(status)
"""


@pytest.mark.slow
def test_own_warning(persistdb: Program) -> None:
    """What persistdb itself logs is a line like all others, once; after the command, logging is as it was."""
    words = [sys.executable, "-c", _UNSAFE, *persistdb.words("db", "upgrade")[3:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    own, *_, after = done.stderr.splitlines()
    assert own.startswith("persistdb: SQLite ")
    assert done.stderr.count("rollback journal") == 1
    assert (done.returncode, after) == (0, "after")


def test_logging_that_is_set_up(persistdb: Program, caplog: pytest.LogCaptureFixture) -> None:
    """A program that calls the command line and has set up logging keeps what is logged."""
    before = logging.getLogger().handlers[:], logging.getLogger("persistdb").handlers[:]
    with caplog.at_level("DEBUG", "sqlalchemy.pool"):
        assert persistdb("db", "upgrade").status == 0
    assert any(record.name.startswith("sqlalchemy.pool") for record in caplog.records)
    assert (logging.getLogger().handlers, logging.getLogger("persistdb").handlers) == before
