"""The names in a database that are persistdb's; all others belong to whoever else uses it."""

from __future__ import annotations

VERSION = "persistdb_version"
"""Alembic's table with the revision of our schema. An application's own is ``alembic_version``."""

EARLIER_VERSION = "alembic_version"
"""The name that it had in databases that older programs made, until a change of the schema renames it."""

TABLES = ("sandbox", "container", "mount", "device_map", "process")
"""The tables of all revisions, parents before children."""

VIEWS = ("sandboxes", "containers", "mounts", "devices", "processes", "sandbox_devices")
"""The views of the newest revision."""

# What a change of the schema makes on its way, and an interrupted one leaves on MariaDB
_INTERIM = frozenset(f"{table}_{suffix}" for table in TABLES for suffix in ("new", "old"))

COMPARED = _INTERIM | frozenset(TABLES)
"""The tables that are compared with the mapped classes."""

ALL = COMPARED | frozenset({VERSION, *VIEWS})
"""Every name of a table or view that is ours."""


def include_object(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave persistdb's tables to persistdb: what an application's Alembic takes as ``include_object``.

    Else its autogenerate would drop them, where they are in one schema with the application's own.
    """
    return kind != "table" or name not in ALL
