"""The relational store for what a container runtime must remember.

The names here are the public ones; each is imported when it is first used, so that a program which needs only some of
them, the command line's ``--help`` above all, doesn't load SQLAlchemy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engines import Timeouts
    from .errors import (
        AccessDenied,
        AlreadyExists,
        Ambiguous,
        BadURL,
        Busy,
        ChangeBlocked,
        CommitUnknown,
        Conflict,
        Corrupt,
        DamagedFile,
        DatabaseError,
        DriverMissing,
        FileError,
        InvalidTransition,
        InvalidValue,
        LayoutLoss,
        LockNotHeld,
        LockTimeout,
        NotFound,
        PersistDBError,
        QueryTimeout,
        ReadOnly,
        SchemaError,
        SchemaMissing,
        SchemaOutdated,
        SchemaTooNew,
        StateMismatch,
        StorageFull,
        Unavailable,
        Unreadable,
        UnsupportedLayout,
        WouldLose,
    )
    from .filters import Filter, parse
    from .records import (
        STATES,
        TRANSITIONS,
        Container,
        ContainerState,
        ContainerSummary,
        DeviceMap,
        Mount,
        Origin,
        Process,
        Sandbox,
        SandboxState,
        SandboxWrite,
    )
    from .store.locks import Lock
    from .store.repository import ContainerRepository
    from .store.session import Database

_HOMES = {
    "store.session": ("Database",),
    "engines": ("Timeouts",),
    "errors": (
        "AccessDenied",
        "AlreadyExists",
        "Ambiguous",
        "BadURL",
        "Busy",
        "ChangeBlocked",
        "CommitUnknown",
        "Conflict",
        "Corrupt",
        "DamagedFile",
        "DatabaseError",
        "DriverMissing",
        "FileError",
        "InvalidTransition",
        "InvalidValue",
        "LayoutLoss",
        "LockNotHeld",
        "LockTimeout",
        "NotFound",
        "PersistDBError",
        "QueryTimeout",
        "ReadOnly",
        "SchemaError",
        "SchemaMissing",
        "SchemaOutdated",
        "SchemaTooNew",
        "StateMismatch",
        "StorageFull",
        "Unavailable",
        "Unreadable",
        "UnsupportedLayout",
        "WouldLose",
    ),
    "filters": ("Filter", "parse"),
    "store.locks": ("Lock",),
    "store.repository": ("ContainerRepository",),
    "records": (
        "STATES",
        "TRANSITIONS",
        "Container",
        "ContainerState",
        "ContainerSummary",
        "DeviceMap",
        "Mount",
        "Origin",
        "Process",
        "Sandbox",
        "SandboxState",
        "SandboxWrite",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "STATES",
    "TRANSITIONS",
    "AccessDenied",
    "AlreadyExists",
    "Ambiguous",
    "BadURL",
    "Busy",
    "ChangeBlocked",
    "CommitUnknown",
    "Conflict",
    "Container",
    "ContainerRepository",
    "ContainerState",
    "ContainerSummary",
    "Corrupt",
    "DamagedFile",
    "Database",
    "DatabaseError",
    "DeviceMap",
    "DriverMissing",
    "FileError",
    "Filter",
    "InvalidTransition",
    "InvalidValue",
    "LayoutLoss",
    "Lock",
    "LockNotHeld",
    "LockTimeout",
    "Mount",
    "NotFound",
    "Origin",
    "PersistDBError",
    "Process",
    "QueryTimeout",
    "ReadOnly",
    "Sandbox",
    "SandboxState",
    "SandboxWrite",
    "SchemaError",
    "SchemaMissing",
    "SchemaOutdated",
    "SchemaTooNew",
    "StateMismatch",
    "StorageFull",
    "Timeouts",
    "Unavailable",
    "Unreadable",
    "UnsupportedLayout",
    "WouldLose",
    "parse",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
