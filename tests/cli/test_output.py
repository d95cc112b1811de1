"""Which columns are printed, in which form and order."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter

import pytest

from persistdb import ContainerState, DeviceMap, Mount, Process, SandboxState
from persistdb.cli import complete
from persistdb.cli.containers import _COLUMNS
from persistdb.store.selection import SORTS
from tests.runtimes.kata.trees import DATA

from .program import Program, commands_with, on_terminal

STYLES = re.compile(r"\x1b\[[\d;]*m")
LONG = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store three containers on one host, of which no two are alike in any column."""
    web = ContainerState(
        state="running",
        bundle_path="/run/b",
        cgroup_path="/kubepods/web",
        processes=[Process(token="t", pid=42)],
        mounts=[Mount(destination="/a"), Mount(destination="/b")],
        device_maps=[DeviceMap(id="d1", container_path="/dev/x", file_mode=0o20660)],
    )
    db = ContainerState(state="paused", mounts=[Mount()], processes=[Process(token="u", pid=7)])
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="pod-1"), {"web": web, "db": db})
        repository.save_sandbox(SandboxState(sid="pod-2"), {LONG: ContainerState(state="ready")})
        repository.transition("pod-2", LONG, "running", expected="ready")
        repository.transition("pod-2", LONG, "stopped", expected="running")
    return persistdb


# --- columns


def test_columns_in_each_format(filled: Program) -> None:
    """``--columns`` says which columns each format has, and in which order."""
    words = ("ls", "sid=pod-1", "--columns", "state, cid,created", "--sort", "cid")
    lines = [line.split()[:2] for line in filled(*words).out.splitlines()]
    assert lines == [["STATE", "CONTAINER"], ["paused", "db"], ["running", "web"]]
    assert [list(row) for row in filled(*words, "--format", "json").rows] == [["state", "cid", "created"]] * 2
    (first, *_) = csv.reader(io.StringIO(filled(*words, "--format", "csv").out))
    assert first == ["state", "cid", "created"]
    assert filled(*words, "--format", "markdown").out.startswith(
        "| state | cid | created |\n| --- | --- | --- |\n| pau"
    )
    assert filled(*words, "-o", "wide").out.split()[:3] == ["STATE", "CONTAINER", "CREATED"]


def test_wide(filled: Program) -> None:
    """``-o wide`` has all columns; a table and Markdown have the usual ones, and JSON and CSV all."""
    names = [column.name for column in _COLUMNS]
    headings = [column.heading for column in _COLUMNS]
    assert filled("ls", "-o", "wide").out.splitlines()[0].split() == headings
    assert filled("ls").out.splitlines()[0].split() == headings[1:9]
    assert filled("ls", "-o", "markdown").out.splitlines()[0].strip("| ").split(" | ") == names[:9]
    assert list(filled("ls", "-o", "json").rows[0]) == names
    assert next(csv.reader(io.StringIO(filled("ls", "-o", "csv").out))) == names
    assert filled("ls", "--format", "wide", "cid=none").err == "no containers of host 'node-1' fit the filters\n"


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["report", "summary"],
        ["report"],
        ["sql", "SELECT host, cid FROM containers"],
        ["sql", "-x", "SELECT host, cid FROM containers"],
        ["db", "history"],
    ],
    ids=" ".join,
)
def test_unknown_columns(hosts: Program, words: list[str]) -> None:
    """A name that is no column is misuse, and the error lists the columns."""
    done = hosts(*words, "--columns", "size")
    assert (done.status, done.out) == (2, "")
    known = re.fullmatch(r"persistdb: no column 'size'; use some of (.+)\n", done.err)
    assert known
    names = known[1].split(", ")
    shown = hosts(*words, "--columns", ",".join(names[::-1]))
    assert (shown.status, shown.err.startswith("persistdb:")) == (0, False)
    assert shown.out


