"""``check`` finds faults of a database."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from persistdb import Database
from persistdb.errors import SchemaOutdated
from persistdb.schema import migrate
from persistdb.schema.check import Check, check
from persistdb.store.check import check_rows

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from persistdb.errors import Finding
    from tests.servers import Statements


def test_sound(database: Database) -> None:
    """A sound database has no finding, and each step tells how far the check is."""
    migrate.upgrade(database)
    told: list[tuple[int, int]] = []
    assert check(database, progress=lambda done, steps: told.append((done, steps))) == []
    steps = len(told)
    assert steps > 5
    assert told == [(done, steps) for done in range(1, steps + 1)]


def test_two_threads(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that share the steps tell how far the check is in turn, however long it takes one of them to tell."""
    told: list[int] = []
    is_told = threading.Event()

    def tell(done: int, _steps: int) -> None:
        if done == 1:
            is_told.wait(0.2)  # the other one would tell meanwhile
        told.append(done)
        is_told.set()

    at_once = threading.Barrier(2)

    def ask(*_arguments: object) -> list[Finding]:
        at_once.wait(60)
        return []

    monkeypatch.setattr("persistdb.schema.check._in_pages", ask)
    monkeypatch.setattr("persistdb.schema.check._queries", lambda *_: {"one": ("", ""), "another": ("", "")})
    monkeypatch.setattr("persistdb.schema.check.SCREENS", ())
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
        both = Check(database, progress=tell)
        other = threading.Thread(target=both.run)
        other.start()
        both.run()
        other.join()
    assert told == [1, 2]


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def test_a_large_file(sqlite_url: str) -> None:
    """The pages of a file are read about once, whatever the order of its indexes; the cache is then as before."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
        dumps.execute(
            database,
            "CREATE TABLE other (a TEXT, b TEXT)",
            "INSERT INTO other WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)"
            " SELECT hex(randomblob(32)), hex(randomblob(32)) FROM n",
            *(f"CREATE INDEX other_{column} ON other ({column})" for column in "ab"),
        )
        with database.engine.connect() as connection:
            usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
            before = _bytes_read()
            assert database.backend.damage(connection) == []
            read = _bytes_read() - before
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == usual
        assert read < 1.5 * Path(sqlite_url.removeprefix("sqlite:///")).stat().st_size


def test_a_check_that_is_interrupted(sqlite_url: str) -> None:
    """A check that does not come to its end leaves the cache as it was, too."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
        with database.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
            driver.set_progress_handler(lambda: 1, 100)
            with pytest.raises(OperationalError, match="interrupted"):
                database.backend.damage(connection)
            driver.set_progress_handler(None, 0)
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == usual


def test_older(database: Database) -> None:
    """A database of another schema is not checked."""
    with pytest.raises(SchemaOutdated):
        check(database)


def test_broken_rules(database: Database) -> None:
    """Containers without a rootfs, gaps in the positions of a list, and timestamps in the wrong order are named."""
    migrate.upgrade(database)
    data = model.at_head(model.sample("0001"), "0001")
    data["mount"] = [mount for mount in data["mount"] if mount["container_id"] != 11]
    dumps.insert(database.engine, data)
    dumps.execute(database, "UPDATE container SET updated_at = '2001-01-01 00:00:00' WHERE id = 12")
    assert {(finding.what, finding.count) for finding in check(database)} == {
        ("containers without a rootfs (the mount at position 0)", 1),
        ("containers with gaps in the positions of their mounts", 1),
        ("containers whose updated_at precedes created_at", 1),
    }


