"""Output on a terminal: nothing in a value, a name or an argument acts on it."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, Mount, Origin, SandboxState
from persistdb.engines import file_url

from .program import Program, on_terminal

if TYPE_CHECKING:
    from pathlib import Path

# ESC and the C1 character for "ESC [", a title that is set, directions of text, an invisible tag
HOSTILE = "a\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2066\u061c\U000e0041\x7f\rb"
EXTRA = f'{{\t"{HOSTILE[-6:-2]}":\r1}}'
STYLES = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def hostile(persistdb: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    """Store a container that is hostile throughout, in a file whose name is, too."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    program = Program(file_url(folder / "state.db"), capsys)
    with program.repository() as repository:
        mount = Mount(source=HOSTILE, destination=HOSTILE, options=[HOSTILE])
        record = ContainerState(state=HOSTILE, bundle_path=HOSTILE, mounts=[mount])
        repository.save_sandbox(SandboxState(sid=HOSTILE), {HOSTILE: record}, origins={HOSTILE: Origin(extra=EXTRA)})
    return program


def shown(program: Program, *words: str) -> str:
    """Run the program on a terminal of many columns, and return what it shows without the styles of tables."""
    # CSV ends its lines with CRLF, to which a terminal adds another CR
    return re.sub("\r+\n", "\n", STYLES.sub("", on_terminal(program.words(*words), columns=4000)))


def assert_printable(text: str) -> None:
    """Allow only what a terminal shows, and ends of lines."""
    assert text
    assert [line for line in text.split("\n") if not line.isprintable()] == []


QUERY = f'SELECT cid AS "{HOSTILE}", destination FROM mounts'


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml", "csv", "markdown", "{{.destination}}"])
def test_rows(hostile: Program, form: str) -> None:
    """Each form of rows shows hostile values and names of columns escaped."""
    assert_printable(shown(hostile, "sql", QUERY, "--format", form))


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["ls", "-q"],
        ["show", HOSTILE],
        ["report", "largest"],
        ["db", "current"],
        ["db", "check"],
        ["db", "upgrade"],
        ["rm", HOSTILE],
    ],
    ids=lambda words: "-".join(word for word in words if word != HOSTILE),
)
def test_text(hostile: Program, words: list[str]) -> None:
    """Text for people shows hostile values and the database's name escaped, wherever it goes."""
    assert_printable(hostile(*words).out)


@pytest.mark.parametrize(
    "words",
    [
        [HOSTILE],
        ["ls", f"--{HOSTILE}"],
        ["ls", HOSTILE],
        ["ls", "--format", HOSTILE],
        ["show", "a", HOSTILE],
        ["show", f"x{HOSTILE}"],
        ["sql", HOSTILE],
        ["sql", "--file", HOSTILE],
        ["report", HOSTILE],
        ["report", "largest", HOSTILE],
        ["import", HOSTILE],
        ["db", "upgrade", HOSTILE],
        ["db", "restore", HOSTILE],
        ["db", "grant-reader", HOSTILE],
    ],
    ids=lambda words: "-".join(word for word in words if HOSTILE not in word) or "command",
)
def test_errors(hostile: Program, words: list[str]) -> None:
    """Each error quotes hostile arguments escaped, also where it is one of the command line."""
    assert_printable(hostile(*words).err)


@pytest.mark.slow
def test_json_on_a_terminal_is_json(hostile: Program) -> None:
    """What is escaped in JSON means the same, in strings and between values."""
    (row,) = json.loads(shown(hostile, "show", HOSTILE, "--format", "json"))["rows"]
    assert (row["cid"], row["extra"]) == (HOSTILE, json.loads(EXTRA))


@pytest.mark.slow
def test_csv_on_a_terminal_shows_escapes(hostile: Program) -> None:
    """A value in CSV has visible escapes on a terminal, as in a table."""
    _, row = csv.reader(io.StringIO(shown(hostile, "ls", "--format", "csv")))
    assert row[2] == HOSTILE.encode("unicode_escape").decode()


@pytest.mark.slow
def test_elsewhere_bytes_stay(hostile: Program) -> None:
    """In a pipe or file, JSON has the stored characters and CSV the stored bytes."""
    assert json.loads(hostile.child("ls", "--format", "json").out)["rows"][0]["cid"] == HOSTILE
    assert "\x9b2J\u202e\u2066" in hostile.child("ls", "--format", "json").out
    assert HOSTILE in hostile.child("ls", "--format", "csv").out
