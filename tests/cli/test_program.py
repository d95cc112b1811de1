"""The program as a whole: help, exit statuses, errors, and its output streams."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, SandboxState, __version__
from persistdb.cli.program import COMMANDS
from persistdb.runtimes.kata import NAMES
from tests.runtimes.kata.trees import DATA

from .program import RUN, Program

if TYPE_CHECKING:
    from pathlib import Path

DB = ["current", "upgrade", "downgrade", "history", "check", "backup", "restore", "grant-reader", "grant-writer"]
HELPS = [[], *([name] for name in COMMANDS), *(["db", name] for name in DB)]
_HEAVY = """
import sys
from persistdb.cli import main
status = main()
print(status, sorted({"sqlalchemy", "alembic", "rich", "msgspec", "yaml"} & set(sys.modules)))
"""


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_teaches_and_is_quick(words: list[str]) -> None:
    """Every help shows examples, and loads none of the large libraries."""
    done = subprocess.run([sys.executable, "-c", _HEAVY, *words, "--help"], capture_output=True, text=True, check=True)
    *text, last = done.stdout.splitlines()
    assert last == "0 []"
    assert "  Examples:" in text
    assert done.stderr == ""


def test_help_is_the_programs_own() -> None:
    """``persistdb --help`` prints without click the same text as with click."""
    script = "from persistdb.cli.program import main; main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == subprocess.run([*RUN, "--help"], capture_output=True, text=True, check=True).stdout
    assert done.stdout == subprocess.run([*RUN, "-h"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("given", "expected"), [("", "True True"), ("['demo', '-h']", "False False")])
def test_garbage(given: str, expected: str) -> None:
    """A process of its own looks for garbage rarely; one that calls the program keeps its ways."""
    script = (
        "import gc, sys; from persistdb.cli import main; before = gc.get_threshold();"
        f"status = main({given}); print(gc.get_threshold() > before, gc.get_freeze_count() > 0); sys.exit(status)"
    )
    command = [sys.executable, "-c", script, "demo", "-h"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == expected


def test_help_names_every_layout(persistdb: Program) -> None:
    """The help of export lists all layouts."""
    (line,) = (line for line in persistdb("export", "--help").out.splitlines() if "old-1.0" in line)
    assert line.split() == list(NAMES)


def test_version(persistdb: Program) -> None:
    """``--version`` prints the program's version."""
    assert persistdb("--version").out == f"persistdb {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["ls", "--no-such-option"],
        ["import", "--sample", "x"],
        ["export"],
        ["rm"],
        ["ls", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_misuse(persistdb: Program, words: list[str]) -> None:
    """A command line that makes no sense is status 2, with a pointer to the help."""
    done = persistdb(*words)
    assert (done.status, done.out) == (2, "")
    assert "Usage: " in done.err
    assert "Error: " in done.err


@pytest.mark.parametrize(
    ("url", "status", "says"),
    [
        ("oracle://u:secret@h/x", 2, "does not work on 'oracle'"),
        ("u:secret@h", 2, "not a database URL"),
        ("sqlite:////tmp/\udcff.db", 2, "must be UTF-8"),
        ("sqlite:////tmp/%FF.db", 2, "must be UTF-8"),
        ("sqlite:////tmp/x.db?secret=\udcff", 2, "must be UTF-8"),
        ("sqlite:////tmp/%00.db", 2, "without a NUL"),
        ("postgresql://u:secret@127.0.0.1:1/x?connect_timeout=1", 3, "cannot be reached"),
        ("mariadb://u:secret@127.0.0.1:1/x?connect_timeout=1", 3, "cannot be reached"),
        ("sqlite:////etc/passwd/x.db", 3, "cannot be reached or opened"),
        ("sqlite:////etc/passwd", 3, "not a database"),
    ],
)
def test_unusable_database(persistdb: Program, url: str, status: int, says: str) -> None:
    """A database that cannot be used is one line on stderr, without its password and without a traceback."""
    persistdb.url = url
    done = persistdb("ls")
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("persistdb: ")
    assert done.err.count("\n") == 1
    assert says in done.err
    assert "secret" not in done.err


@pytest.mark.parametrize(("host", "field"), [("", "host"), ("h" * 256, "host"), ("\udcff", "text")])
def test_unusable_host(persistdb: Program, host: str, field: str) -> None:
    """An invalid host name is misuse."""
    done = persistdb("ls", host=host)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"persistdb: {field}: ")


