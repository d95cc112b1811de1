"""What this machine says of a container's process: whether it lives, is frozen, and when it started."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Final

from whenever import Instant

if TYPE_CHECKING:
    from whenever import OffsetDateTime

CGROUPS: Final = "/sys/fs/cgroup"
_GONE: Final = frozenset("ZX")  # zombie, dead (proc_pid_stat(5))
_NANOSECONDS: Final = 1_000_000_000
_MOST: Final = 4096  # bytes; the files hold one line


def is_alive(pid: int, ticks: int | None = None) -> bool:
    """Return whether a process lives and, with ``ticks``, is the one that was started then, not another with its ID.

    ``ticks`` is the start time as proc_pid_stat(5) has it: clock ticks since boot. Where that cannot be read, for
    want of descriptors or as /proc hides processes (hidepid in proc(5)), a process of the ID is taken to be the one.
    """
    if pid <= 0:
        return False
    stat = _read(f"/proc/{pid}/stat")
    if stat is None:
        return _exists(pid)
    # the name in parentheses may hold anything, so fields are counted behind the last one
    state, *fields = stat.rpartition(b")")[2].split()
    return state.decode() not in _GONE and (ticks is None or int(fields[18]) == ticks)


def is_frozen(file: str) -> bool:
    """Return whether a file of the cgroups' freezer says so; a path elsewhere, or a missing file, says nothing."""
    path = of_cgroups(file)
    return path is not None and (_read(path) or b"").strip() in (b"FROZEN", b"1")


def of_cgroups(file: str) -> str | None:
    """Return the path of a file of the cgroups; ``None`` for a path elsewhere."""
    path = posixpath.normpath(file)
    return path if path.startswith(CGROUPS + "/") else None


def boot_time() -> int | None:
    """Return the time of this machine's boot, in seconds since 1970."""
    try:
        with open("/proc/stat", "rb") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(b"btime ")), None)
    except OSError:
        return None


def start_time(booted: int, ticks: int) -> OffsetDateTime | None:
    """Return the time of a number of clock ticks since boot, ``None`` if there is no such time."""
    try:
        nanoseconds = booted * _NANOSECONDS + ticks * _NANOSECONDS // os.sysconf("SC_CLK_TCK")
        return Instant.from_timestamp(nanoseconds, unit="nanosecond").to_fixed_offset()
    except (ValueError, OverflowError):
        return None


def _exists(pid: int) -> bool:
    """Return whether there is a process of this ID (kill(2))."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, _MOST)
    except OSError:
        return None
    finally:
        os.close(fd)
