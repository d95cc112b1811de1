"""``db current`` and ``db upgrade``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persistdb import Database, migrate, schema

if TYPE_CHECKING:
    from .program import Program


def test_current_and_upgrade(persistdb: Program) -> None:
    """What version the database has is told, and an older one is brought up; until then nothing else works."""
    assert persistdb("db", "current").out == f"{persistdb.url}: no schema yet; the first use makes it\n"
    with Database(persistdb.url) as database:
        migrate.upgrade(database, schema.REVISIONS[3])
    assert "0004, older than this program's" in persistdb("db", "current").out
    done = persistdb("ls")
    assert done.status == 3
    assert "persistdb --db " in done.err
    assert persistdb("db", "upgrade", "0006").out.endswith("schema upgraded from 0004 to 0006\n")
    assert persistdb("db", "upgrade").out.endswith(f"schema upgraded from 0006 to {schema.HEAD}\n")
    assert persistdb("db", "upgrade").out.endswith(f"schema {schema.HEAD}, nothing to do\n")
    assert persistdb("db", "current").out == f"{persistdb.url}: schema {schema.HEAD}, this program's\n"
    assert persistdb("ls").status == 0


def test_unknown_revision(persistdb: Program) -> None:
    """A version that there isn't is status 3."""
    done = persistdb("db", "upgrade", "9999")
    assert (done.status, done.err) == (3, "persistdb: no schema revision '9999'\n")
