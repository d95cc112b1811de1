"""A schema of PostgreSQL's of our own, by the ``search_path`` of the URL, beside an application's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from persistdb import ContainerRepository, Database, SandboxState
from persistdb.cli import main
from persistdb.errors import AccessDenied, LockTimeout, SchemaMissing, Unavailable
from persistdb.reports import readonly
from persistdb.schema import migrate, names, roles, version
from persistdb.schema.check import check
from tests.reports.readers import PASSWORD, administrator, database_of, user

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import PostgreSQL

OPTION = "options=-csearch_path%3Dstate"


def _in_schema(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{OPTION}"


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Make the schema, and tables of an application with the names of ours in ``public``; give the URL."""
    with Database(postgresql_url) as database, database.engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA state",
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
            "INSERT INTO alembic_version VALUES ('1975ea83b712')",
            "CREATE TABLE container (id INTEGER)",
            "CREATE VIEW containers AS SELECT 'theirs' AS cid",
        ):
            connection.execute(sa.text(statement))
    return _in_schema(postgresql_url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Open the database in our schema."""
    with Database(url) as database:
        yield database


def _things(database: Database) -> dict[str, set[str]]:
    """Return the names of tables, views and functions, by schema."""
    query = (
        "SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'v')"
        " UNION SELECT nspname, proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace"
    )
    found: dict[str, set[str]] = {"public": set(), "state": set()}
    with database.engine.connect() as connection:
        for schema, name in connection.execute(sa.text(query)):
            if schema in found:
                found[schema].add(name)
    return found


OURS = {names.VERSION, *names.TABLES, *names.HISTORY, names.RETENTION, names.SUPPORT, names.BACKFILL}
THEIRS = {"alembic_version", "container", "containers"}


def test_all_is_in_the_schema(database: Database) -> None:
    """A repository makes the schema without a word; all of it is there, and the application's names are no clash."""
    repository = ContainerRepository(database, host="node-1")
    repository.save_sandbox(SandboxState(sid="pod-1", state="running"), {})
    things = _things(database)
    assert things["public"] == THEIRS
    assert things["state"] == {*OURS, *names.VIEWS, "persistdb_json_list"}
    assert version.current(database) == version.HEAD
    assert check(database) == []
    assert readonly.read(database, "SELECT sid FROM sandboxes").rows == [["pod-1"]]
    with repository.lock("pod-1"):
        assert repository.load_sandbox("pod-1").record.state == "running"


def test_up_and_down(database: Database) -> None:
    """Each revision works in the schema, with its rows, and a view that was changed is created again there."""
    migrate.upgrade(database, "0001")
    dumps.insert(database.engine, model.sample("0001"))
    migrate.upgrade(database, host=model.HOST, moment=model.MOMENT)
    assert dumps.rows(database.engine) == model.at_head(model.sample("0001"), "0001")
    with database.engine.begin() as connection:
        connection.execute(sa.text("DROP VIEW processes"))
        connection.execute(sa.text("CREATE VIEW processes AS SELECT 1 AS x"))
    assert any("view processes" in str(finding) for finding in check(database))
    assert migrate.upgrade(database).repaired == ("view processes",)
    migrate.downgrade(database, "0001", allow_loss=True)
    migrate.downgrade(database, "base", allow_loss=True)
    assert _things(database) == {"public": THEIRS, "state": {names.VERSION}}


def test_roles(url: str, database: Database, postgresql_server: PostgreSQL) -> None:
    """Readers and writers get their rights in the schema, and keep them through an upgrade; none to the rest."""
    migrate.upgrade(database)
    plain = postgresql_server.url(database_of(url))
    with contextlib.ExitStack() as users:
        opened = {}
        for role in (roles.READER, roles.WRITER):
            name = users.enter_context(user(postgresql_server, plain))
            with Database(_in_schema(administrator(postgresql_server, plain))) as admin:
                assert roles.grant(admin, role, name, PASSWORD) == []
                with admin.engine.begin() as connection:
                    connection.execute(sa.text(f"GRANT SELECT ON public.container TO {name}"))
                assert roles.grant(admin, role, name) == ["table container"]
                with admin.engine.begin() as connection:
                    connection.execute(sa.text(f"REVOKE SELECT ON public.container FROM {name}"))
            given = postgresql_server.url(database_of(url), user=name, password=PASSWORD)
            opened[role.kind] = users.enter_context(Database(_in_schema(given)))
        migrate.downgrade(database, "0009")
        migrate.upgrade(database)
        repository = ContainerRepository(opened["writer"], host="node-1")
        repository.save_sandbox(SandboxState(sid="pod-1", state="running"), {})
        assert check(opened["writer"]) == []
        assert readonly.read(opened["reader"], "SELECT sid FROM sandboxes").rows == [["pod-1"]]
        with pytest.raises(AccessDenied):
            readonly.read(opened["reader"], "SELECT * FROM public.container")
        name = opened["reader"].engine.url.username
        home = f"ALTER ROLE {name} IN DATABASE {database_of(url)} SET search_path = state"
        postgresql_server.execute(home, database=database_of(url))
        with Database(postgresql_server.url(database_of(url), user=name, password=PASSWORD)) as plainly:
            assert readonly.read(plainly, "SELECT sid FROM sandboxes").rows == [["pod-1"]]
        with pytest.raises(AccessDenied):
            migrate.downgrade(opened["writer"], "0009", allow_loss=True)


def test_the_command(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands take the URL with its option, and the errors and messages show it."""
    for words in (
        ["db", "upgrade"],
        ["db", "check"],
        ["db", "current"],
        ["ls"],
        ["db", "grant-reader", "x", "--print"],
    ):
        assert main(["--db", url, *words]) == 0
    printed = capsys.readouterr().out
    assert f"schema {version.HEAD}" in printed


def test_a_schema_that_is_missing(postgresql_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A search_path to a schema that does not exist is an error that says how to make it."""
    with Database(_in_schema(postgresql_url)) as database:
        with pytest.raises(Unavailable, match="CREATE SCHEMA"):
            ContainerRepository(database, host="node-1")
        with pytest.raises(Unavailable, match="CREATE SCHEMA"):
            migrate.upgrade(database)


def test_without_the_option(url: str, postgresql_url: str, database: Database) -> None:
    """Without the option the database is the application's: it is refused, and ours is not touched."""
    migrate.upgrade(database)
    with Database(postgresql_url) as plain, pytest.raises(SchemaMissing):
        ContainerRepository(plain, host="node-1")
    assert _things(database)["public"] == THEIRS


def test_an_application_that_looks_into_all_schemas(postgresql_url: str, database: Database) -> None:
    """An application's autogenerate sees our tables with ``include_schemas`` only, unless ``include_name`` says no."""
    migrate.upgrade(database)
    metadata = sa.MetaData()
    sa.Table("container", metadata, sa.Column("id", sa.Integer))
    engine = sa.create_engine(sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)

    def seen(**options: Any) -> set[str]:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            changes: list[Any] = compare_metadata(context, metadata)
        return {change[1].name for change in changes if change[0] == "remove_table"}

    assert seen() == set()
    assert seen(include_schemas=True) == OURS
    assert seen(include_schemas=True, include_name=lambda name, kind, _: kind != "schema" or name != "state") == set()


def test_locks_are_of_the_schema(url: str, postgresql_url: str, database: Database) -> None:
    """Locks of the same name in two schemas of one database exclude nobody; within a schema they do."""
    with Database(postgresql_url) as other, Database(url) as same, other.engine.begin() as connection:
        connection.execute(sa.text("DROP VIEW containers"))
        connection.execute(sa.text("DROP TABLE container"))
        connection.execute(sa.text("DROP TABLE alembic_version"))
        connection.commit()
        repositories = [ContainerRepository(each, host="node-1") for each in (database, other, same)]
        with repositories[0].lock("pod-1"), repositories[1].lock("pod-1", timeout=5):
            with pytest.raises(LockTimeout):
                repositories[2].lock("pod-1", timeout=0.01)
            with pytest.raises(LockTimeout):
                ContainerRepository(other, host="node-1").lock("pod-1", timeout=0.01)
