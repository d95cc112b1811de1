"""``--watch``: the same answer every few seconds, until Ctrl-C."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from persistdb import ContainerState, SandboxState
from persistdb.cli.repeat import fitting
from persistdb.engines import file_url

from .program import Program
from .running import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

OFTEN = ("--watch", "0.1")


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store three containers."""
    with persistdb.repository() as repository:
        containers = {cid: ContainerState(state="ready") for cid in ("a", "b", "c")}
        repository.save_sandbox(SandboxState(sid="pod-1"), containers)
    return persistdb


@pytest.mark.slow
def test_on_a_terminal(filled: Program) -> None:
    """On a terminal each answer takes the place of the last one, with what has changed, until Ctrl-C, status 130."""
    with closing(Running(filled.words("ls", *OFTEN), terminal=(24, 80))) as running:
        assert "every 0.1 s; Ctrl-C ends" in running.until("\x1b[J", 2)
        with filled.repository() as repository:
            repository.transition("pod-1", "b", "running", expected="ready")
        running.until("running", 1)
        with filled.repository() as repository:
            repository.destroy_sandbox("pod-1")
        *_, last = running.until("the database has no sandboxes", 2).split("\x1b[H")
        assert running.interrupt()[0] == 130
        assert last.count("\x1b[K") == 4
        screens = running.out.decode().split("\x1b[H")[1:]
        assert all(screen.endswith("\x1b[J") for screen in screens[:-1])
        assert all(" a " in screen and " c " in screen for screen in screens[:2])


@pytest.mark.slow
def test_more_than_the_terminal_has_room_for(filled: Program) -> None:
    """An answer that is higher than the terminal is cut, and the last line says how much of it is missing."""
    with closing(Running(filled.words("ls", "-q", *OFTEN), terminal=(5, 80))) as running:
        screen = running.until("\x1b[J", 1)
        assert "pod-1/a" in screen
        assert "pod-1/b" not in screen
        assert "… 2 more lines" in screen


@pytest.mark.parametrize(
    ("columns", "rows", "shown"),
    [
        (80, 5, ["one", "two", "x" * 20, ""]),
        (80, 4, ["one", "two", "… 2 more lines"]),
        (10, 6, ["one", "two", "x" * 20, ""]),
        (10, 5, ["one", "two", "… 2 more lines"]),
        (80, 2, ["… 4 more lines"]),
        (80, 0, ["… 4 more lines"]),
    ],
)
def test_fitting(columns: int, rows: int, shown: list[str]) -> None:
    """Lines that are longer than the terminal is wide take several rows; styles take no room."""
    assert fitting(["one", "two", "x" * 20, ""], columns, rows) == shown
    assert fitting([f"\x1b[1m{'日' * 5}\x1b[0m"], 10, 2) == [f"\x1b[1m{'日' * 5}\x1b[0m"]


@pytest.mark.slow
def test_elsewhere(filled: Program) -> None:
    """In a pipe answers follow one another, each with its time, without a sequence for terminals."""
    with closing(Running(filled.words("ls", *OFTEN))) as running:
        running.until("SANDBOX", 3)
        assert running.interrupt() == (130, "")
        first, *_ = running.out.decode().split("\n\n")
        time, *table = first.splitlines()
        assert time.endswith("Z")
        assert table == filled("ls", "--no-trunc").out.splitlines()
        assert "\x1b" not in running.out.decode()


@pytest.mark.slow
def test_a_terminal_without_sequences(filled: Program) -> None:
    """On a terminal that knows no sequences answers follow one another, too."""
    with closing(Running(filled.words("ls", *OFTEN), terminal=(24, 80), TERM="dumb")) as running:
        shown = running.until("SANDBOX", 3)
        assert running.interrupt()[0] == 130
        assert "\x1b" not in shown
        assert "\r\n\r\n20" in shown


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "yaml", "{{.state}}"])
def test_elsewhere_for_programs(filled: Program, form: str) -> None:
    """JSON is one document after another, YAML has its marks between them, and lines of a template are lines."""
    words = ("report", "summary", "--format", form)
    once = filled(*words).out
    with closing(Running(filled.words(*words, *OFTEN))) as running:
        running.until("ready", 3)
        assert running.interrupt() == (130, "")
        text = running.out.decode()
    if form == "json":
        document, end = json.JSONDecoder().raw_decode(text)
        assert document == json.loads(once)
        assert json.JSONDecoder().raw_decode(text[end:].lstrip())[0] == document
    elif form == "yaml":
        assert text.startswith(f"{once}---\n{once}---\n")
        first, second, *_ = yaml.safe_load_all(text[: len(once) * 2 + 4])
        assert first == second
    else:
        assert text.startswith(once * 3)


