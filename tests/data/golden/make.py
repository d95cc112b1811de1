"""Make the golden databases that are missing: ``python -m tests.data.golden.make``; ``make revision`` calls it.

``NNNN.db`` is an SQLite file of that revision with sample rows, and ``NNNN.json`` is what those rows are. Files that
exist stay as they are: they stand for databases that people have, made by older programs.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import datetime
from pathlib import Path

from persistdb import Database
from persistdb.schema import migrate, version
from tests.schema import dumps, model

FOLDER = Path(__file__).parent


def text(data: dumps.Rows) -> str:
    """Format rows as JSON."""
    return json.dumps(data, default=datetime.isoformat, indent=0, sort_keys=True) + "\n"


def make(revision: str) -> None:
    """Make the files of one revision."""
    path = FOLDER / f"{revision}.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")  # small files
    connection.execute("VACUUM")
    connection.close()
    with Database(f"sqlite:///{path}") as database:
        migrate.upgrade(database, revision, host=model.HOST, moment=model.MOMENT)
        dumps.insert(database.engine, model.sample(revision))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("VACUUM")
    connection.close()
    (FOLDER / f"{revision}.json").write_text(text(model.sample(revision)), encoding="utf-8")


if __name__ == "__main__":
    for each in version.REVISIONS:
        if not (FOLDER / f"{each}.db").exists():
            make(each)
            sys.stdout.write(f"{each}.db\n")
