"""The table of the version: its name leaves ``alembic_version`` to applications, and older databases get it."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb import ContainerRepository, Database
from persistdb.errors import AccessDenied, NamesTaken, SchemaMissing, SchemaOutdated
from persistdb.schema import migrate, names, roles, tables, version, views
from persistdb.schema.check import check
from persistdb.schema.restore import restore
from tests.data.golden import make
from tests.reports.readers import administrator, database_of, granted

from . import dumps, model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server


def _make_earlier(database: Database, revision: str = version.HEAD) -> None:
    """Make a database as an older program left it."""
    migrate.upgrade(database, revision)
    key = "ALTER TABLE alembic_version RENAME CONSTRAINT persistdb_version_pkc TO alembic_version_pkc"
    only_postgresql = [key] if database.backend.name == "postgresql" else []
    dumps.execute(database, "ALTER TABLE persistdb_version RENAME TO alembic_version", *only_postgresql)
    database.prepared = False


def test_the_names() -> None:
    """The names that are ours are those of the mapped classes and of the views."""
    assert {
        *names.TABLES,
        *names.HISTORY,
        names.RETENTION,
        names.SUPPORT,
        names.BACKFILL,
    } == tables.Base.metadata.tables.keys()
    assert names.VIEWS == views.NAMES


def test_a_new_database(database: Database) -> None:
    """A new database has its version in persistdb's own table."""
    migrate.upgrade(database)
    assert names.VERSION in dumps.schema(database.engine)
    assert names.EARLIER_VERSION not in dumps.schema(database.engine)


def test_an_earlier_name(database: Database) -> None:
    """A database with the earlier name works as it is, and an upgrade with nothing else to do renames the table."""
    migrate.upgrade(database)
    wanted = dumps.schema(database.engine)
    _make_earlier(database)
    assert version.current(database) == version.HEAD
    assert ContainerRepository(database, host="node-1").count() == 0
    assert check(database) == []
    assert migrate.upgrade(database) == migrate.Change(version.HEAD, version.HEAD, None)
    assert dumps.schema(database.engine) == wanted
    assert version.current(database) == version.HEAD


def test_an_earlier_revision(database: Database) -> None:
    """An older revision under the earlier name is upgraded with its rows, and its losses are told before."""
    _make_earlier(database, "0001")
    dumps.insert(database.engine, model.sample("0001"))
    with pytest.raises(SchemaOutdated):
        ContainerRepository(database, host="node-1")
    assert migrate.losses(database, "base") != []
    migrate.upgrade(database, host=model.HOST, moment=model.MOMENT)
    assert dumps.rows(database.engine) == model.at_head(model.sample("0001"), "0001")
    assert names.EARLIER_VERSION not in dumps.schema(database.engine)
    _make_earlier(database)
    migrate.downgrade(database, "base", allow_loss=True)
    assert dumps.schema(database.engine).keys() == {names.VERSION}


def test_a_view_that_cannot_be_read(sqlite_database: Database) -> None:
    """A view that reads what is not there keeps nobody from renaming the table."""
    _make_earlier(sqlite_database)
    dumps.execute(sqlite_database, "CREATE VIEW broken AS SELECT * FROM nowhere")
    migrate.upgrade(sqlite_database)
    assert version.current(sqlite_database) == version.HEAD


@pytest.mark.parametrize("rows", [["0005"], ["1975ea83b712"], [], ["a", "b"]], ids=str)
def test_the_table_of_an_application(database: Database, rows: list[str]) -> None:
    """An application's alembic_version, whatever is in it, is not ours: its database is refused and left alone."""
    dumps.execute(
        database,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "CREATE TABLE invoices (id INTEGER)",
        *(f"INSERT INTO alembic_version VALUES ('{row}')" for row in rows),
    )
    assert version.current(database) is None
    with pytest.raises(SchemaMissing):
        ContainerRepository(database, host="node-1")
    with pytest.raises(SchemaMissing):
        migrate.upgrade(database)
    assert dumps.schema(database.engine).keys() == {"alembic_version", "invoices"}


@pytest.mark.parametrize("rows", [["1975ea83b712"], ["0005", "0006"], []], ids=str)
def test_an_application_with_names_of_ours(database: Database, rows: list[str]) -> None:
    """An application's alembic_version is not ours either where the application has tables with names of ours."""
    dumps.execute(
        database,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "CREATE TABLE sandbox (id INTEGER)",
        "CREATE TABLE container (id INTEGER)",
        *(f"INSERT INTO alembic_version VALUES ('{row}')" for row in rows),
    )
    before = dumps.schema(database.engine)
    with pytest.raises(SchemaMissing):
        migrate.upgrade(database)
    with pytest.raises(NamesTaken):
        migrate.upgrade(database, beside_others=True)
    assert dumps.schema(database.engine) == before


def test_an_empty_table_of_the_earlier_name(database: Database) -> None:
    """What an older program's downgrade to no schema left does not make a database another program's."""
    dumps.execute(database, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    assert ContainerRepository(database, host="node-1").count() == 0
    with database.engine.connect() as connection:
        assert connection.execute(sa.text(version.OURS)).scalar_one() == version.HEAD


@pytest.mark.parametrize("revision", version.REVISIONS)
def test_restore_of_an_earlier_backup(sqlite_database: Database, tmp_path: Path, revision: str) -> None:
    """A backup with the earlier name is restored, and what it replaces is named by its revision."""
    golden = shutil.copy(make.FOLDER / f"{revision}.db", tmp_path / "golden.db")
    assert restore(sqlite_database, golden) is None
    assert version.current(sqlite_database) == revision
    kept = restore(sqlite_database, golden)
    assert kept is not None
    assert f".{revision}." in kept.name


def test_readers_of_an_earlier_database(server: Server) -> None:
    """A reader finds the version under either name; the right to it goes with the table, except on MariaDB."""
    url = server.url(server.create_database())
    with Database(url) as owner, contextlib.ExitStack() as users:
        migrate.upgrade(owner)
        reader = users.enter_context(granted(server, url))
        _make_earlier(owner)
        if server.dialect == "mariadb":
            name = reader.engine.url.username
            grant = f"GRANT SELECT ON {{}}.alembic_version TO '{name}'@'%'"
            server.execute(grant.format(database_of(url)))
            server.execute(f"REVOKE SELECT ON {database_of(url)}.persistdb_version FROM '{name}'@'%'")
        assert version.current(reader) == version.HEAD
        migrate.upgrade(owner)
        if server.dialect == "mariadb":
            with pytest.raises(AccessDenied):
                version.current(reader)
            with Database(administrator(server, url)) as database:
                roles.grant(database, roles.READER, str(reader.engine.url.username))
        assert version.current(reader) == version.HEAD
    server.drop_database(database_of(url))