@pytest.mark.parametrize(
    ("url", "words", "says"),
    [
        ("postgresql://u:secret@127.0.0.1:1/x", ["db", "backup", "copy.db"], "back this database up with pg_dump"),
        ("sqlite://", ["db", "backup", "copy.db"], "has no file to copy"),
        ("sqlite://", ["sql", "SELECT 1"], "it cannot be queried from here"),
    ],
)
def test_url_that_a_command_cannot_use(persistdb: Program, url: str, words: list[str], says: str) -> None:
    """A database of a kind that a command does not work on is misuse."""
    persistdb.url = url
    done = persistdb(*words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("persistdb: ")
    assert says in done.err


def test_missing_driver(persistdb: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver of a server the error has the command that installs it into the program's environment."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    persistdb.url = "mariadb://u@h/x"
    done = persistdb("ls")
    assert done.status == 3
    install = f"{shlex.quote(sys.executable)} -m pip install 'pymysql>=1.1'"
    assert done.err.endswith(f"Python module 'pymysql' is missing; install it: {install}\n")


def test_environment(persistdb: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The database and the host may come from the environment."""
    from persistdb.cli import main

    monkeypatch.setenv("PERSISTDB_URL", persistdb.url)
    monkeypatch.setenv("PERSISTDB_HOST", "node-9")
    assert main(["import", str(DATA / "2.1.0")]) == 0
    assert main(["ls", "--format", "csv"]) == 0
    assert "\nnode-9,sandbox-2.1.0," in capsys.readouterr().out.replace("\r", "")


@pytest.mark.slow
def test_closed_pipe(persistdb: Program) -> None:
    """When its output is no longer read, the program ends silently with the status of SIGPIPE."""
    persistdb("import", *(path for path in DATA.iterdir()))
    for words in (
        ["ls"],
        ["ls", "-q"],
        ["ls", "--format", "json"],
        ["ls", "--format", "csv"],
        ["show", "0a9b"],
        ["--help"],
    ):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as out:
            done = subprocess.run(persistdb.words(*words), stdout=out, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b""), words


@pytest.mark.slow
def test_closed_stdout(persistdb: Program, tmp_path: Path) -> None:
    """Started with its streams closed, the program works, and none of its files becomes stdout."""
    command = '"$@" >&- 2>&- <&-'
    done = subprocess.run(["sh", "-c", command, "sh", *persistdb.words("import", DATA / "2.1.0")], check=False)
    assert done.returncode == 0
    done = subprocess.run(
        ["sh", "-c", command, "sh", *persistdb.words("export", "--to", tmp_path / "out")], check=False
    )
    assert done.returncode == 0
    assert persistdb("ls", "-q").out == "sandbox-2.1.0/sandbox-2.1.0\n"


_LONG = "import sys; from persistdb.cli import main, progress; progress._PATIENCE = 0; sys.exit(main())"


@pytest.mark.slow
def test_closed_stderr(persistdb: Program, tmp_path: Path) -> None:
    """Started without stderr, work that takes long enough for a progress bar is completed."""
    for words in (["import", *DATA.iterdir()], ["export", "--to", tmp_path / "out"]):
        command = ["sh", "-c", '"$@" 2>&-', "sh", sys.executable, "-c", _LONG, *persistdb.words(*words)[len(RUN) :]]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0
        assert re.match(r"(im|ex)ported \d+ sandboxes ", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status", "left"),
    [
        (["--bad"], 2, "x/1 x/2"),
        (["ls", "state"], 2, "x/1 x/2"),
        (["show", "nope"], 3, "x/1 x/2"),
        (["rm", "nope", "x/1"], 1, "x/2"),
        (["import", "/does/not/exist"], 3, "x/1 x/2"),
    ],
    ids=["option", "filter", "show", "rm", "import"],
)
@pytest.mark.parametrize("broken", ["pipe", "disk"])
def test_unreadable_stderr(persistdb: Program, words: list[str], status: int, left: str, broken: str) -> None:
    """When its errors cannot be printed, the program does the same work and ends with the same status."""
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="x"), {"1": ContainerState(), "2": ContainerState()})
    reader, writer = (
        os.pipe() if broken == "pipe" else (os.open("/dev/null", os.O_RDONLY), os.open("/dev/full", os.O_WRONLY))
    )
    os.close(reader)
    with os.fdopen(writer, "wb") as err:
        done = subprocess.run(persistdb.words(*words), stdout=subprocess.PIPE, stderr=err, check=False)
    assert done.returncode == status
    assert persistdb("ls", "-q").out.split() == left.split()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["sql"], ["sql", "-"]], ids=" ".join)
def test_closed_stdin(persistdb: Program, words: list[str]) -> None:
    """Started without stdin, sql says that it has no query."""
    command = ["sh", "-c", '"$@" <&-', "sh", *persistdb.words(*words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "persistdb: query: no statement on stdin: ''\n"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_full_stdout(persistdb: Program, form: str) -> None:
    """Output that cannot be written is status 3 and one line."""
    persistdb("import", DATA / "2.1.0")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            persistdb.words("ls", "--format", form), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (3, "persistdb: No space left on device\n")


@pytest.mark.slow
def test_interrupted(persistdb: Program) -> None:
    """Ctrl-C ends the program silently with status 130."""
    persistdb("import", DATA / "2.1.0")
    script = """
import os, signal, sys
from persistdb import ContainerRepository
from persistdb.cli import main
ContainerRepository.summaries = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
sys.exit(main())
"""
    words = [sys.executable, "-c", script, *persistdb.words("ls")[len(RUN) :]]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.slow
def test_ascii_terminal(persistdb: Program, tmp_path: Path) -> None:
    """Characters that the locale lacks are printed as escape sequences; CSV and JSON are always UTF-8."""
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="s"), {"ü": ContainerState(bundle_path="/日本")})
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert "\\xfc" in persistdb.child("ls", env=environment).out
    assert "ü" in persistdb.child("ls", "--format", "csv", env=environment).out
    assert persistdb.child("ls", "--format", "json", env=environment).rows[0]["bundle"] == "/日本"
