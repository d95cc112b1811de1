"""The lock that a change of the schema takes, where the engine has one for it."""

from __future__ import annotations

import hashlib

SCHEMA_CHANGE = "persistdb: change of schema"
"""The name of the lock that lets one program at a time change the schema."""


def digest(name: str) -> bytes:
    """Return 32 bytes that stand for a lock's name, for engines limit the length and the characters of names."""
    return hashlib.sha256(name.encode()).digest()


class StillLocked(Exception):
    """Another program is changing the schema, and the time to wait for it is over."""


class Orphans(Exception):
    """Rows whose parent is missing after the change: ``(table, rowid, parent, foreign key)`` each, the first few."""

    def __init__(self, rows: list[tuple[object, ...]]) -> None:
        super().__init__(rows)
        self.rows = rows
