"""Refuse Python's own sqlite3 on a file that is open with the library of a wheel.

SQLite's locks on a file are POSIX advisory locks, which belong to the process: when one library closes the file, all
locks of the other are gone, and another process can write within its transaction (sqlite.org/howtocorrupt.html, 2.2.1).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ...errors import OtherLibrary

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

FALLBACK = "fallback"
"""The entry in a connection's ``info`` that says that it has another file open: a copy."""

# the open connections to each file, by device and inode, and those of them that refuse it to the other library
_open: Counter[tuple[int, int]] = Counter()
_refused: Counter[tuple[int, int]] = Counter()


class Guard:
    """Counts the connections that have a file open, and refuses it to the other library meanwhile."""

    def __init__(self, path: Path, *, refuses: bool) -> None:
        self._path, self._counters = path, [_open]
        if refuses:
            _install()
            self._counters.append(_refused)

    def watch(self, engine: Engine) -> None:
        """Count the connections of an engine."""
        from sqlalchemy import event

        @event.listens_for(engine, "connect")
        def _opened(_connection: Any, record: Any) -> None:
            self.opened(record.info)

        @event.listens_for(engine, "close")
        @event.listens_for(engine, "detach")
        def _closed(_connection: Any, record: Any) -> None:
            self.closed(record.info)

    def opened(self, info: dict[Any, Any]) -> None:
        """Count a new connection, by its ``info``."""
        if FALLBACK not in info:
            info["file"] = key = _key(self._path)
            for counter in self._counters:
                counter[key] += 1

    def closed(self, info: dict[Any, Any]) -> None:
        """Count it no more."""
        key = info.pop("file", None)
        if key is not None:
            for counter in self._counters:
                counter[key] -= 1


def is_open(path: Path) -> bool:
    """Return whether a connection of this process has the file open, and so may have locks on it."""
    return _open[_key(path)] > 0


def _key(path: str | bytes | Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


@cache
def _install() -> None:
    """Add the hook, once: Python has no way to remove one."""
    sys.addaudithook(_hook)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "sqlite3.connect":  # the event of the standard library alone: the wheel raises none
        _refuse_open(arguments[0])


def _refuse_open(database: Any) -> None:
    path = os.fspath(database)
    if isinstance(path, str) and path.startswith("file:"):
        path = unquote(urlsplit(path).path)
    try:
        key = _key(path)
    except (OSError, ValueError):
        return  # in memory, or a file that does not exist yet
    if _refused[key] > 0:
        raise OtherLibrary(os.fsdecode(path))