@pytest.mark.parametrize(("names", "says"), [("", "empty"), ("cid,", "empty"), ("cid,sid,cid", "'cid' twice")])
def test_columns_that_make_no_sense(filled: Program, names: str, says: str) -> None:
    """An empty name, and a name given twice, are misuse."""
    done = filled("ls", "--columns", names)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_a_mistyped_column_reads_nothing(filled: Program) -> None:
    """A mistyped column of ls is misuse before the database is opened; with -q any column is."""
    filled.url = "absent.db"
    assert filled("ls", "--columns", "size").status == 2
    assert filled("ls", "-q", "--columns", "cid").status == 2
    assert filled("ls", "--columns", "cid").status == 3


def test_columns_of_reports_and_queries(hosts: Program) -> None:
    """Reports, queries, the vertical form and the history of the schema print the columns that were asked for."""
    assert hosts("report", "summary", "--columns", "containers,host", "-o", "json").rows[0].keys() == {
        "containers",
        "host",
    }
    query = "SELECT host, sid, sid, cid FROM containers WHERE cid = 'web'"
    assert next(csv.reader(io.StringIO(hosts("sql", query, "--columns", "sid_2,cid", "-o", "csv").out))) == [
        "sid_2",
        "cid",
    ]
    shown = hosts("sql", "-x", "SELECT 1 AS a, 2 AS b", "--columns", "b").out
    assert shown == "-[ row 1 ]-\nB  2\n"
    assert hosts("db", "history", "--columns", "revision").out.split()[:2] == ["REVISION", "0001"]


# --- widths


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_asked_for_columns_stay(filled: Program, columns: int) -> None:
    """On a narrow terminal no column that was asked for is left out, and no line is longer than the terminal."""
    names = "host,sid,cid,state,bundle,cgroup,created"
    text = STYLES.sub("", on_terminal(filled.words("ls", "--columns", names), columns=columns))
    first, *lines = text.replace("\r", "").splitlines()
    assert [heading[:1] for heading in first.split()] == list("HSCSBCC")
    assert max(map(len, [first, *lines])) <= columns


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_wide_is_whole(filled: Program, columns: int) -> None:
    """A wide table has whole values, however narrow the terminal is."""
    text = on_terminal(filled.words("ls", "-o", "wide"), columns=columns).replace("\r", "")
    assert text == filled("ls", "-o", "wide").out
    assert f" {LONG} " in text


WHOLE = {
    "ls": ["ls"],
    "sandboxes": ["sandboxes"],
    "hosts": ["hosts"],
    "events": ["events"],
    "audit": ["audit", "--no-store", "--check", "left-over-state"],
    "report": ["report", "summary"],
    "sql": ["sql", "SELECT * FROM containers ORDER BY cid"],
}


def test_commands_with_no_trunc() -> None:
    """The next test knows each command that has --no-trunc."""
    assert set(WHOLE) == commands_with("no_trunc")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [1, 40, 80, 200, 400])
@pytest.mark.parametrize("words", WHOLE.values(), ids=WHOLE)
def test_no_trunc_loses_nothing(filled: Program, words: list[str], columns: int) -> None:
    """A table with --no-trunc has each heading and each character of its values, however narrow the terminal is."""
    filled("import", "--sample")  # of a folder that is not on this machine, so that an audit finds something
    plain = filled(*words).out
    assert len(plain.splitlines()) > 1
    text = STYLES.sub("", on_terminal(filled.words(*words, "--no-trunc"), columns=columns))
    assert Counter("".join(text.split())) == Counter("".join(plain.split()))


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_show_loses_nothing(persistdb: Program, columns: int) -> None:
    """``show`` has all of a container, however narrow the terminal is."""
    persistdb("import", DATA / "3.29.0")
    text = STYLES.sub("", on_terminal(persistdb.words("show", "0a9b"), columns=columns))
    assert Counter("".join(text.split())) == Counter("".join(persistdb("show", "0a9b").out.split()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (16, ["A  LONG_NAME   N", "x  /var/lib/  12", "   kubelet/p", "   ods/1"]),
        (15, ["A  LONG_NAME                 N", "x  /var/lib/kubelet/pods/1  12"]),
    ],
)
def test_no_trunc_folds(persistdb: Program, columns: int, lines: list[str]) -> None:
    """Values with --no-trunc are folded in their column; where lines have no room even so, they are not folded."""
    persistdb("db", "upgrade")
    query = "SELECT 'x' AS a, '/var/lib/kubelet/pods/1' AS long_name, 12 AS n"
    text = STYLES.sub("", on_terminal(persistdb.words("sql", "--no-trunc", query), columns=columns))
    assert [line.rstrip() for line in text.splitlines()] == lines


