"""``sql`` without a query, on a terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import stat
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.cli.history import KEPT, History
from persistdb.schema.views import NAMES
from tests.reports import fleet

from .program import Program
from .running import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server

SEQUENCES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
ASKS = "persistdb> "
GOES_ON = "      ...> "
pytestmark = pytest.mark.slow


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Name a folder for the user's state, which is not there yet."""
    return tmp_path / "home" / "state"


class Person:
    """Somebody who types queries, and reads what comes."""

    def __init__(self, program: Program, state: Path, *words: str, columns: int = 200) -> None:
        variables = {"XDG_STATE_HOME": str(state), "INPUTRC": "/dev/null"}
        self._running = Running(program.words("sql", *words), terminal=(50, columns), **variables)
        self.greeting = self._running.until(ASKS)

    def __call__(self, line: str, until: str = ASKS) -> str:
        """Type a line; return what is printed up to the next prompt, without the echo of the line."""
        self._running.type(f"{line}\n")
        shown = SEQUENCES.sub("", self._running.until(until)).replace("\r", "").removesuffix(until)
        return "".join(f"{text.rstrip()}\n" for text in shown.splitlines()[1:])

    def begin(self, query: str) -> None:
        """Type a query that does not end by itself."""
        self._running.type(f"{query}\n")
        self._running.until(";\r\n")

    def interrupt(self) -> str:
        """Press Ctrl-C, and again if nothing happens: Python loses one that comes just before it waits for a key."""
        os.kill(self._running.pid, signal.SIGINT)
        while not self._running.prints_within(5):
            os.kill(self._running.pid, signal.SIGINT)
        return self._running.until(ASKS)

    def leave(self, typed: str = "\\q\n") -> int:
        """Type the last line; return the exit status."""
        self._running.type(typed)
        return self._running.end()

    def close(self) -> None:
        """Stop the program."""
        self._running.close()


@pytest.fixture
def person(hosts: Program, state: Path) -> Iterator[Person]:
    """Somebody at the terminal."""
    with closing(Person(hosts, state)) as one:
        yield one


def test_queries(person: Person) -> None:
    """A query is asked once its semicolon is typed, after lines without and semicolons in texts."""
    assert r"\? for help" in person.greeting
    assert person("SELECT 1 AS one;") == "ONE\n  1\n(1 row)\n"
    assert person("SELECT ';' AS a, -- ;", GOES_ON) == ""
    assert person("", GOES_ON).strip() == ""
    assert person("  2 AS b;") == "A  B\n;  2\n(1 row)\n"
    assert person(r"SELECT 'a\' AS a;") == "A\na\\\n(1 row)\n"
    assert person("").strip() == ""
    assert person(" ; ").strip() == ""
    assert "(6 rows)" in person("VALUES (1), (2), (3), (4), (5), (6);")
    assert person.leave() == 0


def test_errors_end_nothing(person: Person) -> None:
    """What is refused is one line, and the next query is asked; nothing is written."""
    assert person("SELECT nothing;").count("\n") == 1
    for refused in ("DELETE FROM containers;", "SELECT 1; SELECT 2;", "PRAGMA user_version = 7;", "ATTACH 'x' AS x;"):
        assert person(refused).startswith("persistdb: ")
    assert person("\\nonsense") == "persistdb: \\nonsense is no command; \\? lists them\n"
    assert person("SELECT count(*) > 0 AS has FROM containers;") == "HAS\n  1\n(1 row)\n"
    assert person.leave() == 0


def test_views_and_columns(person: Person) -> None:
    r"""``\d`` lists the views, ``\d VIEW`` the columns of one, with their types."""
    shown = person("\\d").splitlines()
    assert [line.split()[0] for line in shown[1:]] == list(NAMES)
    columns = [line.split() for line in person("\\d processes;").splitlines()]
    assert columns[0] == ["COLUMN", "TYPE"]
    assert ["is_init", "boolean"] in columns
    assert ["host_pid", "integer"] in columns
    assert ["started_at", "time"] in columns
    assert "use one of sandboxes, containers" in person("\\d container")
    assert all(name in person("\\?") for name in ("\\d VIEW", "\\x", "\\q"))


def test_vertical(person: Person) -> None:
    r"""``\x`` prints a column a line, and again rows."""
    assert person("\\x") == "A column a line: on.\n"
    assert person("SELECT 1 AS a, 2 AS b;") == "-[ row 1 ]-\nA  1\nB  2\n(1 row)\n"
    assert person("\\x") == "A column a line: off.\n"
    assert person("SELECT 1 AS a;") == "A\n1\n(1 row)\n"


def test_ctrl_c(person: Person) -> None:
    """Ctrl-C drops what was typed, and stops a query; the next one is asked."""
    person("SELECT 1,", GOES_ON)
    person.interrupt()
    assert person("SELECT 2 AS b;") == "B\n2\n(1 row)\n"
    endless = "SELECT count(*) FROM " + ", ".join(f"mounts AS m{number}" for number in range(12))
    person.begin(f"{endless};")
    person.interrupt()
    assert person("SELECT 3 AS c;") == "C\n3\n(1 row)\n"


@pytest.mark.parametrize("typed", ["\\q\n", "quit\n", "exit;\n", "\x04", "SELECT 1,\n\\q\n"])
def test_leaving(person: Person, typed: str) -> None:
    r"""``\q``, ``quit``, ``exit`` and Ctrl-D leave, with status 0, also amid a query."""
    assert person.leave(typed) == 0


