"""``check`` compares the views with their definitions, and ``upgrade`` creates again what differs."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb.schema import migrate, views
from persistdb.schema.check import check
from tests.conftest import MARIADB

from . import dumps, model

if TYPE_CHECKING:
    from tests.servers import MariaDB, PostgreSQL

FUNCTION = "persistdb_json_list(text, text[])"


@pytest.fixture
def migrated(database: Database) -> Database:
    """A database of the newest schema, on each engine in turn."""
    migrate.upgrade(database)
    return database


def _replace(database: Database, name: str, select: str) -> None:
    dumps.execute(database, f"DROP VIEW {name}", f"CREATE VIEW {name} AS {select}")


def _changed(database: Database, name: str, old: str, new: str) -> str:
    """Return the definition of a view with one text replaced."""
    select = views.definitions(database.backend)[name].select
    assert old in select
    return select.replace(old, new, 1)


def _found(database: Database) -> list[str]:
    return [str(finding) for finding in check(database)]


def _assert_repaired(database: Database) -> None:
    """Upgrade the database, after which it has no finding and all views can be read."""
    migrate.upgrade(database)
    assert _found(database) == []
    with database.engine.connect() as connection:
        for name in views.NAMES:
            connection.exec_driver_sql(f"SELECT * FROM {name}").all()


@pytest.mark.parametrize("database_url", [MARIADB], indirect=True)
def test_tables_that_are_opened_again(migrated: Database, mariadb_server: MariaDB) -> None:
    """On MariaDB a view is as it was, however often the server closes the tables while it is compared."""
    explained = 0

    def close_tables(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        nonlocal explained
        if "EXPLAIN EXTENDED" in sql:
            explained += 1
            if explained % 2 == 0:
                mariadb_server.execute("FLUSH TABLES")

    event.listen(migrated.engine, "before_cursor_execute", close_tables)
    assert _found(migrated) == []
    assert explained >= 2 * len(views.NAMES)


def test_up_and_down(database: Database) -> None:
    """A database that came from the first schema, and one that went down and up again, have no finding."""
    migrate.upgrade(database, "0001")
    dumps.insert(database.engine, model.sample("0001") | {"mount": []})
    migrate.upgrade(database)
    assert _found(database) == []
    for revision in ("0009", "0008", "0001"):
        migrate.downgrade(database, revision, allow_loss=True)
        migrate.upgrade(database)
        assert _found(database) == []


def test_nothing_is_changed(migrated: Database) -> None:
    """A check leaves the schema as it was, also where it finds something."""
    _replace(migrated, "processes", _changed(migrated, "processes", "> 0", "> 1"))
    before = dumps.schema(migrated.engine)
    assert len(check(migrated)) == 1
    assert dumps.schema(migrated.engine) == before


@pytest.mark.parametrize("name", views.NAMES)
def test_a_view_that_is_missing(migrated: Database, name: str) -> None:
    """A view that somebody dropped is named, with the command that creates it again."""
    dumps.execute(migrated, f"DROP VIEW {name}")
    assert _found(migrated) == [f"view {name} is missing; persistdb db upgrade creates it again"]
    assert migrate.upgrade(migrated).repaired == (f"view {name}",)
    _assert_repaired(migrated)


CHANGES = [
    ("sandboxes", "'running'", "'paused'"),
    ("containers", "position = 0", "position = 1"),
    ("containers", "LIMIT 1", "LIMIT 2"),
    ("containers", "ORDER BY", "ORDER BY -"),
    ("containers", "WHEN c.bundle_path", "WHEN c.cgroup_path"),
    ("mounts", '"nosuid"', '"nodev"'),
    ("mounts", " OR ", " AND "),
    ("devices", "4 * ", "5 * "),
    ("processes", "p.pid > 0", "p.pid > 1"),
    ("processes", "JOIN sandbox", "LEFT JOIN sandbox"),
    ("sandbox_devices", "d.position + 1", "d.position + 2"),
    ("vfio_devices", "v.position + 1", "v.position + 2"),
]


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_a_view_that_was_changed(migrated: Database, name: str, old: str, new: str) -> None:
    """A view whose definition differs in one literal or word is named."""
    _replace(migrated, name, _changed(migrated, name, old, new))
    (finding,) = _found(migrated)
    assert finding.startswith(f"view {name} was changed: ")
    _assert_repaired(migrated)


def test_columns(migrated: Database) -> None:
    """A column that a view should not have, one that it lacks, and another order are named."""
    _replace(
        migrated, "sandboxes", _changed(migrated, "sandboxes", "\nFROM sandbox", ",\n       1 AS note\nFROM sandbox")
    )
    _replace(migrated, "processes", _changed(migrated, "processes", "p.position,\n", ""))
    swapped = _changed(migrated, "devices", "d.uid,\n       d.gid", "d.gid,\n       d.uid")
    _replace(migrated, "devices", swapped)
    sandboxes, devices, processes = _found(migrated)
    assert sandboxes.startswith("view sandboxes was changed: column note is not one of this program's; ")
    assert "its columns are in the order host, sid, cid" in devices
    assert "gid, uid, shared" in devices
    assert processes.startswith("view processes was changed: column position is missing; ")
    _assert_repaired(migrated)


def test_a_table_in_the_place_of_a_view(migrated: Database) -> None:
    """A table with a view's name is no view."""
    dumps.execute(migrated, "DROP VIEW mounts", "CREATE TABLE mounts (host INTEGER)")
    assert any(finding.startswith("view mounts is missing; ") for finding in _found(migrated))


