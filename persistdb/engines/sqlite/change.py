"""A change of the schema on SQLite: one transaction, with foreign keys off."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..locks import Orphans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection


@contextlib.contextmanager
def exclusive(connection: Connection, wait: float, tables: Sequence[str]) -> Iterator[None]:
    """Begin a transaction with the write lock, foreign keys off, and check those of the tables before the commit.

    With foreign keys on, dropping a table deletes the rows of its children, and a table that is rebuilt is dropped; the
    pragma does nothing within a transaction, so it is set before (sqlite.org/lang_altertable.html, step 1).
    """
    cursor: Any = connection.connection.cursor()
    # a move of many rows takes longer than any other write, so the second program waits longer, too
    cursor.execute("PRAGMA busy_timeout")
    (usual,) = cursor.fetchone()
    cursor.execute(f"PRAGMA busy_timeout = {round(wait * 1000)}")
    cursor.execute("PRAGMA foreign_keys = OFF")
    # else SQLite renames no table while a view, another program's too, reads one that is being rebuilt
    cursor.execute("PRAGMA legacy_alter_table = ON")
    # what a statement would need to undo itself grows with the table: it goes to a file, not to memory
    cursor.execute("PRAGMA temp_store = FILE")
    try:
        with connection.begin():
            yield
            ours = ", ".join(f"'{table}'" for table in tables)
            orphans = connection.exec_driver_sql(
                f'SELECT "table", rowid, parent, fkid FROM pragma_foreign_key_check WHERE "table" IN ({ours}) LIMIT 10'
            ).all()
            if orphans:
                raise Orphans([tuple(row) for row in orphans])
        # the change lies in the log: free its space now rather than when the log is next reset
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        if not (connection.closed or connection.invalidated):
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA legacy_alter_table = OFF")
            cursor.execute("PRAGMA temp_store = MEMORY")
            cursor.execute(f"PRAGMA busy_timeout = {usual}")
            cursor.close()
