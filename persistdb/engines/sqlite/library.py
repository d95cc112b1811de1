"""The choice of the SQLite library: the standard library's, or one in a wheel that has the same functions."""

from __future__ import annotations

import functools
import importlib
import logging
import platform
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

log = logging.getLogger("persistdb")

# The WAL-reset bug: from 3.7.0 on, a checkpoint that races a commit could lose the commit or damage the file.
# Fixed in 3.51.3 and in these branches (sqlite.org/wal.html, "the WAL-reset bug").
_FIXED = (3, 51, 3)
_FIXED_BRANCHES = {(3, 50): 7, (3, 44): 6}

# The modules with a library of their own, by the machines that have wheels, where pyproject.toml depends on them.
# SQLCipher without a key is SQLite, and its module is pysqlite3's with few changes.
WHEELS: Final = {"x86_64": "pysqlite3", "aarch64": "sqlcipher3"}


def is_safe(version: tuple[int, int, int]) -> bool:
    """Return whether this version of SQLite may use write-ahead logging with several connections."""
    patch = _FIXED_BRANCHES.get(version[:2])
    return version >= _FIXED or (patch is not None and version[2] >= patch)


def driver() -> ModuleType:
    """Choose the driver module: the standard library's if its SQLite is safe, else the one of an installed wheel."""
    import sqlite3  # when it is needed, for the sake of a command's start

    if is_safe(sqlite3.sqlite_version_info):
        return sqlite3
    installed = map(_module, WHEELS.values())
    return next((module for module in installed if module and is_safe(module.sqlite_version_info)), sqlite3)


_NOTHING: Final[Mapping[None, None]] = {}


@functools.cache
def bind_null(module: ModuleType) -> None:
    """Let a driver module bind ``None`` without a search for an adapter, which raises and drops an error each time.

    Adapters are a module's own, for all of its connections; this one changes nothing that is bound. A change of state
    binds two NULLs, and took a tenth longer for them.
    """
    module.register_adapter(type(None), _NOTHING.get)  # a method in C that returns None for None


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


sqlite3: ModuleType
"""The driver module that persistdb uses, for connections beside it to the same file."""


def __getattr__(name: str) -> ModuleType:
    if name == "sqlite3":
        return driver()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def warn(version: str) -> None:
    """Say once that the library is not a safe one, and what would bring one."""
    log.warning("SQLite %s can lose commits in WAL mode: using a rollback journal; for WAL %s", version, _remedy())


def _remedy() -> str:
    machine = platform.machine()
    name = WHEELS.get(machine)
    if name is None:
        return f"use a Python with SQLite 3.51.3 or later, for there is no wheel with one for {machine}"
    installed = _module(name)
    if installed is None:
        return f"install {name}"
    # built on this machine, with its library
    return f"install {name} from its wheel, for the installed one has SQLite {installed.sqlite_version}"
