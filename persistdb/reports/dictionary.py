"""The views for people who write queries: what each has rows of, its columns and their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import InvalidValue
from ..schema.views import NAMES, definitions
from .readonly import BOOLEANS, TIMESTAMPS

if TYPE_CHECKING:
    from ..db.database import Database

VIEWS: Final = {
    "sandboxes": "A sandbox, which is a pod's virtual machine",
    "containers": "A container, with its root file system and its first process",
    "mounts": "A mount of a container",
    "devices": "A device that is mapped into a container",
    "processes": "A process of a container",
    "sandbox_devices": "A device that Kata attached to a sandbox",
}
"""What a row of each view is; ``docs/reporting.md`` says more."""

_INTEGERS: Final = frozenset(
    {
        *("containers", "running", "mounts", "devices", "processes", "maps", "block_mounts", "ref_count"),
        *("attach_count", "persist_version", "revision", "position", "pid", "host_pid", "uid", "gid", "file_mode"),
        *("major", "minor", "utc_offset"),
    }
)


def columns(database: Database, view: str) -> list[tuple[str, str]]:
    """Return the names of a view's columns with their types, the same on all engines.

    Raises :class:`~persistdb.errors.InvalidValue` for a name that is no view's.
    """
    if view not in NAMES:
        raise InvalidValue("view", view, f"unknown; use one of {', '.join(NAMES)}")
    return [(name, _kind(name)) for name in definitions(database.backend)[view].columns]


def _kind(column: str) -> str:
    # a column's name means the same in all views
    for names, kind in ((BOOLEANS, "boolean"), (TIMESTAMPS, "time"), (_INTEGERS, "integer")):
        if column in names:
            return kind
    return "text"
