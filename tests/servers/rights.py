"""Modes of files that hold for this process, too, when tests run as root."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
# of two times 32 capabilities (capget(2))
_VERSION = 0x20080522
_EFFECTIVE, _FIELDS = 0, 6
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7))
_OVER_MODES = 1 << 1 | 1 << 2
_NOBODY = 65534


@contextmanager
def without() -> Iterator[None]:
    """Take from this thread, and from those that it starts, root's right to pass over modes."""
    header, before = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * _FIELDS)()
    _check(_libc.capget(header, before))
    less = (ctypes.c_uint32 * _FIELDS)(*before)
    less[_EFFECTIVE] &= ~_OVER_MODES
    _check(_libc.capset(header, less))
    try:
        yield
    finally:
        _check(_libc.capset(header, before))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def another_users(folder: Path) -> Iterator[None]:
    """Make a folder and its files another user's, as root, and let all others only read them."""
    root = os.geteuid() == 0
    try:
        for path in (*folder.iterdir(), folder):
            path.chmod(0o555 if path.is_dir() else 0o444)
            if root:
                os.chown(path, _NOBODY, _NOBODY)
        with without():
            yield
    finally:
        for path in (folder, *folder.iterdir()):
            if root:
                os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)
