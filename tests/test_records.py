"""The records themselves: what makes two of them equal, and what a device's mode says."""

from __future__ import annotations

import pytest
from whenever import OffsetDateTime

from persistdb.records import STATES, TRANSITIONS, ContainerState, DeviceMap, Process


def process(start: str | None, **values: object) -> Process:
    return Process(start_time=None if start is None else OffsetDateTime.parse_iso(start), **values)  # type: ignore[arg-type]  # what a test gives


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (process(None), process(None), True),
        (process("2026-01-01T12:00:00Z"), process("2026-01-01T12:00:00Z"), True),
        (process("2026-01-01T12:00:00Z"), process("2026-01-01T13:00:00+01:00"), False),
        (process("2026-01-01T12:00:00Z"), process("2026-01-01T12:00:00.000000001Z"), False),
        (process("2026-01-01T12:00:00Z"), process(None), False),
        (process(None), process("2026-01-01T12:00:00Z"), False),
        (process(None, pid=1), process(None, pid=2), False),
        (process(None, token="a"), process(None, token="A"), False),
    ],
)
def test_processes_are_equal_to_the_offset(one: Process, other: Process, equal: bool) -> None:
    """Two processes are equal if all that was written is, the offset of the start too; unequal is the opposite."""
    assert (one == other) is equal
    assert (one != other) is not equal
    assert (ContainerState(processes=[one]) == ContainerState(processes=[other])) is equal
    assert (ContainerState(processes=[one]) != ContainerState(processes=[other])) is not equal
    if equal:
        assert hash(one) == hash(other)
    assert one != "a process"
    assert (one == "a process") is False


@pytest.mark.parametrize(
    ("mode", "kind", "permissions"),
    [
        (0, None, 0),
        (0o666, None, 0o666),
        # Go's os.FileMode
        (69206432, "char", 0o640),
        (1 << 26 | 0o660, "block", 0o660),
        (1 << 31 | 0o755, "directory", 0o755),
        (1 << 27 | 0o777, "symlink", 0o777),
        (1 << 25 | 0o600, "fifo", 0o600),
        (1 << 24 | 0o600, "socket", 0o600),
        (1 << 19 | 0o600, "irregular", 0o600),
        (1 << 31 | 1 << 20 | 0o777, "directory", 0o1777),
        (1 << 23 | 1 << 22 | 0o755, None, 0o6755),
        (1 << 23 | 0o755, None, 0o4755),
        (1 << 22 | 0o755, None, 0o2755),
        (1 << 19 | 0o1644, "irregular", 0o644),
        # POSIX
        (0o20660, "char", 0o660),
        (0o60660, "block", 0o660),
        (0o40755, "directory", 0o755),
        (0o41777, "directory", 0o1777),
        (0o100644, "regular", 0o644),
        (0o10600, "fifo", 0o600),
        (0o140600, "socket", 0o600),
        (0o120777, "symlink", 0o777),
        (0o4755, None, 0o4755),
        (4294967295, "directory", 0o7777),
    ],
)
def test_modes(mode: int, kind: str | None, permissions: int) -> None:
    """A device's kind and permission bits are read from Go's mode bits and from POSIX ones."""
    device = DeviceMap(file_mode=mode)
    assert device.kind == kind
    assert device.permissions == permissions


def test_states() -> None:
    """The valid states and the transitions between them are Kata's (virtcontainers/types/sandbox.go)."""
    allowed = {
        "ready": {"running", "stopped"},
        "running": {"paused", "stopped"},
        "paused": {"running", "stopped"},
        "stopped": {"running"},
    }
    assert allowed.keys() == STATES
    assert {(old, new) for old, news in allowed.items() for new in news} == TRANSITIONS
