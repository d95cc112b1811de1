"""What was, on the command line: ``history``, and ``ls``, ``show`` and ``export`` with ``--at``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerState, DeviceMap, Mount, SandboxState
from persistdb.runtimes.samples import KATA

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"


def _after(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


@pytest.fixture
def lived(persistdb: Program) -> tuple[Program, str]:
    """Let two containers live, one of which is gone; return when both were there and nothing had changed."""
    web = ContainerState(state="ready", mounts=[Mount(source="/srv", destination="/data", options=["rbind", "ro"])])
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="pod-1", state="running"), {"web": web, "db": ContainerState()})
        then = repository.get("pod-1", "web").updated_at
        repository.transition("pod-1", "web", "running", expected="ready")
        changed = ContainerState(state="running", device_maps=[DeviceMap(id="d1", container_path="/dev/x")])
        repository.acting(actor="agent\x1b[31m", reason="node drain").save("pod-1", "web", changed)
        repository.delete("pod-1", "db")
    return persistdb, _after(then)


def test_history_of_a_container(lived: tuple[Program, str]) -> None:
    """A container's life is a line for each event, with who and why, and below it what a change changed."""
    persistdb, _ = lived
    lines = persistdb("history", "web").out.splitlines()
    assert [re.sub(_TIME, "TIME", line) for line in lines] == [
        "TIME  created ready  (api)",
        "TIME  ready → running  (transition)",
        "TIME  changed  (api, by agent\\x1b[31m, node drain)",
        "    - mount /srv /data rbind ro",
        "    + device d1 /dev/x",
    ]


def test_history_of_a_sandbox(lived: tuple[Program, str]) -> None:
    """A sandbox's life has its containers' events, too; its ID, or a prefix of it, is enough."""
    persistdb, _ = lived
    for words in (["--sandbox", "pod-1"], ["po"]):
        lines = persistdb("history", *words).out.splitlines()
        assert re.fullmatch(f"{_TIME}  sandbox  created running  \\(api\\)", lines[0])
        assert sum("  web  " in line for line in lines) == 3
        assert re.fullmatch(f"{_TIME}  db  removed  \\(api\\)", lines[-1])


def test_history_of_what_is_gone(lived: tuple[Program, str]) -> None:
    """What was removed still has a history, also with its whole sandbox."""
    persistdb, _ = lived
    assert persistdb("rm", "--sandbox", "pod-1").status == 0
    rows = persistdb("history", "pod-1/db", "--format", "json").rows
    assert [row["kind"] for row in rows] == ["created", "removed"]
    assert persistdb("history", "--sandbox", "pod-1", "-o", "json").rows[-1]["kind"] == "removed"


def test_history_for_programs(lived: tuple[Program, str]) -> None:
    """As JSON each event is a row, with all of what a change changed."""
    persistdb, _ = lived
    rows = persistdb("history", "pod-1/web", "--format", "json").rows
    assert [row["revision"] for row in rows] == [1, 2, 3]
    assert rows[2]["actor"] == "agent\x1b[31m"
    assert [one["source"] for one in rows[2]["changes"]["mounts_removed"]] == ["/srv"]
    assert [one["id"] for one in rows[2]["changes"]["devices_added"]] == ["d1"]
    assert rows[1]["changes"]["mounts_removed"] == []


def test_history_of_nothing(lived: tuple[Program, str]) -> None:
    """An ID that nothing ever had is not found, and names which kind it was taken for."""
    persistdb, _ = lived
    for words, kind in ((["nope"], "sandbox"), (["pod-1/nope"], "container"), (["--sandbox", "x"], "sandbox")):
        result = persistdb("history", *words)
        assert result.status == 3
        assert f"no {kind}" in result.err


def test_lists_and_details(lived: tuple[Program, str]) -> None:
    """``ls`` and ``show`` tell what was there at a time."""
    persistdb, then = lived
    assert persistdb("ls", "-q").out.split() == ["pod-1/web"]
    assert persistdb("ls", "-q", "--at", then).out.split() == ["pod-1/db", "pod-1/web"]
    assert persistdb("ls", "-q", "state=ready", "--at", then).out.split() == ["pod-1/web"]
    assert persistdb("ls", "--at", then, "--format", "json").rows[1]["mounts"] == 1
    shown = persistdb("show", "web", "--at", then, "--format", "json").rows[0]
    assert (shown["state"], [one["source"] for one in shown["mounts"]]) == ("ready", ["/srv"])
    assert persistdb("show", "db", "--at", then).status == 0
    assert persistdb("show", "db").status == 3


@pytest.mark.parametrize(
    "command", [["ls"], ["show", "web"], ["export", "--to", "x"], ["export", "pod-1", "--to", "x"]]
)
def test_before_there_was_history(lived: tuple[Program, str], command: list[str], tmp_path: Path) -> None:
    """A time before the horizon is an error that names it."""
    persistdb, _ = lived
    command = [str(tmp_path / "x") if word == "x" else word for word in command]
    result = persistdb(*command, "--at", "2020-01-01")
    assert result.status == 3
    assert "2020-01-01T00:00:00Z is before" in result.err


@pytest.mark.parametrize("time", ["yesterday", "2026-01-31T12:00:00", "-5m", ""])
def test_no_time(lived: tuple[Program, str], time: str) -> None:
    """A time that is none is misuse."""
    persistdb, _ = lived
    result = persistdb("ls", "--at", time)
    assert result.status == 2
    assert "--at" in result.err


def test_an_age(lived: tuple[Program, str]) -> None:
    """An age is a time so long ago."""
    persistdb, _ = lived
    with persistdb.repository() as repository, repository.database.engine.begin() as connection:
        early = (datetime.now(UTC) - timedelta(hours=3)).replace(tzinfo=None).isoformat(" ", "microseconds")
        connection.execute(text("UPDATE retention SET horizon = :early"), {"early": early})
    result = persistdb("ls", "--at", "2h")
    assert result.status == 0
    assert "no containers" in result.err


def test_export(persistdb: Program, tmp_path: Path) -> None:
    """An export of what was has the files of then, byte for byte, also of what is gone."""
    assert persistdb("import", str(KATA)).status == 0
    with persistdb.repository() as repository:
        (sandbox,) = repository.load_sandboxes()
        then = max(one.updated_at for one in (sandbox, *sandbox.containers.values()))
        repository.transition(sandbox.record.sid, "web-1", "running", expected="ready")
        repository.destroy_sandbox(sandbox.record.sid)
    for words in ([], [sandbox.record.sid[:12]]):
        place = tmp_path / f"out{len(words)}"
        assert persistdb("export", *words, "--to", str(place), "--at", _after(then)).status == 0
        imported = KATA / "run/vc/sbs"
        files = sorted(path.relative_to(imported) for path in imported.rglob("*.json"))
        assert files
        assert sorted(path.relative_to(place) for path in place.rglob("*.json")) == files
        for file in files:
            assert (place / file).read_bytes() == (imported / file).read_bytes()
