"""``report`` and ``sql`` on the command line."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database
from persistdb.reports import stream
from tests.cli.program import Program, on_terminal

from . import fleet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def persistdb(sqlite_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """Create the fleet's database, and run the program on it."""
    for name in ("PERSISTDB_URL", "PERSISTDB_HOST", "PERSISTDB_REPORTS"):
        monkeypatch.delenv(name, raising=False)
    with Database(sqlite_url) as database:
        fleet.build(database)
    return Program(sqlite_url, capsys)


def test_list(persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name the reports are listed; a faulty report of the user is named, and hides no other."""
    assert "device-holders    DEVICE" in persistdb("report").out
    (tmp_path / "mine.sql").write_text("-- title: Mine\nSELECT 1")
    (tmp_path / "bad.sql").write_text("SELECT 1")
    done = persistdb("report", "--reports", tmp_path, "--format", "json")
    assert done.status == 1
    assert "bad.sql" in done.err
    assert {"mine", "summary"} < {row["name"] for row in done.rows}
    monkeypatch.setenv("PERSISTDB_REPORTS", str(tmp_path))
    assert persistdb("report", "mine", "--all-hosts").out.splitlines()[1].strip() == "1"


@pytest.mark.parametrize("place", ["option", "environment"])
def test_folder_that_does_not_exist(
    persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A folder of reports that does not exist is misuse, wherever it is named."""
    words = ["--reports", tmp_path / "absent"] if place == "option" else []
    if place == "environment":
        monkeypatch.setenv("PERSISTDB_REPORTS", str(tmp_path / "absent"))
    for name in ([], ["summary"]):
        done = persistdb("report", *name, *words)
        assert (done.status, done.out) == (2, "")
        assert f"--reports, PERSISTDB_REPORTS or configuration file: {tmp_path}/absent is not a folder" in done.err


def test_cut_report(persistdb: Program) -> None:
    """A report that was cut says so once, with the advice."""
    assert persistdb("report", "leftover-mounts", "--limit", "1").err.startswith(
        "persistdb: cut after 1 row: there are more. Unmount "
    )
    assert persistdb("report", "leftover-mounts", "--limit", "1", "--format", "csv").err == (
        "persistdb: cut after 1 row: there are more\n"
    )
    assert persistdb("report", "leftover-mounts", "--limit", "2").err.startswith("persistdb: 2 rows. Unmount ")


def test_describe(persistdb: Program) -> None:
    """A report can be described without being run."""
    done = persistdb("report", "stale", "--describe")
    assert done.status == 0
    assert "24h if not given" in done.out
    assert "FROM containers" in done.out


def test_finding(persistdb: Program) -> None:
    """A finding comes with advice on stderr; it makes the status 1 only with --fail."""
    done = persistdb("report", "leftover-mounts")
    assert (done.status, done.err.count("\n")) == (0, 1)
    assert "2 rows. Unmount" in done.err
    assert persistdb("report", "leftover-mounts", "--fail", "--format", "json").status == 1
    assert persistdb("report", "stale", "--fail").status == 0


def test_limit(persistdb: Program) -> None:
    """A limit cuts the rows, and a line on stderr says so."""
    done = persistdb("report", "paths", "/", "--limit", "1", "--format", "json")
    assert len(done.rows) == 1
    assert "cut after 1 row" in done.err
    done = persistdb("sql", "SELECT * FROM mounts", "--limit", "3", "--format", "json")
    assert len(done.rows) == 3
    assert "cut after 3 rows" in done.err
    assert persistdb("sql", "SELECT * FROM mounts", "--limit", "0").err == ""


@pytest.mark.parametrize("words", [[], ["--limit", "3"], ["--sort", "-state"], ["--fail"]], ids=" ".join)
def test_pages(persistdb: Program, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """A report that is read in pages is printed as one that is not, in each form, with the same line and status."""
    for name in ("summary", "unstarted"):
        asked = ["report", name, "--all-hosts", *words, "--format"]
        forms = ("table", "json", "csv", "yaml", "markdown", "{{.host}} {{.state}}")
        with monkeypatch.context() as patched:
            at_once = [persistdb(*asked, form) for form in forms]
            patched.setattr("persistdb.reports.stream", partial(stream, whole=0, sandboxes=1))
            assert [persistdb(*asked, form) for form in forms] == at_once
        assert all(done.out for done in at_once)


def test_pages_of_totals(persistdb: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Totals that are added up over pages are printed as those of one query."""
    forms = ("table", "json", "csv", "markdown")
    at_once = [persistdb("report", "mount-options", "--all-hosts", "--format", form) for form in forms]
    monkeypatch.setattr("persistdb.reports.stream", partial(stream, whole=0, sandboxes=1))
    assert [persistdb("report", "mount-options", "--all-hosts", "--format", form) for form in forms] == at_once


@pytest.mark.parametrize("limit", [2**31 - 2, 2**31 - 1, 2**63 - 1, 10**30])
def test_limit_beyond_counting(persistdb: Program, limit: int) -> None:
    """A limit that is greater than any driver can count means all rows."""
    for words in (["report", "summary"], ["sql", "SELECT * FROM mounts"]):
        done = persistdb(*words, "--limit", str(limit), "--format", "json")
        assert (done.status, done.err) == (0, "")
        assert done.rows == persistdb(*words, "--format", "json").rows


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["report", "nothing"], 2),
        (["report", "largest", "many"], 2),
        (["report", "device-holders"], 2),
        (["report", "device-holders", "\udcff"], 2),
        (["report", "summary", "--reports", "/does/not/exist"], 2),
        (["sql", "DELETE FROM mount"], 2),
        (["sql", "PRAGMA user_version = 1"], 2),
        (["sql", "SELECT 1; DELETE FROM mount"], 3),
        (["sql", "WITH a AS (SELECT 1) DELETE FROM mount"], 3),
        (["sql", "SELECT * FROM nowhere"], 3),
        (["sql", "SELECT '\udcff'"], 2),
        (["sql", "SELECT 1", "--file", "/does/not/exist"], 2),
        (
            [
                "sql",
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n",
                "--timeout",
                "0.1",
            ],
            3,
        ),
    ],
)
def test_misuse(persistdb: Program, arguments: list[str], status: int) -> None:
    """A query that cannot be run is a line on stderr, nothing on stdout, and status 2 or 3."""
    done = persistdb(*arguments)
    assert (done.status, done.out) == (status, "")
    assert done.err


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("faulty", "SELECT 1", 3),
        ("writes", "-- title: It writes\nDELETE FROM mount", 3),
        ("asks", "-- title: It asks\n-- parameter: who text: a name\nSELECT :who", 2),
        ("unknown", None, 2),
    ],
)
def test_misuse_or_faulty_file(persistdb: Program, tmp_path: Path, name: str, text: str | None, status: int) -> None:
    """A bad value on the command line is misuse; a fault in a report's file is not."""
    if text is not None:
        (tmp_path / f"{name}.sql").write_text(text)
    done = persistdb("report", name, "--reports", tmp_path)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("persistdb: ")
    assert done.err.count("\n") == 1


@pytest.mark.slow
def test_where_sql_comes_from(persistdb: Program, tmp_path: Path) -> None:
    """A query is read from an argument, a file, or stdin."""
    path = tmp_path / "question.sql"
    path.write_text("SELECT cid AS answer FROM containers WHERE cid = 'web'\n")
    expected = [{"answer": "web"}]
    assert persistdb("sql", path.read_text(), "--format", "json").rows == expected
    assert persistdb("sql", "--file", path, "--format", "json").rows == expected
    for words in (["sql"], ["sql", "-"], ["sql", "--file", "-"]):
        with path.open() as file:
            assert persistdb.child(*words, "--format", "json", stdin=file).rows == expected


def test_formats(persistdb: Program) -> None:
    """JSON, CSV and Markdown hold the same rows; formulas are defused on request, control characters escaped."""
    values = "'=1+1' AS f, 'a|b' AS f, NULL AS n, 1.5 AS x, char(27) || '[31m' AS c, is_sandbox"
    sql = f"SELECT {values} FROM containers WHERE cid = 'pod-1'"
    text = persistdb("sql", sql, "--format", "json").out
    assert json.loads(text) == {
        "version": 1,
        "kind": "query",
        "rows": [{"f": "=1+1", "f_2": "a|b", "n": None, "x": 1.5, "c": "\x1b[31m", "is_sandbox": True}],
    }
    ((head), row) = list(csv.reader(io.StringIO(persistdb("sql", sql, "--format", "csv").out)))
    assert (head, row[0]) == (["f", "f_2", "n", "x", "c", "is_sandbox"], "=1+1")
    assert "'=1+1" in persistdb("sql", sql, "--format", "csv", "--excel").out
    lines = persistdb("sql", sql, "--format", "markdown").out.splitlines()
    assert lines[:2] == ["| f | f\\_2 | n | x | c | is\\_sandbox |", "| --- | --- | --- | --: | --- | --- |"]
    assert "a\\|b" in lines[2]
    for form in ("table", "markdown"):
        assert "\x1b" not in persistdb("sql", sql, "--format", form).out


@pytest.mark.slow
def test_hostile_headings(persistdb: Program) -> None:
    """Names of columns are escaped like values, so that a terminal does not act on them."""
    sql = 'SELECT 1 AS "c\x1b[31mol\u202e\n"'
    shown = [persistdb("sql", sql, "--format", form).out for form in ("table", "markdown")]
    terminal = on_terminal(persistdb.words("sql", sql)).splitlines()
    assert [out.splitlines()[0].strip() for out in shown] == [
        "C\\x1b[31MOL\\u202e\\n",
        "| c\\\\x1b\\[31mol\\\\u202e\\\\n |",
    ]
    assert "C\\x1b[31MOL\\u202e\\n" in terminal[0]
    assert persistdb("sql", sql, "--format", "json").rows == [{"c\x1b[31mol\u202e\n": 1}]


def test_expanded(persistdb: Program) -> None:
    """With -x each row is a block, with a column a line and whole values."""
    sql = "SELECT 'a\x1b' AS name, 1 AS number UNION ALL SELECT NULL, 22"
    assert persistdb("sql", "-x", sql).out.splitlines() == [
        "-[ row 1 ]-",
        "NAME    a\\x1b",
        "NUMBER  1",
        "-[ row 2 ]-",
        "NAME    -",
        "NUMBER  22",
    ]
    assert persistdb("sql", "-x", "SELECT 1 WHERE 1 = 0").out == ""
    assert persistdb("sql", "-x", "--limit", "1", sql).err.startswith("persistdb: cut after 1 row: ")
    assert persistdb("sql", "-x", sql, "--format", "csv").status == 2


@pytest.mark.slow
def test_on_a_terminal(persistdb: Program) -> None:
    """A table fits the terminal."""
    shown = on_terminal(persistdb.words("report", "paths", "/"), columns=60)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 60


@pytest.mark.slow
def test_closed_stdout(persistdb: Program) -> None:
    """When stdout is closed, the program ends without a traceback."""
    with subprocess.Popen(
        persistdb.words("sql", "SELECT * FROM mounts, containers, devices"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert b"Traceback" not in child.stderr.read()


@pytest.mark.parametrize("number", ["1_0", " 1", "٣", "nan", "inf", "1e3", "-1", "1.5s"])
@pytest.mark.parametrize("option", ["--limit", "--timeout"])
def test_odd_numbers(persistdb: Program, option: str, number: str) -> None:
    """A number on the command line is ASCII digits, and nothing else that Python reads as a number."""
    for words in (["sql", "SELECT 1"], ["report", "summary"]):
        done = persistdb(*words, f"{option}={number}")
        assert (done.status, done.out) == (2, "")
        assert option in done.err


def test_a_report_at_a_time(persistdb: Program) -> None:
    """A report about a time that is past has the rows of then; one that knows only what is now is misuse."""
    with Database(persistdb.url) as database:
        repository = ContainerRepository(database, host="node-1")
        then = max(one.updated_at for one in repository.find(all_hosts=True)).isoformat()
        repository.destroy_sandbox("pod-1")
    assert persistdb("report", "device-holders", "fuse", "--all-hosts", "--format", "json").rows == []
    held = persistdb("report", "device-holders", "fuse", "--at", then, "--all-hosts", "--format", "json").rows
    assert [row["cid"] for row in held] == ["pod-1", "web"]
    assert held[0]["valid_to"] > held[0]["valid_from"]
    for host, number in (("node-1", 4), ("node-2", 1)):
        rows = persistdb("report", "summary", "--at", then, "--format", "json", host=host).rows
        assert len(rows) == number
    done = persistdb("report", "stale", "--at", then)
    assert (done.status, done.out) == (2, "")
    assert "device-holders, paths, summary" in done.err
    done = persistdb("report", "summary", "--at", "2020-01-01")
    assert done.status == 3
    assert "from which on there is history" in done.err