@pytest.mark.slow
def test_left_out_columns_are_named(filled: Program) -> None:
    """Where columns are left out, a line on stderr names them, and says how to see all."""
    text = on_terminal(["sh", "-c", 'exec "$@" 2>&1', "sh", *filled.words("ls")], columns=40)
    assert "no room in 40 columns for" in text
    assert "-o wide shows all" in text


# --- orders


def test_ls_sorts_by_any_column() -> None:
    """What ls prints, it sorts by, and the shell completes."""
    assert {column.name for column in _COLUMNS} == set(SORTS) == set(complete.SORTS)


@pytest.mark.parametrize(
    ("sort", "cids"),
    [
        ("pid", [LONG, "db", "web"]),
        ("-mounts", ["web", "db", LONG]),
        ("-devices", ["web", LONG, "db"]),
        ("-bundle", ["web", LONG, "db"]),
        ("-cgroup", ["web", LONG, "db"]),
        ("-revision", [LONG, "web", "db"]),
    ],
)
def test_sort_of_ls(filled: Program, sort: str, cids: list[str]) -> None:
    """``ls --sort`` sorts by numbers and paths, and ``-`` reverses it."""
    shown = [row["cid"] for row in filled("ls", "--sort", sort, "-o", "json").rows]
    assert shown[0] == cids[0]
    assert set(shown) == set(cids)


def test_sort_of_a_report(hosts: Program) -> None:
    """``report --sort`` sorts all rows of a report, and ``--limit`` cuts them after that."""
    words = ("report", "summary", "-o", "json")
    numbers = [row["containers"] for row in hosts(*words).rows]
    assert len(set(numbers)) > 1
    assert [row["containers"] for row in hosts(*words, "--sort", "containers").rows] == sorted(numbers)
    cut = hosts(*words, "--sort", "-containers", "--limit", "1")
    assert [row["containers"] for row in cut.rows] == [max(numbers)]
    assert cut.err == "persistdb: cut after 1 row: there are more\n"
    done = hosts(*words, "--sort", "size")
    assert (done.status, done.out) == (2, "")
    assert "use one of host, state, containers" in done.err


@pytest.mark.slow
def test_completion(filled: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell completes the last of several columns, and formats."""

    def candidates(*words: str) -> list[str]:
        monkeypatch.setenv(complete.VARIABLE, "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["persistdb", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        out = filled.child().out
        return [line.removeprefix("plain,") for line in out.splitlines()]

    assert candidates("ls", "--columns", "cid,s") == ["cid,sid", "cid,state"]
    assert candidates("ls", "--columns", "cid,c") == ["cid,cgroup", "cid,created"]
    assert candidates("db", "history", "--columns", "r") == ["revision"]
    assert candidates("ls", "-o", "w") == ["wide"]


def test_a_document_of_columns(filled: Program) -> None:
    """JSON with some of the columns is a document of the same shape."""
    document = json.loads(filled("ls", "--columns", "cid", "-o", "json", "cid=web").out)
    assert document == {"version": 1, "kind": "containers", "rows": [{"cid": "web"}]}