@pytest.mark.parametrize("engine", ["sqlite", MARIADB])
def test_a_view_that_cannot_be_read(request: pytest.FixtureRequest, engine: str) -> None:
    """A view that reads a missing table is named; on PostgreSQL, which knows dependencies, there can be none."""
    with Database(request.getfixturevalue(f"{engine}_url")) as database:
        migrate.upgrade(database)
        dumps.execute(
            database,
            "CREATE TABLE briefly (id INTEGER)",
            "DROP VIEW processes",
            "CREATE VIEW processes AS SELECT id FROM briefly",
            "DROP TABLE briefly",
        )
        (finding,) = _found(database)
        assert finding.startswith("view processes was changed: it cannot be read (")
        _assert_repaired(database)


def test_spelling(migrated: Database) -> None:
    """Another layout of the same definition is no finding."""
    select = views.definitions(migrated.backend)["processes"].select
    _replace(migrated, "processes", "  " + select.replace(",\n      ", " ,\n\n").replace(" ,", ","))
    assert _found(migrated) == []


@pytest.mark.parametrize("database_url", [MARIADB], indirect=True)
def test_while_others_write(migrated: Database, database_url: str) -> None:
    """On MariaDB a view is as it was, whatever others write, and the server counts, while it is compared."""
    select = views.definitions(migrated.backend)["sandbox_devices"].select
    ended = threading.Event()

    def write() -> None:
        with Database(database_url) as others, others.writer.connect() as counting:
            repository = ContainerRepository(others, host="node-1")
            for number in itertools.count():
                if ended.is_set():
                    return
                repository.save_sandbox(SandboxState(sid=f"pod-{number % 7}"), {f"c{number}": ContainerState()})
                if number % 3 == 0:
                    counting.exec_driver_sql("ANALYZE TABLE sandbox, sandbox_device, container, mount").all()
                if number % 40 == 39:
                    repository.destroy_sandbox(f"pod-{number % 7}")

    with ThreadPoolExecutor(1) as pool, migrated.engine.connect() as connection:
        writing = pool.submit(write)
        try:
            changed = [migrated.backend.changed_views(connection, {"sandbox_devices": select}) for _ in range(1000)]
        finally:
            ended.set()
        writing.result()
    assert changed == [[]] * 1000


def _function(body: str) -> str:
    return (
        "CREATE OR REPLACE FUNCTION persistdb_json_list(document text, paths text[]) RETURNS jsonb"
        f" LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN {body} END $$"
    )


def test_functions(postgresql_url: str) -> None:
    """On PostgreSQL the function that views call is compared, too; one that is missing took its views along."""
    with Database(postgresql_url) as database:
        migrate.upgrade(database)
        dumps.execute(database, _function("RETURN NULL;"))
        assert _found(database) == [f"function {FUNCTION} was changed; persistdb db upgrade creates it again"]
        assert migrate.upgrade(database).repaired == (f"function {FUNCTION}",)
        _assert_repaired(database)
        dumps.execute(database, f"DROP FUNCTION {FUNCTION} CASCADE")
        dumps.execute(database, "CREATE VIEW containers AS " + _uncalled(database, "containers"))
        assert [finding.partition(";")[0] for finding in _found(database)] == [
            f"function {FUNCTION} is missing",
            "view containers was changed: it does not call a function that is missing",
        ]
        _assert_repaired(database)


