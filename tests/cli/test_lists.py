"""``sandboxes`` and ``hosts``: what the database has of each, and when an import last found it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, Machine, SandboxState

from .program import Program, on_terminal

if TYPE_CHECKING:
    from pathlib import Path

SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
LONG = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store three sandboxes on two hosts; an import found one of them."""
    with persistdb.repository() as repository:
        running = ContainerState(state="running")
        repository.save_sandbox(SandboxState(sid=LONG, state="running"), {"a": running, "b": ContainerState()})
        repository.save_sandbox(SandboxState(sid="b", state="ready"))
        machine = Machine(boot_id="2f1c5f0e", kernel="6.1.0-18-amd64", programs="persistdb 0.1.0")
        repository.mark_seen([LONG], source="/run/vc/sbs", at=SEEN, machine=machine)
    with persistdb.repository("node-2") as repository:
        repository.save_sandbox(SandboxState(sid="c"), {"x": running})
    return persistdb


def test_sandboxes(filled: Program) -> None:
    """The sandboxes of the host, or of all, are listed with when and where an import found them."""
    rows = filled("sandboxes", "--format", "json").rows
    assert [(row["sid"], row["containers"], row["running"], row["seen"], row["source"]) for row in rows] == [
        (LONG, 2, 1, "2026-01-31T12:00:00Z", "/run/vc/sbs"),
        ("b", 0, 0, None, None),
    ]
    done = filled("sandboxes", "--all-hosts", "--sort", "-containers", "-o", "{{.host}} {{.sid}}", "--limit", "2")
    assert done.out == f"node-1 {LONG}\nnode-2 c\n"
    assert done.err == "persistdb: cut after 2 rows: there are more\n"
    assert filled("sandboxes", "--columns", "sid,seen", "--format", "csv").out.splitlines()[0] == "sid,seen"
    refused = filled("sandboxes", "--sort", "nothing")
    assert refused.status == 2
    assert "updated, seen, source" in refused.err
    assert "updated_at" not in refused.err
    assert filled("sandboxes", "--columns", "nothing").status == 2


def test_hosts(filled: Program) -> None:
    """All hosts are listed, also those of which no import has read files."""
    rows = filled("hosts", "--sort", "-last_seen", "--format", "json").rows
    assert rows[0] == {
        "host": "node-1",
        "sandboxes": 2,
        "containers": 2,
        "last_seen": "2026-01-31T12:00:00Z",
        "first_seen": "2026-01-31T12:00:00Z",
        "kernel": "6.1.0-18-amd64",
        "programs": "persistdb 0.1.0",
        "boot_id": "2f1c5f0e",
    }
    assert (rows[1]["host"], rows[1]["sandboxes"], rows[1]["last_seen"]) == ("node-2", 1, None)
    assert filled("hosts", "--sort", "seen").status == 2


def test_nothing(absent: Program, tmp_path: Path) -> None:
    """An empty list says what is missing; a database that is not there is not created."""
    assert absent("hosts").status == 3
    absent.url = f"sqlite:///{tmp_path}/x.db"
    with absent.repository():
        pass
    for command in ("hosts", "sandboxes"):
        done = absent(command)
        assert (done.status, f"no {command}; the database has no sandboxes" in done.err) == (0, True)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("command", ["sandboxes", "hosts"])
def test_widths(filled: Program, command: str, columns: int) -> None:
    """A table fits the terminal; which sandbox or host it is stays."""
    shown = on_terminal(filled.words(command), columns=columns)
    lines = [line for line in shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines() if line]
    assert max(len(line.rstrip()) for line in lines) <= columns
    assert (LONG[:8] if command == "sandboxes" else "node-2") in shown
