"""The choice between two SQLite libraries: the standard library's, and the one in the pysqlite3 wheel."""

from __future__ import annotations

import functools
import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger("persistdb")

# The WAL-reset bug: from 3.7.0 on, a checkpoint that races a commit could lose the commit or damage the file.
# Fixed in 3.51.3 and in these branches (sqlite.org/wal.html, "the WAL-reset bug").
_FIXED = (3, 51, 3)
_FIXED_BRANCHES = {(3, 50): 7, (3, 44): 6}


def is_safe(version: tuple[int, int, int]) -> bool:
    """Return whether this version of SQLite may use write-ahead logging with several connections."""
    patch = _FIXED_BRANCHES.get(version[:2])
    return version >= _FIXED or (patch is not None and version[2] >= patch)


def driver() -> ModuleType:
    """Choose the driver module: the standard library's if its SQLite is safe, else the pysqlite3 wheel's."""
    import sqlite3  # when it is needed, for the sake of a command's start

    if is_safe(sqlite3.sqlite_version_info):
        return sqlite3
    try:
        wheel = importlib.import_module("pysqlite3")
    except ImportError:
        return sqlite3
    return wheel if is_safe(wheel.sqlite_version_info) else sqlite3


sqlite3: ModuleType
"""The driver module that persistdb uses, for connections beside it to the same file."""


def __getattr__(name: str) -> ModuleType:
    if name == "sqlite3":
        return driver()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def warn(version: str) -> None:
    """Say once that the library is not a safe one."""
    log.warning("SQLite %s can lose commits in WAL mode: using a rollback journal; install pysqlite3 for WAL", version)
