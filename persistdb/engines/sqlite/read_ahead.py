"""Reading a file in order before all its pages are read from wherever they are, which takes many times as long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_STEP: Final = 1 << 20
"""Bytes of one piece of advice: of a longer one Linux heeds the beginning only (``read_ahead_kb``)."""


def read_ahead(path: Path) -> None:
    """Let the system read a file that this process has open into its cache, if it fits into memory.

    It is only advice, and where it cannot be given nothing is done. The file is not opened for it, since closing it
    would drop the locks that SQLite holds in this process (sqlite.org/howtocorrupt.html, 2.2): an open file of SQLite's
    is used, and if that was closed meanwhile, and its number is another file's, that one is read ahead, which does no
    harm.
    """
    try:
        wanted = path.stat()
        if wanted.st_size > _available():
            return
        number = next(fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_same(fd, wanted))
        for at in range(0, wanted.st_size, _STEP):
            os.posix_fadvise(number, at, _STEP, os.POSIX_FADV_WILLNEED)
    except (OSError, StopIteration, AttributeError):  # no such advice, no /proc, or no open file
        return


def _is_same(fd: int, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), wanted)
    except OSError:
        return False


def _available() -> int:
    """Return the bytes of memory that can be used without swapping."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