def test_options(hosts: Program, state: Path) -> None:
    """The options of ``sql`` hold for each query: format, columns, limit."""
    with closing(Person(hosts, state, "--format", "csv", "--columns", "b", "--limit", "2")) as person:
        assert person("VALUES (1);").startswith("persistdb: no column 'b'")
        assert person("SELECT 1 AS a, 2 AS b UNION ALL VALUES (3, 4), (5, 6);") == "b\n2\n4\n"
    with closing(Person(hosts, state, "-x", "--limit", "1")) as person:
        shown = person("VALUES (1), (2);")
        assert shown.startswith("-[ row 1 ]-\n")
        assert shown.endswith("(cut after 1 row: there are more)\n")


def test_history(hosts: Program, state: Path) -> None:
    """What was typed can be called up again, also by the next run; only the user can read it."""
    with closing(Person(hosts, state)) as person:
        person("SELECT 41 + 1 AS sum;")
        assert person.leave() == 0
    file = state / "persistdb" / "sql_history"
    assert file.read_text() == "SELECT 41 + 1 AS sum;\n\\q\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with closing(Person(hosts, state)) as person:
        # the last but one, as arrow-up twice
        assert "SUM\n 42\n(1 row)\n" in person("\x10\x10")


@pytest.mark.parametrize("columns", [40, 80])
def test_narrow(hosts: Program, state: Path, columns: int) -> None:
    """On a narrow terminal rows are fitted to it."""
    with closing(Person(hosts, state, columns=columns)) as person:
        assert max(map(len, person("\\d").splitlines())) <= columns
        table, *_ = person("SELECT * FROM containers LIMIT 1;").splitlines()
        assert len(table) <= columns


def test_no_person(hosts: Program) -> None:
    """Without a terminal for the answers it is misuse, and without one for the query, stdin is the query."""
    master, slave = pty.openpty()
    done = hosts.child("sql", stdin=slave)
    assert (done.status, done.out) == (2, "")
    assert "no query: give QUERY" in done.err
    os.close(master)
    os.close(slave)
    assert hosts.child("sql", input=b"SELECT 1 AS a;\n").out == "A\n1\n"


def test_no_database(hosts: Program, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a database nobody is asked for a query."""
    running = Running(Program("absent.db", capsys).words("sql"), terminal=(24, 200), XDG_STATE_HOME=str(state))
    with closing(running):
        running.until("absent.db")
        assert running.end() == 3


def test_on_servers(server: Server, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On servers queries are asked, refused, and stopped by Ctrl-C, in the same way."""
    name = server.create_database()
    try:
        with Database(server.url(name)) as database:
            fleet.build(database)
        with closing(Person(Program(server.url(name), capsys), state)) as person:
            assert "(1 row)" in person("SELECT count(*) FROM containers;")
            assert person("SELECT nothing;").startswith("persistdb: ")
            assert person("DELETE FROM container;").startswith("persistdb: ")
            text = r"it\'s" if server.dialect == "mariadb" else "it''s"
            assert person(f"SELECT '{text}' AS a;") == "A\nit's\n(1 row)\n"
            pause = "pg_sleep(50)" if server.dialect == "postgresql" else "sleep(50)"
            person.begin(f"SELECT {pause};")
            person.interrupt()
            assert person("SELECT 3 AS c;") == "C\n3\n(1 row)\n"
            assert person.leave() == 0
    finally:
        server.drop_database(name)


# --- the history's file


def test_a_long_history(tmp_path: Path) -> None:
    """A history that has grown to twice what is kept is cut when it is opened, to its last lines."""
    path = tmp_path / "history"
    path.write_text("".join(f"{number}\n" for number in range(2 * KEPT + 1)))
    path.chmod(0o644)
    with closing(History(path)) as history:
        assert list(history.lines) == [str(number) for number in range(KEPT + 1, 2 * KEPT + 1)]
        history.add("last")
        history.add("  ")
    assert path.read_text().splitlines() == [*history.lines, "last"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_odd_files(tmp_path: Path) -> None:
    """A symlink, a folder, a pipe, and a folder that cannot be made are done without, and nothing is followed."""
    target = tmp_path / "target"
    target.write_text("secret\n")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "link", tmp_path / "folder", tmp_path / "pipe", target / "below"):
        with closing(History(path)) as history:
            history.add("line")
            assert list(history.lines) == []
    assert target.read_text() == "secret\n"


def test_any_bytes(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in a history, and half surrogates that were typed, spoil nothing."""
    path = tmp_path / "history"
    path.write_bytes(b"a\xff\nb\n")
    with closing(History(path)) as history:
        assert list(history.lines) == ["a\ufffd", "b"]
        history.add("\udcff")
    assert path.read_bytes() == b"a\xff\nb\n?\n"


def test_lean(persistdb: Program) -> None:
    """A query as an argument loads nothing of this."""
    script = "import sys; from persistdb.cli import main; main(); print('readline' in sys.modules)"
    words = [persistdb.words()[0], "-c", script, "--db", persistdb.url, "sql", "SELECT 1 AS a"]
    with persistdb.repository() as repository:
        repository.sandbox_ids()
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False"
