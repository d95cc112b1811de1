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
    "vfio_devices": "A host device that VFIO hands to a sandbox",
    "hosts": "A host that has, or had, sandboxes in the database",
    "annotations": "An annotation of a container, or of a sandbox",
    "events": "What happened to a sandbox, or to one of its containers",
    "sandboxes_over_time": "A sandbox as it was, or is, for a time",
    "containers_over_time": "A container as it was, or is, for a time",
    "mounts_over_time": "A mount that a container had, or has, for a time",
    "devices_over_time": "A device that was, or is, mapped into a container for a time",
    "processes_over_time": "A process that a container had, or has, for a time",
    "findings": "A thing in which a host differs, or differed, from its records",
    "audit_runs": "A comparison of a host with its records",
    "history_bounds": "How far the past is kept: the only row",
}
"""What a row of each view is; ``docs/reporting.md`` says more."""

_INTEGERS: Final = frozenset(
    {
        *("containers", "running", "mounts", "devices", "processes", "maps", "block_mounts", "ref_count"),
        *("attach_count", "persist_version", "revision", "position", "pid", "host_pid", "uid", "gid", "file_mode"),
        *("major", "minor", "utc_offset", "sandboxes", "id", "findings", "times_seen", "number"),
        *("hypervisor_pid", "virtiofsd_pid", "retention_seconds", "last_event_id"),
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
