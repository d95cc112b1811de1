"""The names in a database that are persistdb's; all others belong to whoever else uses it."""

from __future__ import annotations

VERSION = "persistdb_version"
"""Alembic's table with the revision of our schema. An application's own is ``alembic_version``."""

EARLIER_VERSION = "alembic_version"
"""The name that it had in databases that older programs made, until a change of the schema renames it."""

TABLES = (
    "sandbox",
    "container",
    "mount",
    "device_map",
    "process",
    "lease",
    "lease_number",
    "host",
    "sandbox_seen",
    "annotation",
    "sandbox_annotation",
    "audit_run",
    "audit_finding",
    "sandbox_device",
    "vfio_device",
)
"""The tables of all revisions, parents before children."""

LEASES = frozenset({"lease", "lease_number"})
"""The tables of the locks: they are written all the time."""

RETENTION = "retention"
"""The table that says what is recorded, and how long it is kept."""

HISTORY = (
    "sandbox_lifetime",
    "container_lifetime",
    "event",
    "sandbox_history",
    "container_history",
    "mount_history",
    "device_map_history",
    "process_history",
)
"""The tables of what was."""

SUPPORT, BACKFILL = "schema_support", "schema_backfill"
"""The tables about the schema itself: who may use it, and what is still to be filled."""

CHANGE_LEASES = frozenset({"persistdb_lease", "persistdb_lease_number"})
"""The tables of the lease for a change of the schema of a cluster: they are there before the schema is."""

VIEWS = (
    "sandboxes",
    "containers",
    "mounts",
    "devices",
    "processes",
    "sandbox_devices",
    "vfio_devices",
    "hosts",
    "annotations",
    "events",
    "sandboxes_over_time",
    "containers_over_time",
    "mounts_over_time",
    "devices_over_time",
    "processes_over_time",
    "findings",
    "audit_runs",
    "history_bounds",
)
"""The views of the newest revision."""

# What a change of the schema makes on its way, and an interrupted one leaves on MariaDB
_INTERIM = frozenset(f"{table}_{suffix}" for table in TABLES for suffix in ("new", "old"))

COMPARED = _INTERIM | frozenset({*TABLES, *HISTORY, RETENTION, SUPPORT, BACKFILL})
"""The tables that are compared with the mapped classes."""

ALL = COMPARED | CHANGE_LEASES | frozenset({VERSION, *VIEWS})
"""Every name of a table or view that is ours."""


def include_object(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave persistdb's tables to persistdb: what an application's Alembic takes as ``include_object``.

    Else its autogenerate would drop them, where they are in one schema with the application's own.
    """
    return kind != "table" or name not in ALL
