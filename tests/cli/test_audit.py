"""``audit`` as its user sees it: what is printed, stored and returned."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from persistdb.cli import complete
from tests.ingest.audit.nodes import write

from .program import HOST

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program

SID = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"
OFFLINE = ("--check", "dead-process", "--check", "missing-mount", "--check", "left-over-state")


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Import the bundled sample, whose containers run nowhere here."""
    assert persistdb("import", "--sample").status == 0
    return persistdb


@pytest.fixture
def node(tmp_path: Path) -> tuple[str, ...]:
    """Make a node that has the sample's files, another folder and nothing else, and return the options for it."""
    for name in (SID, "lost"):
        (tmp_path / "run/vc/sbs" / name).mkdir(parents=True)
    os.utime(tmp_path / "run/vc/sbs/lost", (0, 0))
    write(tmp_path / "proc/stat", "btime 1\n")
    write(tmp_path / "proc/1/stat", f"1 (init) S {' '.join(['1'] * 18)} 0 1\n")
    write(tmp_path / "proc/1/mountinfo", "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n")
    write(tmp_path / "proc/sys/kernel/random/boot_id", "b00t\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    write(tmp_path / "sys/fs/cgroup/cgroup.controllers", "cpu\n")
    (tmp_path / "sys/fs/cgroup/kata").mkdir()
    return ("--root", str(tmp_path), "--proc", f"{tmp_path}/proc", "--sys", f"{tmp_path}/sys")


def test_a_first_time(filled: Program, node: tuple[str, ...]) -> None:
    """A table has a row for each finding, stderr the number and what to do, and the exit status is 1."""
    done = filled("audit", *OFFLINE, *node)
    heading, *lines = done.out.splitlines()
    assert heading.split()[:4] == ["CHECK", "SANDBOX", "CONTAINER", "SUBJECT"]
    assert {line.split()[0] for line in lines} == {"dead-process", "missing-mount", "left-over-state"}
    assert done.status == 1
    assert f"persistdb: {len(lines)} findings, {len(lines)} of them new" in done.err
    assert "missing-mount: the container sees an empty or stale path" in done.err


def test_since_the_last_time(filled: Program, node: tuple[str, ...]) -> None:
    """With --since-last only what the audits before did not find is printed, and fails; all others stay known."""
    first = filled("audit", *OFFLINE, *node, "--format", "json").rows
    assert {row["is_new"] for row in first} == {True}
    again = filled("audit", *OFFLINE, *node, "--since-last")
    assert (again.status, len(again.out.splitlines())) == (0, 1)
    assert "nothing new" in again.err
    known = filled("audit", *OFFLINE, *node, "--format", "json").rows
    assert {(row["is_new"], row["times_seen"]) for row in known} == {(False, 1)}
    assert {row["first_seen"] for row in known} == {row["first_seen"] for row in first}
    (pid,) = {row["observed"] for row in known if row["check"] == "dead-process" and "23377" in row["observed"]}
    assert pid == "no process 23377"


def test_what_is_stored(filled: Program, node: tuple[str, ...]) -> None:
    """The views have the findings and the run with its roots; --no-store stores nothing."""
    assert filled("audit", *OFFLINE, *node, "--no-store").status == 1
    assert filled("sql", "SELECT * FROM audit_runs", "--format", "json").rows == []
    number = len(filled("audit", *OFFLINE, *node, "--format", "json").rows)
    (run,) = filled("sql", "SELECT * FROM audit_runs", "--format", "json").rows
    assert json.loads(run["checks"]) == ["dead-process", "missing-mount", "left-over-state"]
    assert (run["findings"], run["boot_id"], set(json.loads(run["roots"]))) == (number, "b00t", {"root", "proc", "sys"})
    assert len(filled("report", "findings", "--format", "json").rows) == number


def test_nothing_found(filled: Program, node: tuple[str, ...]) -> None:
    """Without findings the exit status is 0, and a line says how much was looked at."""
    done = filled("audit", "--check", "ref-count", "--check", "leaked-mount", *node)
    assert (done.status, done.err) == (0, "nothing found by 2 checks\n")
    assert filled("audit", "--check", "leaked-mount", *node, "--format", "csv").err == ""


def test_another_host(filled: Program) -> None:
    """What is compared is said where the records are another host's, and the node is this machine."""
    done = filled("audit", "--check", "left-over-state", "--no-store")
    assert f"the records are those of {HOST}, what was looked at is this machine, {socket.gethostname()}" in done.err
    assert "this machine" not in filled("audit", "--check", "ref-count").err
    assert "this machine" not in filled("audit", "--no-store", host=socket.gethostname()).err


def test_what_cannot_be_seen(filled: Program, node: tuple[str, ...], tmp_path: Path) -> None:
    """A check that cannot be made is named, the others are made, and what it found before stays open."""
    filled("audit", *node)
    (tmp_path / "proc/1/mountinfo").unlink()
    done = filled("audit", *node, "--format", "json")
    assert f"{tmp_path}/proc/1/mountinfo: No such file or directory" in done.err
    assert done.status == 1
    assert "missing-mount" not in {row["check"] for row in done.rows}
    assert filled("report", "findings", "missing-mount", "--format", "json").rows
    assert filled("audit", "--check", "leaked-mount", *node).status == 3


def test_forms(filled: Program, node: tuple[str, ...]) -> None:
    """Markdown and templates have the same rows, and a time since when it is so, where the record tells."""
    lines = filled("audit", *OFFLINE, *node, "--format", "markdown", "--columns", "check,advice").out.splitlines()
    assert lines[0] == "| check | advice |"
    one = filled("audit", *OFFLINE, *node, "-o", "{{.check}} {{.sid}} {{.began_at}}").out.splitlines()
    assert len(one) == len(lines) - 2


def test_misuse(filled: Program) -> None:
    """A check that there is not, and a folder that does not exist, are misuse that names what there is."""
    assert "dead-process" in filled("audit", "--check", "x").err
    assert filled("audit", "--proc", "/none").status == 2
    assert len(complete.CHECKS) == 10
