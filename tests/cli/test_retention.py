"""``db retention`` and ``db prune``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerState, Database, SandboxState

if TYPE_CHECKING:
    from .program import Program


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store a sandbox, change its container, and remove another sandbox."""
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="pod-1"), {"web": ContainerState(state="ready")})
        repository.save_sandbox(SandboxState(sid="pod-2"), {"db": ContainerState(state="ready")})
        repository.destroy_sandbox("pod-2")
        repository.transition("pod-1", "web", "running", expected="ready")
    return persistdb


def age(persistdb: Program, by: timedelta) -> None:
    """Let all that happened be so much older."""
    columns = {
        "event": ["at"],
        "container_lifetime": ["created_at", "removed_at"],
        "sandbox_lifetime": ["created_at", "removed_at"],
        **{
            f"{name}_history": ["valid_from", "valid_to"]
            for name in ("sandbox", "container", "mount", "device_map", "process")
        },
    }
    with Database(persistdb.url) as database, database.engine.begin() as connection:
        for table, names in columns.items():
            values = ", ".join(
                f"{name} = strftime('%Y-%m-%d %H:%M:%f000', {name}, '-{int(by.total_seconds())} seconds')"
                for name in names
            )
            connection.execute(text(f"UPDATE {table} SET {values}"))


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("30d", "kept for 30d, known"),
        ("12h", "kept for 12h"),
        ("48h", "kept for 2d"),
        ("8w", "kept for 8w"),
        ("90s", "kept for 90s"),
        ("forever", "kept for ever, known"),
        ("off", "off: nothing is recorded"),
    ],
)
def test_retention(filled: Program, time: str, said: str) -> None:
    """The setting is shown as it was set, for all programs."""
    done = filled("db", "retention", time)
    assert (done.status, done.err) == (0, "")
    assert f"history is {said}" in done.out
    assert filled("db", "retention").out == done.out


@pytest.mark.parametrize("time", ["", "0d", "30", "-1d", "30 d", "1y", "for ever", "٣d", "9" * 40 + "d"])
def test_misuse(filled: Program, time: str) -> None:
    """What is no time is misuse, and the setting stays."""
    before = filled("db", "retention").out
    done = filled("db", "retention", "--", time)
    assert (done.status, done.out) == (2, "")
    assert filled("db", "retention").out == before


def test_no_database(absent: Program) -> None:
    """A database that does not exist is not created."""
    for words in (["db", "retention"], ["db", "retention", "30d"], ["db", "prune"]):
        assert absent(*words).status == 3


def test_prune(filled: Program) -> None:
    """What is older than the retention goes, and a line says how much; the second time there is nothing."""
    assert "removed nothing older than" in filled("db", "prune").out
    age(filled, timedelta(days=31))
    done = filled("db", "prune")
    assert (done.status, done.err) == (0, "")
    assert re.search(
        r"removed 6 events, 2 versions of containers, 1 version of a sandbox, 1 mount,"
        r" 1 removed container, 1 removed sandbox older than 20..-..-..T..:..:..Z$",
        done.out.strip(),
    )
    assert "removed nothing older than" in filled("db", "prune").out
    assert filled("db", "check").status == 0
    assert [row["kind"] for row in filled("events", "--format", "json").rows] == ["state"]


def test_nothing_goes(filled: Program) -> None:
    """What is kept for ever does not go, and a line says what would change that."""
    filled("db", "retention", "forever")
    age(filled, timedelta(days=3000))
    assert "nothing was removed; to keep it for 30 days: persistdb --db" in filled("db", "prune").out
    assert len(filled("events", "--format", "json").rows) == 7


def test_events_that_were_missed(filled: Program) -> None:
    """Who follows the events and was away for too long is told, with what to do."""
    cursor = filled("events", "--limit", "1", "--format", "json").rows[0]["cursor"]
    age(filled, timedelta(days=31))
    filled("db", "prune")
    done = filled("events", "--after", cursor)
    assert done.status == 3
    assert "begin again without --after, or with --since" in done.err


def test_off_and_on(filled: Program) -> None:
    """Switched off, nothing is recorded and events are an error; on again, they begin, and old cursors are refused."""
    last = filled("events", "--format", "json").rows[-1]["cursor"]
    filled("db", "retention", "off")
    with filled.repository() as repository:
        repository.transition("pod-1", "web", "stopped", expected="running")
    assert filled("events").status == 3
    assert filled("db", "prune").status == 0
    filled("db", "retention", "30d")
    with filled.repository() as repository:
        repository.transition("pod-1", "web", "running", expected="stopped")
    assert filled("events", "--after", last).status == 3
    new = filled("events", "--format", "json").rows
    assert (new[-1]["old_state"], new[-1]["new_state"]) == ("stopped", "running")
    assert filled("events", "--after", new[-1]["cursor"]).status == 0
