"""The drivers by hand: one connection, no pool, no retries, no checks, and the best SQL that we know for each job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Floor


def open_floor(engine: str, url: str) -> Floor:
    """Connect to a database with its driver."""
    if engine == "sqlite":
        from .sqlite import SQLiteFloor

        return SQLiteFloor(url)
    if engine == "postgresql":
        from .postgresql import PostgreSQLFloor

        return PostgreSQLFloor(url)
    from .mariadb import MariaDBFloor

    return MariaDBFloor(url)
