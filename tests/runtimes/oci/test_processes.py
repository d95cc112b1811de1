"""What this machine says of processes: none that is not there, nothing from elsewhere than the cgroups."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from persistdb.runtimes.oci.processes import boot_time, is_alive, is_frozen, start_time


def test_own_process() -> None:
    """A process lives, and with a start time it is the one that was started then."""
    start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    assert is_alive(os.getpid())
    assert is_alive(os.getpid(), start)
    assert not is_alive(os.getpid(), start + 1)


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**63 - 1])
def test_no_process(pid: int) -> None:
    """An ID that no process has, or can have, is no living process's."""
    assert not is_alive(pid)


def test_zombie() -> None:
    """A process that has ended and was not waited for does not live."""
    pid = os.posix_spawn("/bin/true", ["true"], {})
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(pid)
    finally:
        os.waitpid(pid, 0)


def test_no_descriptor_is_left() -> None:
    """A process whose file cannot be read is not taken to have ended, and one that has ended is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    ended = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(ended, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
    try:
        found = [is_alive(pid, 1) for pid in (os.getpid(), 1, ended, 2**63 - 1)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == [True, True, False, False]


@pytest.mark.parametrize(
    "path", ["/sys/fs/cgroup/../../../{}", "{}", "/sys/fs/cgroup/none/cgroup.freeze", "/sys/fs/cgroup", ""]
)
def test_freezer_elsewhere(tmp_path: Path, path: str) -> None:
    """A file that a state names outside the cgroups is not read."""
    (tmp_path / "cgroup.freeze").write_text("1\n")
    assert not is_frozen(path.format(tmp_path / "cgroup.freeze"))


def test_start_times() -> None:
    """Ticks since boot are a time in UTC; a number that is none gives none."""
    booted = boot_time()
    assert booted is not None
    start = start_time(1_700_000_000, 150)
    assert start is not None
    assert start.format_iso() == "2023-11-14T22:13:21.5+00:00"
    assert start_time(booted, 2**70) is None
    assert start_time(booted, 2**200) is None
