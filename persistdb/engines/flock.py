"""Locks between the processes of one node: one file a lock, locked with flock(2)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Self

from . import waiting
from .locks import HeldLock, LockUnavailable


class FileLock(HeldLock):
    """A lock on a file that exists as long as somebody holds the lock.

    flock(2) locks belong to the open file, so threads of one process exclude each other too, and the kernel releases
    them when the holder dies.
    """

    def __init__(self, folder: int, name: str, fd: int) -> None:
        super().__init__()
        self._folder, self._name, self._fd = folder, name, fd

    def leave_to_parent(self) -> None:
        """Close the descriptors: a lock of flock(2) lasts as long as any copy of its own is open."""
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._folder)
            self._fd = -1

    @classmethod
    def take(cls, folder: int, name: str, *, shared: bool, timeout: float) -> Self:
        """Lock a file of an open folder, which is closed with the lock, waiting ``timeout`` seconds at the most.

        Raises :class:`LockUnavailable`, which names the holders as far as the kernel shows them, and :class:`OSError`.
        """
        try:
            return cls(folder, name, _locked(folder, name, shared=shared, timeout=timeout))
        except BaseException:
            os.close(folder)
            raise

    def release(self) -> bool:
        """Release the lock, and remove the file if nobody else holds or wants it, so that files don't add up."""
        if self._fd < 0:
            return False
        fd, self._fd = self._fd, -1
        try:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_current(self._folder, self._name, fd):
                    os.unlink(self._name, dir_fd=self._folder)
        finally:
            os.close(fd)
            os.close(self._folder)
        return True


def _locked(folder: int, name: str, *, shared: bool, timeout: float) -> int:
    pauses = waiting.Pauses(timeout)
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            fcntl.flock(fd, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            held = os.fstat(fd).st_ino
            os.close(fd)
        else:
            if _is_current(folder, name, fd):
                return fd
            # The last holder removed the file after we had opened it: create a new one.
            os.close(fd)
            continue
        # flock(2) has no timeout, and a library must not use signals: retry, less and less often
        if not pauses.wait():
            raise LockUnavailable(holders(held))


def _is_current(folder: int, name: str, fd: int) -> bool:
    try:
        named = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    opened = os.fstat(fd)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def holders(inode: int, kind: str = "FLOCK", byte: int | None = None) -> list[str]:
    """Name the other processes that hold a lock on a file, from /proc/locks (proc_locks(5)), where there is one.

    ``kind`` is that of the system call; with ``byte``, it is the first byte of the lock.
    """
    names = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            # "7: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; a waiter's line has "->" in second place
            if len(fields) < 8 or fields[1] != kind or fields[5].rpartition(":")[2] != str(inode):
                continue
            if byte is None or fields[6] == str(byte):
                names.append(_process(fields[4]))
    return sorted(names)


def _process(pid: str) -> str:
    try:
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({command})"
