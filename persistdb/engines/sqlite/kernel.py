"""Who holds the kernel's locks on a file."""

from __future__ import annotations

import contextlib
from pathlib import Path


def holders(inode: int, byte: int) -> list[str]:
    """Name the processes whose lock of a file begins at a byte, from proc_locks(5) where there is such a file."""
    names = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            # "7: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120"; a waiter's line has "->" in second place
            if len(fields) < 8 or fields[1] != "POSIX":
                continue
            if fields[5].rpartition(":")[2] == str(inode) and fields[6] == str(byte):
                names.append(_process(fields[4]))
    return sorted(names)


def _process(pid: str) -> str:
    try:
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({command})"
