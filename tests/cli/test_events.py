"""``events``: what happened, in every form, and what happens while one looks on."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from persistdb import Database
from persistdb.cli import complete
from persistdb.records import EVENT_KINDS
from persistdb.schema.prepare import prepare
from tests.store.events import START, forget, happen, live

from .program import HOST, Program
from .running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

FOLLOW = ("events", "--follow")


def write(persistdb: Program, *reasons: str, **event: Any) -> None:
    """Let something happen."""
    with Database(persistdb.url) as database, database.engine.begin() as connection:
        for reason in reasons:
            happen(connection, reason, **event)


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Let three things happen to two sandboxes of this host, and one to one of another."""
    with Database(persistdb.url) as database:
        prepare(database)
        forget(database)
        live(database, (HOST, "pod-1"), (HOST, "pod-2"), ("node-2", "pod-1"))
    write(persistdb, "a", kind="created")
    write(persistdb, "b", kind="created", sandbox=2)
    write(persistdb, "c", kind="created", sandbox=3)
    write(persistdb, "d", kind="removed", at=START + timedelta(hours=1))
    return persistdb


def test_table(filled: Program) -> None:
    """A table has the events of this host, oldest first, with the sandbox, what it was, and why."""
    heading, *lines = filled("events").out.splitlines()
    assert heading.split() == ["TIME", "SANDBOX", "CONTAINER", "EVENT", "FROM", "TO", "CAUSE", "ACTOR", "REASON"]
    assert [line.split()[2] for line in lines] == ["pod-1", "pod-2", "pod-1"]
    assert lines[-1].split() == ["2026-01-31", "13:00:00Z", "pod-1", "-", "removed", "-", "running", "api", "-", "d"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], "abd"),
        (["--all-hosts"], "abcd"),
        (["--host", "node-2"], "c"),
        (["--sandbox", "pod-2"], "b"),
        (["--sandbox", "pod-1", "--all-hosts"], "acd"),
        (["--kind", "removed"], "d"),
        (["--kind", "removed", "--kind", "created"], "abd"),
        (["--since", "2026-01-31T12:30:00Z"], "d"),
        (["--since", "2026-01-31"], "abd"),
        (["--since", "1s"], ""),
        (["--limit", "2"], "ab"),
        (["--sandbox", "pod-9"], ""),
    ],
    ids=str,
)
def test_conditions(filled: Program, options: list[str], found: str) -> None:
    """Events are those of a host, a sandbox, some kinds, since a time, and so many at the most."""
    assert "".join(row["reason"] for row in filled("events", *options, "--format", "json").rows) == found


def test_kinds() -> None:
    """The options know the kinds that there are."""
    assert complete.KINDS == EVENT_KINDS


def test_next(filled: Program) -> None:
    """JSON has the cursor behind the last event, also behind none: with it the list goes on."""
    first = json.loads(filled("events", "--limit", "2", "--format", "json").out)
    rest = json.loads(filled("events", "--after", first["next"], "--format", "json").out)
    assert [row["reason"] for row in first["rows"] + rest["rows"]] == ["a", "b", "d"]
    nothing = json.loads(filled("events", "--after", rest["next"], "--format", "json").out)
    assert (nothing["rows"], nothing["next"]) == ([], rest["next"])
    write(filled, "e")
    assert [row["reason"] for row in filled("events", "--after", nothing["next"], "--format", "json").rows] == ["e"]


def test_forms(filled: Program) -> None:
    """CSV, YAML and templates have the same values under the same names."""
    rows = filled("events", "--format", "json").rows
    assert list(rows[0]) == (
        [
            "at",
            "host",
            "sid",
            "cid",
            "kind",
            "old_state",
            "new_state",
            "cause",
            "actor",
            "reason",
            "revision",
            "id",
            "cursor",
            "began_at",
        ]
    )
    assert rows[0]["at"] == "2026-01-31T12:00:00Z"
    assert [row["cid"] for row in rows] == [None, None, None]
    for_csv = list(csv.DictReader(io.StringIO(filled("events", "--format", "csv").out, newline="")))
    assert [row["reason"] for row in for_csv] == ["a", "b", "d"]
    assert yaml.safe_load(filled("events", "--format", "yaml").out)["rows"] == rows
    assert filled("events", "-o", "{{.sid}} {{.kind}}").out == "pod-1 created\npod-2 created\npod-1 removed\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--since", "soon"],
        ["--kind", "creatd"],
        ["--after", "1.2"],
        ["--limit", "0"],
        ["--columns", "nope"],
        ["--follow", "--after", "x"],
    ],
    ids=str,
)
def test_misuse(filled: Program, options: list[str]) -> None:
    """What makes no sense is misuse, with nothing printed."""
    done = filled("events", *options)
    assert (done.status, done.out) == (2, "")


