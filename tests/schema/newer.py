"""A database that says it is another program's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from persistdb import Database

NEWER = "9999"
"""A revision that no program has yet."""


def say(database: Database, revision: str = NEWER, min_reader: str = NEWER, min_writer: str = NEWER) -> None:
    """Let a database say its revision, and the oldest ones whose programs may read it, and write it."""
    with database.writer.begin() as connection:
        connection.execute(sa.text("UPDATE persistdb_version SET version_num = :it"), {"it": revision})
        connection.execute(
            sa.text("UPDATE schema_support SET min_reader = :reader, min_writer = :writer"),
            {"reader": min_reader, "writer": min_writer},
        )