def _uncalled(database: Database, name: str) -> str:
    """Return a SELECT with a view's columns, all of them NULL."""
    return "SELECT " + ", ".join(f"NULL AS {column}" for column in views.definitions(database.backend)[name].columns)


def test_an_upgrade_leaves_other_views_alone(postgresql_url: str) -> None:
    """Rights on views that were not changed stay granted."""
    with Database(postgresql_url) as database:
        migrate.upgrade(database)
        dumps.execute(database, "GRANT SELECT ON mounts TO PUBLIC", "DROP VIEW processes")
        migrate.upgrade(database)
        with database.engine.connect() as connection:
            granted = connection.exec_driver_sql(
                "SELECT table_name FROM information_schema.role_table_grants"
                " WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
            )
            assert granted.scalars().all() == ["mounts"]


def test_a_reader_of_sqlite(sqlite_url: str) -> None:
    """A file that is opened for reading only can be checked."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
        path = database.engine.url.database
    with Database(f"sqlite:///file:{path}?mode=ro&uri=true") as reader:
        assert _found(reader) == []


def test_a_reader_of_postgresql(postgresql_url: str, postgresql_server: PostgreSQL) -> None:
    """A role that only reads can compare the views; one that may not create temporary views gets the remedy."""
    with Database(postgresql_url) as database:
        migrate.upgrade(database)
        dumps.execute(database, "CREATE OR REPLACE VIEW mounts AS " + _changed(database, "mounts", '"ro"', '"rw"'))
        name = str(database.engine.url.database)
    role, password = f"reader_of_{name}", "only reads"
    for statement in (
        f"CREATE ROLE {role} LOGIN PASSWORD '{password}'",
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    ):
        postgresql_server.execute(statement, database=name)
    try:
        with Database(postgresql_server.url(name, user=role, password=password)) as reader:
            (finding,) = _found(reader)
            assert finding.startswith("view mounts was changed: ")
            postgresql_server.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
            (finding,) = _found(reader)
            assert finding.startswith("the views could not be compared with their definitions: GRANT TEMPORARY ")
            postgresql_server.execute(f"GRANT TEMPORARY ON DATABASE {name} TO {role}")
            (finding,) = _found(reader)
            assert finding.startswith("view mounts was changed: ")
    finally:
        postgresql_server.execute(f"DROP OWNED BY {role}", database=name)
        postgresql_server.execute(f"DROP ROLE {role}")


def test_a_reader_of_mariadb(mariadb_url: str, mariadb_server: MariaDB) -> None:
    """A user that may read and see views can compare them; one that may only read gets the remedy."""
    with Database(mariadb_url) as database:
        migrate.upgrade(database)
        dumps.execute(database, "CREATE OR REPLACE VIEW mounts AS " + _changed(database, "mounts", '"ro"', '"rw"'))
        name = str(database.engine.url.database)
    user, password = f"reader_{name[-8:]}", "only reads"
    mariadb_server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'")
    mariadb_server.execute(f"GRANT SELECT ON {name}.* TO {user}@'%'")
    try:
        with Database(mariadb_server.url(name, user=user, password=password)) as reader:
            (finding,) = _found(reader)
            assert finding.startswith("the views could not be compared with their definitions: GRANT SHOW VIEW ")
        mariadb_server.execute(f"GRANT SHOW VIEW ON {name}.* TO {user}@'%'")
        with Database(mariadb_server.url(name, user=user, password=password)) as reader:
            (finding,) = _found(reader)
            assert finding.startswith("view mounts was changed: ")
    finally:
        mariadb_server.execute(f"DROP USER {user}@'%'")


def test_a_server_that_gives_no_notes(mariadb_url: str, mariadb_server: MariaDB) -> None:
    """MariaDB's views are compared also where the server's settings suppress the notes that this needs."""
    mariadb_server.execute("SET GLOBAL sql_notes = 0, GLOBAL max_error_count = 0")
    try:
        with Database(mariadb_url) as database:
            migrate.upgrade(database)
            dumps.execute(database, "CREATE OR REPLACE VIEW mounts AS " + _changed(database, "mounts", '"ro"', '"rw"'))
            assert len(_found(database)) == 1
    finally:
        mariadb_server.execute("SET GLOBAL sql_notes = DEFAULT, GLOBAL max_error_count = DEFAULT")