def test_nothing(filled: Program) -> None:
    """Where nothing happened a line on stderr says so, with what there is."""
    assert filled("events", "--kind", "state").err == "no events of host 'node-1' fit the options\n"


def test_nothing_is_recorded(filled: Program) -> None:
    """Where nothing is recorded it is an error that names the command."""
    with Database(filled.url) as database, database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE retention SET seconds = 0")
    done = filled("events")
    assert done.status == 3
    assert "history is off" in done.err
    assert "db retention 30d" in done.err


def interrupt(running: Running) -> None:
    os.kill(running.pid, signal.SIGINT)


def terminate(running: Running) -> None:
    os.kill(running.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize(("end", "status"), [(interrupt, 130), (terminate, 143)])
def test_follow(filled: Program, end: Callable[[Running], None], status: int) -> None:
    """Followed, what happens is a line at once, and the end is a signal, without a word."""
    with closing(Running(filled.words(*FOLLOW, "-o", "{{.reason}}!"))) as running:
        assert running.until("d!\n") == "a!\nb!\nd!\n"
        for reason in ("e", "f"):
            write(filled, reason)
            write(filled, "of another host", sandbox=3)
            assert running.until("!\n") == f"{reason}!\n"
        end(running)
        _, err = running.process.communicate()
        assert (running.process.returncode, err) == (status, b"")


@pytest.mark.slow
def test_follow_as_a_table(filled: Program) -> None:
    """A table that is followed has its headings once, and its columns stay below each other."""
    with closing(Running(filled.words(*FOLLOW))) as running:
        running.until(" d\n")
        write(filled, "e")
        running.until(" e\n")
        assert running.interrupt() == (130, "")
        heading, *lines = running.out.decode().splitlines()
        assert heading.startswith("TIME")
        assert {line.index("api") for line in lines} == {heading.index("CAUSE")}
        assert len(lines) == 4


@pytest.mark.slow
def test_follow_as_documents(filled: Program) -> None:
    """JSON that is followed is a whole document for each batch of events, each with where to go on."""
    with closing(Running(filled.words(*FOLLOW, "--format", "json"))) as running:
        running.until('"next"')
        write(filled, "e")
        running.until('"next"')
        assert running.interrupt() == (130, "")
        text = running.out.decode()
        document, end = json.JSONDecoder().raw_decode(text)
        more, _ = json.JSONDecoder().raw_decode(text[end:].lstrip())
    assert [row["reason"] for row in document["rows"] + more["rows"]] == ["a", "b", "d", "e"]


@pytest.mark.slow
def test_follow_some(filled: Program) -> None:
    """Followed for so many events, it ends by itself."""
    with closing(Running(filled.words(*FOLLOW, "--limit", "4", "-o", "{{.reason}}"))) as running:
        running.until("d\n")
        write(filled, "e", "f")
        assert running.end() == 0
        assert running.process.communicate()[0].decode().endswith("e\n")


@pytest.mark.slow
def test_nobody_reads(filled: Program) -> None:
    """Where nobody reads the output any more it ends at once, though nothing happens."""
    running = Running(filled.words(*FOLLOW, "-o", "{{.reason}}"))
    running.until("d\n")
    os.close(running._read_from)
    assert running.process.stdout
    running.process.stdout.close()
    assert running.end() == 141
    assert running.process.stderr
    with running.process.stderr as err:
        assert err.read() == b""


def test_now(filled: Program) -> None:
    """An age of zero begins with now."""
    write(filled, "now", at=datetime.now(UTC) + timedelta(minutes=1))
    assert [row["reason"] for row in filled("events", "--since", "0s", "--format", "json").rows] == ["now"]
