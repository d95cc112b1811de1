"""Whose a lease is: a process, told from all others, and whether it is gone."""

from __future__ import annotations

import os
import socket
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_PROC = ", without /proc"
# Time goes on while the machine sleeps, and nobody sets it
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> int:
    """Return the microseconds since the node was booted."""
    return time.clock_gettime_ns(_CLOCK) // 1000


class LockUnavailable(Exception):
    """Others hold the lock; ``holders`` names them."""

    def __init__(self, holders: Sequence[str]) -> None:
        super().__init__(holders)
        self.holders = holders


class Process(NamedTuple):
    """A process: ``started`` in clock ticks since the boot, 0 where the system does not tell."""

    host: str
    boot_id: str
    pid: int
    started: int

    def is_gone(self) -> bool:
        """Return whether the process has certainly ended: only one of this boot and these namespaces can be seen."""
        if self.boot_id != this_process().boot_id:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # another user's
        status = _status(self.pid)
        return status is not None and (status.ended or (self.started > 0 and status.started != self.started))

    def is_of_other_boot(self) -> bool:
        """Return whether the process certainly ran before this node was booted, or on another one."""
        if _NO_PROC in {self.boot_id[-len(_NO_PROC) :], this_process().boot_id[-len(_NO_PROC) :]}:
            return False  # the name of a host may change, and says nothing about boots
        return self.boot_id.partition("/")[0] != this_process().boot_id.partition("/")[0]

    def __str__(self) -> str:
        name = f"process {self.pid} on {self.host}"
        if self.boot_id != this_process().boot_id:
            return name
        try:
            return f"{name} ({Path(f'/proc/{self.pid}/comm').read_text().strip()})"
        except OSError:
            return name


def this_process() -> Process:
    """Return this process."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:  # a child of fork(2) is another one
    status = _status(pid)
    return Process(socket.gethostname()[:255], _boot_id(), pid, status.started if status else 0)


def _boot_id(proc: Path = Path("/proc")) -> str:
    """Name the boot, and the namespaces within which all see the same pids and the same times since the boot."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        pids = (proc / "self/ns/pid").stat().st_ino
    except OSError:
        return f"{socket.gethostname()[:200]}{_NO_PROC}"
    try:
        return f"{boot}/{pids}/{(proc / 'self/ns/time').stat().st_ino}"
    except OSError:
        return f"{boot}/{pids}"  # before Linux 5.6 all see the same times


class _Status(NamedTuple):
    started: int
    ended: bool


def _status(pid: int) -> _Status | None:
    """Read a process's start, and whether it is a zombie without threads, from /proc (proc_pid_stat(5))."""
    try:
        # the name, in parentheses, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return _Status(int(fields[19]), fields[0] in "ZX" and int(fields[17]) <= 1)
    except (OSError, ValueError, IndexError):
        return None
