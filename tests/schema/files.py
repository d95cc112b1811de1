"""The files of SQLite databases, for tests of backups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persistdb import Database


def folder(database: Database) -> Path:
    """Return the folder of a database's file."""
    return Path(str(database.engine.url.database)).parent


def damage(database: Database, page: int) -> bytes:
    """Overwrite a page, except for the file's header, and return the file."""
    path = Path(str(database.engine.url.database))
    database.close()
    content = bytearray(path.read_bytes())
    start, end = max(page * 4096, 100), (page + 1) * 4096
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    return bytes(content)