@pytest.mark.slow
def test_times_are_as_of_each_answer(filled: Program) -> None:
    """An age in a filter is one before each answer."""
    with closing(Running(filled.words("ls", "-q", "since=2s", *OFTEN))) as running:
        running.until("pod-1/c\n", 1)
        with filled.repository() as repository:
            database = repository.database
            with database.session(write=True) as session:
                session.connection().exec_driver_sql("UPDATE container SET updated_at = '2001-01-01 00:00:00.000000'")
            repository.save_sandbox(SandboxState(sid="pod-2"), {"new": ContainerState()})
        running.until("pod-2/new\n", 2)
        assert running.interrupt() == (130, "")


@pytest.mark.slow
def test_an_error_later_is_told(filled: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that is away for a time ends nothing once there was an answer; before that it is an error."""
    path = tmp_path / "moved.db"
    copy = Program(file_url(path), capsys)
    assert filled("db", "backup", path).status == 0
    with closing(Running(copy.words("report", "summary", *OFTEN))) as running:
        running.until("ready", 1)
        away = path.rename(tmp_path / "away")
        running.until("Z\n\n", 2)
        away.rename(path)
        running.until("ready", 2)
        status, err = running.interrupt()
        assert status == 130
        assert "moved.db" in err
    path.unlink()
    assert copy("report", "summary", *OFTEN).status == 3


@pytest.mark.slow
def test_files_stay_few(filled: Program) -> None:
    """However many answers there are, the program has about as many files open as after the first ones."""
    with closing(Running(filled.words("ls", "-q", *OFTEN))) as running:
        running.until("pod-1/c\n", 2)
        open_files = Path(f"/proc/{running.pid}/fd")
        before = len(list(open_files.iterdir()))
        running.until("pod-1/c\n", 6)
        assert len(list(open_files.iterdir())) < before + 6
        running.interrupt()


@pytest.fixture
def remote(server: Server) -> Iterator[str]:
    """Create a database of its own on a server, and give its name."""
    name = server.create_database()
    yield name
    server.drop_database(name)


SESSIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}'",
}


@pytest.mark.slow
def test_connections_stay_few(server: Server, remote: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On a server all answers of ``ls`` come over one connection, and a report has one or two at a time."""
    program = Program(server.url(remote), capsys)
    with program.repository() as repository:
        repository.save_sandbox(SandboxState(sid="pod-1"), {"a": ContainerState(state="ready")})
    sessions = SESSIONS[server.dialect].format(remote)
    with closing(Running(program.words("ls", "-q", *OFTEN))) as running:
        running.until("pod-1/a\n", 2)
        before = server.execute(sessions)
        running.until("pod-1/a\n", 4)
        assert server.execute(sessions) == before
        assert len(before) == 1
        running.interrupt()
    with closing(Running(program.words("report", "summary", *OFTEN))) as running:
        running.until("ready", 6)
        assert len(server.execute(sessions)) <= 2
        running.interrupt()


@pytest.mark.parametrize(
    "words",
    [
        ["ls", "--watch", "0"],
        ["ls", "--watch", "x"],
        ["report", "--watch", "1"],
        ["report", "summary", "--watch", "1", "--fail"],
        ["report", "summary", "--watch", "1", "--describe"],
    ],
    ids=" ".join,
)
def test_misuse(filled: Program, words: list[str]) -> None:
    """What cannot be repeated, and a time that is none, are misuse."""
    done = filled(*words)
    assert (done.status, done.out) == (2, "")
    assert "--watch" in done.err