@pytest.mark.parametrize("page", [1, 2, 3])
def test_broken_rules_in_pages(
    database: Database,
    statements: Callable[[sa.Engine], AbstractContextManager[Statements]],
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    """Rows are checked in pages of containers, and what a rule finds in several of them is one finding."""
    monkeypatch.setattr("persistdb.schema.check.PAGE", page)
    migrate.upgrade(database)
    data = model.at_head(model.sample("0001"), "0001")
    data["mount"] = [mount for mount in data["mount"] if mount["position"] != 0]
    dumps.insert(database.engine, data)
    dumps.execute(
        database,
        "UPDATE container SET updated_at = '2001-01-01 00:00:00'",
        "UPDATE sandbox SET updated_at = '2001-01-01 00:00:00'",
    )
    containers, sandboxes = len(data["container"]), len(data["sandbox"])
    assert containers > 3
    with statements(database.engine) as sent:
        findings = {finding.what: finding for finding in check(database)}
    assert sum("FROM mount WHERE" in sql for sql in sent.texts) >= containers // page
    for what, number in (
        ("containers without a rootfs (the mount at position 0)", containers),
        ("containers whose updated_at precedes created_at", containers),
        ("sandboxes whose updated_at precedes created_at", sandboxes),
    ):
        assert (findings[what].count, len(set(findings[what].rows))) == (number, number)
    with_mounts = {mount["container_id"] for mount in data["mount"]}
    assert findings["containers with gaps in the positions of their mounts"].count == len(with_mounts)


def test_changed_tables(database: Database) -> None:
    """A column and an index that somebody added, what a change left, and an index that is missing, have a remedy."""
    migrate.upgrade(database)
    dumps.execute(
        database,
        "ALTER TABLE sandbox ADD COLUMN note INTEGER",
        "CREATE TABLE notes (id INTEGER)",  # another program's
        "CREATE TABLE mount_new (id INTEGER)",
        "CREATE INDEX ix_note ON sandbox (note)",
        "DROP INDEX ix_process_pid" + (" ON process" if database.backend.name == "mariadb" else ""),
    )
    create = "create it as its revision does (migrations/versions), or restore a backup"
    foreign = "is not one of this program's; drop it, for an upgrade may fail on it"
    assert sorted(map(str, check(database))) == [
        f"column sandbox.note {foreign}",
        f"index ix_note of table sandbox {foreign}",
        f"index ix_process_pid of table process is missing; {create}",
        f"table mount_new {foreign}",
    ]


RENAMED = {
    "ALTER TABLE sandbox RENAME COLUMN updated_at TO changed": "column sandbox.updated_at is missing",
    "ALTER TABLE container RENAME COLUMN cid TO name": "column container.cid is missing",
    "ALTER TABLE container RENAME COLUMN sandbox_id TO parent": "column container.sandbox_id is missing",
    "ALTER TABLE mount RENAME COLUMN container_id TO parent": "column mount.container_id is missing",
    "ALTER TABLE device_map RENAME COLUMN device_id TO name": "column device_map.device_id is missing",
    "ALTER TABLE process RENAME TO processed": "table process is missing",
    "ALTER TABLE sandbox RENAME TO pod": "table sandbox is missing",
}


@pytest.mark.parametrize("statement", RENAMED)
def test_what_rules_read_is_missing(database: Database, statement: str) -> None:
    """A table or column that a rule reads and that is missing is a finding, and so is each rule; the others hold."""
    migrate.upgrade(database)
    data = model.at_head(model.sample("0001"), "0001")
    data["device_map"] = [device for device in data["device_map"] if device["position"] != 0]
    dumps.insert(database.engine, data)
    dumps.execute(database, statement)
    findings = list(map(str, check(database)))
    assert any(finding.startswith(RENAMED[statement]) for finding in findings), findings
    assert any("could not be looked for" in finding for finding in findings), findings
    if "TABLE sandbox" not in statement and "TABLE container" not in statement:
        assert any("gaps in the positions of their device maps" in finding for finding in findings), findings
    assert check_rows(database)


def test_changed_column(postgresql_url: str) -> None:
    """A column whose definition was changed is named, with both definitions."""
    with Database(postgresql_url) as database:
        migrate.upgrade(database)
        dumps.execute(
            database,
            "ALTER TABLE mount ALTER COLUMN source DROP NOT NULL",
            "ALTER TABLE process DROP CONSTRAINT fk_process_container",
            "ALTER TABLE process DROP CONSTRAINT ck_process_token",
        )
        assert sorted(str(finding).partition(";")[0] for finding in check(database)) == [
            "column mount.source was changed: its nullable is True instead of False",
            "constraint ck_process_token of table process is missing",
            "foreign key fk_process_container of table process is missing",
        ]
