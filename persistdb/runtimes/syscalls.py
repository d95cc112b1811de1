"""System calls that the standard library does not wrap."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_RENAME_EXCHANGE: Final = 2
# EINVAL: the file system has no exchange (NFS, FUSE file systems, …). ENOSYS: the kernel has no renameat2.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def sync_file_system(fd: int) -> None:
    """Write back the whole file system that ``fd`` is on, in one call; raises :class:`OSError`."""
    if _libc.syncfs(fd) != 0:
        raise _error()


def exchange(one: str, one_fd: int, other: str, other_fd: int) -> bool:
    """Exchange the names of two entries of open folders, so that at no time either name is missing.

    Return ``False`` where the file system, the kernel or the C library cannot do that; raises :class:`OSError`.
    """
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(one_fd, os.fsencode(one), other_fd, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    error = _error()
    if error.errno in _UNSUPPORTED:
        return False
    raise error


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
