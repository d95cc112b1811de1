"""Roles on servers: writer, reader and migrator can each do their work and nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb.cli import main
from persistdb.engines import Role
from persistdb.errors import AccessDenied, LockTimeout
from persistdb.reports import readonly
from persistdb.runtimes.samples import KATA
from persistdb.schema import migrate, names, roles, version
from persistdb.schema.check import check
from persistdb.store.check import check_rows
from tests import needs
from tests.docs.blocks import ROOT
from tests.reports.readers import PASSWORD, administrator, database_of, granted, user
from tests.servers import USER
from tests.servers.proxy import Cut

from . import dumps, model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers import PostgreSQL, Proxy, Server

CHANGES = {
    "all": [
        "CREATE TABLE x (a integer)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE OR REPLACE VIEW containers AS SELECT 1",
        "DROP TABLE process",
        "DROP VIEW containers",
        "ALTER TABLE mount ADD x integer",
        "CREATE INDEX x ON container (state)",
        "INSERT INTO persistdb_version VALUES ('9999')",
        "UPDATE persistdb_version SET version_num = '9999'",
        "DELETE FROM persistdb_version",
        "TRUNCATE TABLE process",
    ],
    "postgresql": [
        "CREATE SCHEMA x",
        "CREATE FUNCTION x() RETURNS integer LANGUAGE SQL AS 'SELECT 1'",
        "ALTER SEQUENCE container_id_seq RESTART",
        "SELECT setval('container_id_seq', 1)",
        "CREATE ROLE x",
        "SELECT pg_read_file('/etc/hostname')",
        "COPY mount FROM '/etc/hostname'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
    "mariadb": [
        "CREATE TEMPORARY TABLE x (a integer)",
        "CREATE DATABASE x",
        "CREATE FUNCTION x() RETURNS integer RETURN 1",
        "CREATE TRIGGER x BEFORE INSERT ON mount FOR EACH ROW SET NEW.position = 1",
        "GRANT SELECT ON container TO CURRENT_USER",
        "CREATE USER x",
        "SELECT 1 INTO OUTFILE '/tmp/persistdb-x'",
        "LOAD DATA INFILE '/etc/hostname' INTO TABLE mount",
        "SELECT * FROM mysql.user",
    ],
}


@pytest.fixture
def owner(server: Server) -> Iterator[Database]:
    """Open an empty database as the user who owns it."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        yield database
    server.drop_database(name)


@pytest.fixture
def writer(server: Server, owner: Database) -> Iterator[Database]:
    """Open that database, with the schema, as a writer."""
    migrate.upgrade(owner)
    with granted(server, url_of(owner), roles.WRITER) as database:
        yield database


def url_of(database: Database) -> str:
    """Return a database's URL, with the password."""
    return database.engine.url.render_as_string(hide_password=False)


def refused(database: Database, statements: list[str]) -> list[str]:
    """Return the statements that a user may run: none is expected."""
    passed = []
    for statement in statements:
        with contextlib.suppress(DBAPIError), database.writer.connect() as connection:
            connection.exec_driver_sql(statement)
            passed.append(statement)
    return passed


def works(database: Database, host: str) -> None:
    """Do all that a program on a node does."""
    repository = ContainerRepository(database, host=host)
    with repository.lock("pod", timeout=5), repository.lock("other", timeout=5, shared=True):
        repository.save_sandbox(
            SandboxState(sid="pod"), {"pod": ContainerState(state="ready"), "web": ContainerState()}
        )
        with pytest.raises(LockTimeout, match="held by"):
            repository.lock("pod", timeout=0.1)
    repository.transition("pod", "pod", "running", expected="ready")
    assert repository.get("pod", "pod").record.state == "running"
    assert [each.cid for each in repository.iterate()] == ["pod", "web"]
    repository.save("pod", "web", ContainerState(state="stopped"))
    repository.delete("pod", "web")
    repository.destroy_sandbox("pod")
    assert repository.count() == 0


@pytest.mark.parametrize("beside_reader", [False, True])
def test_writer_works(server: Server, owner: Database, tmp_path: Path, beside_reader: bool) -> None:
    """A writer saves, reads, transitions, locks, imports, exports and checks, also where a reader was granted first."""
    migrate.upgrade(owner)
    with contextlib.ExitStack() as users:
        if beside_reader:
            users.enter_context(granted(server, url_of(owner)))
        writer = users.enter_context(granted(server, url_of(owner), roles.WRITER))
        works(writer, "node-1")
        assert check(writer) == []
        assert check_rows(writer) == []
        url = url_of(writer)
        assert main(["--db", url, "--host", "n", "import", str(KATA / "run" / "vc" / "sbs")]) == 0
        assert main(["--db", url, "--host", "n", "export", "--to", str(tmp_path / "out")]) == 0
        assert main(["--db", url, "--host", "n", "ls"]) == 0
        assert main(["--db", url, "report", "summary"]) == 0
        assert main(["--db", url, "sql", "SELECT count(*) FROM containers"]) == 0
        assert main(["--db", url, "db", "check"]) == 0
        assert main(["--db", url, "db", "upgrade"]) == 0


def test_reader_becomes_writer(server: Server, owner: Database) -> None:
    """A reader who is made a writer writes from the next session on."""
    migrate.upgrade(owner)
    with granted(server, url_of(owner)) as reader, Database(administrator(server, url_of(owner))) as admin:
        assert roles.grant(admin, roles.WRITER, reader.engine.url.username or "") == []
        reader.close()
        works(reader, "node-1")


def test_writer_looks_up_lost_commits(server: Server, writer: Database, proxy_to: Callable[[Server], Proxy]) -> None:
    """A writer's commits whose answer is lost are looked up, and made once."""
    proxy = proxy_to(server)
    name = writer.engine.url.username or ""
    url = server.url(database_of(url_of(writer)), port=proxy.port, user=name, password=PASSWORD)
    with Database(url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(SandboxState(sid="pod"), {"pod": ContainerState(state="ready")})
        for when in Cut:
            proxy.cut(b"COMMIT", when)
            repository.save("pod", "pod", ContainerState(state="ready", bundle_path=f"/{when.name}"))
            proxy.cut(b"UPDATE container" if database.backend.changes_alone else b"COMMIT", when)
            repository.transition("pod", "pod", "running", expected="ready")
            repository.transition("pod", "pod", "stopped", expected="running")
        assert repository.get("pod", "pod").revision == 1 + 3 * len(Cut)


def test_writer_changes_no_schema(server: Server, writer: Database) -> None:
    """The server refuses a writer every change of tables, views, rights, files and the schema's version."""
    assert refused(writer, CHANGES["all"] + CHANGES[server.dialect]) == []
    assert check(writer) == []


def test_writer_cannot_upgrade(writer: Database, owner: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """A writer's upgrade or downgrade changes nothing, and one line says which role does it."""
    for change in (["upgrade"], ["downgrade", "0009"]):
        if change == ["upgrade"]:
            migrate.downgrade(owner, "0009")
        assert main(["--db", url_of(writer), "db", *change]) == 3
        error = capsys.readouterr().err
        assert "migrator" in error.splitlines()[-1]
        assert "Traceback" not in error
        assert PASSWORD not in error
        assert version.current(owner) == ("0009" if change == ["upgrade"] else version.HEAD)
        migrate.upgrade(owner)
    works(writer, "node-2")


def test_writer_cannot_create(server: Server, writer: Database) -> None:
    """A writer of one database who is sent to an empty one is refused, and told which role creates the schema."""
    name = writer.engine.url.username or ""
    empty = server.create_database()
    if server.dialect == "mariadb":
        server.execute(f"GRANT SELECT ON {empty}.* TO '{name}'@'%'")
    with Database(server.url(empty, user=name, password=PASSWORD)) as database:
        with pytest.raises(AccessDenied, match="migrator"):
            ContainerRepository(database, host="n").count()
        assert version.current(database) is None
    server.drop_database(empty)


# 0003 has no views for a reader
@pytest.mark.parametrize(
    ("role", "older"),
    [(roles.READER, "0009"), (roles.WRITER, "0009"), (roles.WRITER, "0003")],
    ids=["reader-0009", "writer-0009", "writer-0003"],
)
def test_grants_survive_changes_of_the_schema(server: Server, owner: Database, role: Role, older: str) -> None:
    """What was granted before an upgrade or a downgrade is granted after it."""
    migrate.upgrade(owner)
    with granted(server, url_of(owner), role) as database:
        for _ in range(2):
            migrate.downgrade(owner, older, allow_loss=True)
            migrate.upgrade(owner)
        if role == roles.WRITER:
            works(database, "node-1")
        for view in role.reads if older >= "0009" else ():
            readonly.read(database, f"SELECT * FROM {view}")
        with Database(administrator(server, url_of(owner))) as admin:
            assert roles.grant(admin, role, database.engine.url.username or "") == []


def test_grant_upgrade_read(server: Server, owner: Database) -> None:
    """A reader of an older schema still reads after the upgrade, also where the views are created again."""
    migrate.upgrade(owner, "0009")
    with user(server, url_of(owner)) as name:
        there = inspect(owner.engine).get_view_names()
        of_then = Role("reader", reads=(*there, names.VERSION))
        for statement in roles.statements(owner, of_then, name, PASSWORD):
            server.execute(statement, database=database_of(url_of(owner)))
        with Database(server.url(database_of(url_of(owner)), user=name, password=PASSWORD)) as reader:
            for revision in ("0009", "head"):
                migrate.upgrade(owner, revision)
                for view in of_then.reads:
                    readonly.read(reader, f"SELECT * FROM {view}")
                with pytest.raises(AccessDenied):
                    readonly.read(reader, "SELECT * FROM container")
            with owner.session(write=True) as session:
                session.connection().exec_driver_sql("DROP VIEW processes")
                session.connection().exec_driver_sql("CREATE VIEW processes AS SELECT 1 AS x")
            if server.dialect == "postgresql":
                server.execute(f'GRANT SELECT ON processes TO "{name}"', database=database_of(url_of(owner)))
            assert migrate.upgrade(owner).repaired == ("view processes",)
            readonly.read(reader, "SELECT pid FROM processes")
            assert version.current(reader) == version.HEAD
            if server.dialect == "postgresql":
                readonly.read(reader, "SELECT min_reader FROM schema_support")


@pytest.mark.parametrize("schema", ["public", '"Odd one"'])
def test_any_grants_survive(postgresql_server: PostgreSQL, postgresql_url: str, schema: str) -> None:
    """On PostgreSQL an upgrade keeps grants of each kind: columns, functions, to PUBLIC, with the right to grant."""
    home = database_of(postgresql_url)

    home_schema = f"CAST('{schema}' AS regnamespace)"

    def held() -> list[object]:
        return list(
            postgresql_server.execute(
                "SELECT c.relname, '', CAST(a.* AS text) FROM pg_class AS c, aclexplode(c.relacl) AS a"
                f" WHERE c.relnamespace = {home_schema}"
                " UNION ALL SELECT c.relname, t.attname, CAST(a.* AS text) FROM pg_class AS c"
                " JOIN pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a"
                f" WHERE c.relnamespace = {home_schema}"
                " UNION ALL SELECT p.proname, '', CAST(a.* AS text) FROM pg_proc AS p, aclexplode(p.proacl) AS a"
                f" WHERE p.pronamespace = {home_schema} ORDER BY 1, 2, 3",
                database=home,
            )
        )

    if schema != "public":
        postgresql_server.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {USER}", database=home)
    postgresql_server.execute(f"ALTER DATABASE {home} SET search_path = {schema}")
    with Database(postgresql_url) as owner, user(postgresql_server, postgresql_url, 'CREATE ROLE "{name}"') as name:
        migrate.upgrade(owner)
        for statement in (
            f'GRANT SELECT (sid, state), UPDATE (state) ON sandboxes TO "{name}"',
            f'GRANT SELECT, INSERT ON mount TO "{name}" WITH GRANT OPTION',
            "GRANT SELECT ON containers TO PUBLIC",
            "GRANT TRIGGER ON process TO PUBLIC",
            f'GRANT USAGE, UPDATE ON SEQUENCE container_id_seq TO "{name}"',
            f'GRANT EXECUTE ON FUNCTION persistdb_json_list(text, text[]) TO "{name}"',
        ):
            postgresql_server.execute(statement, database=home)
        before = held()
        migrate.downgrade(owner, "0009")
        migrate.upgrade(owner)
        assert held() == before
        assert len(before) > 6


# --- the migrator, as the page on security creates it


BEYOND = {
    "postgresql": [
        "CREATE DATABASE persistdb_x",
        "CREATE ROLE persistdb_x",
        "SELECT pg_read_file('/etc/hostname')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "SELECT rolpassword FROM pg_authid",
    ],
    "mariadb": [
        "CREATE DATABASE persistdb_x",
        "CREATE USER persistdb_x",
        "GRANT SELECT ON container TO CURRENT_USER",
        "CREATE FUNCTION x() RETURNS integer RETURN 1",
        "CREATE TRIGGER x BEFORE INSERT ON mount FOR EACH ROW SET NEW.position = 1",
        "CREATE EVENT x ON SCHEDULE EVERY 1 DAY DO DELETE FROM mount",
        "SELECT 1 INTO OUTFILE '/tmp/persistdb-x'",
        "SET GLOBAL read_only = 1",
        "SELECT * FROM mysql.user",
    ],
}


def statements_of_page(server: Server, home: str, name: str) -> list[str]:
    """Return what the page says an administrator types for the migrator, with other names."""
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    kind = "CREATE ROLE" if server.dialect == "postgresql" else "CREATE USER"
    (block,) = (block for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) if kind in block)
    for old, new in (("secret", PASSWORD), ("persistdb", home), ("migrator", name)):
        block = re.sub(rf"\b{old}\b", new, block)
    return [" ".join(statement.split()) for statement in block.split(";\n") if statement.strip()]


def limits_of_page(server: Server, writer: str, reader: str) -> list[str]:
    """Return the page's statements that limit users, with other names; test servers have no TLS to require."""
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    kind = "ROLE" if server.dialect == "postgresql" else "USER"
    found = re.findall(rf"`(ALTER {kind} [^`]*)`", page)
    assert len(found) >= 2
    named = [statement.replace("agent", writer).replace("grafana", reader) for statement in found]
    return [statement for statement in named if "REQUIRE SSL" not in statement]


@pytest.fixture
def migrator(server: Server) -> Iterator[Database]:
    """Create the database and its migrator by the page's statements, and open it as that user."""
    home = f"persistdb_test_{secrets.token_hex(4)}"
    name = f"migrator_{secrets.token_hex(4)}"
    try:
        for statement in statements_of_page(server, home, name):
            server.execute(statement)
        with Database(server.url(home, user=name, password=PASSWORD)) as database:
            yield database
    finally:
        server.drop_database(home)
        server.execute(f"DROP USER IF EXISTS {name}")


def test_migrator_changes_the_schema(
    server: Server, migrator: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The migrator creates the schema, changes it up and down with rows in it, and repairs views."""
    monkeypatch.setattr(migrate, "MANY", 10)  # a sample is measured in a temporary table
    url = url_of(migrator)
    assert main(["--db", url, "db", "upgrade", "0001"]) == 0
    dumps.insert(migrator.engine, model.sample("0001"))
    assert main(["--db", url, "--host", "n", "db", "upgrade"]) == 0
    assert " s or more" in capsys.readouterr().err
    assert main(["--db", url, "db", "downgrade", "0001", "--allow-loss"]) == 0
    assert main(["--db", url, "--host", "n", "db", "upgrade"]) == 0
    with migrator.session(write=True) as session:
        session.execute(text("DROP VIEW processes"))
    assert main(["--db", url, "db", "upgrade"]) == 0
    assert "created again: view processes" in capsys.readouterr().out
    assert main(["--db", url, "db", "downgrade", "base", "--allow-loss"]) == 0
    assert main(["--db", url, "db", "upgrade"]) == 0
    works(migrator, "node-1")
    assert refused(migrator, BEYOND[server.dialect]) == []
    assert main(["--db", url, "db", "check"]) == 0


def test_three_roles(server: Server, migrator: Database, capfd: pytest.CaptureFixture[str]) -> None:
    """With the page's statements and the ones that are printed, the three roles work, and after a change."""
    migrate.upgrade(migrator, "head")
    home = database_of(url_of(migrator))
    with user(server, url_of(migrator)) as writes, user(server, url_of(migrator)) as reads:
        for role, name in ((roles.WRITER, writes), (roles.READER, reads)):
            for statement in roles.statements(migrator, role, name, PASSWORD):
                server.execute(statement, database=home)
        with (
            Database(server.url(home, user=writes, password=PASSWORD)) as writer,
            Database(server.url(home, user=reads, password=PASSWORD)) as reader,
        ):
            for statement in limits_of_page(server, writes, reads):
                server.execute(statement)
            for _ in range(2):
                works(writer, "node-1")
                ContainerRepository(writer, host="n").save_sandbox(SandboxState(sid="pod"), {"pod": ContainerState()})
                assert readonly.read(reader, "SELECT cid FROM containers").rows == [["pod"]]
                with pytest.raises(AccessDenied):
                    ContainerRepository(reader, host="n").get("pod", "pod")
                migrate.downgrade(migrator, "0009", allow_loss=True)
                migrate.upgrade(migrator)


def test_migrator_backs_up(server: Server, migrator: Database, tmp_path: Path) -> None:
    """The server's own tool makes a backup as the migrator, with all rows, as the page says."""
    tool, package = ("pg_dump", "postgresql") if server.dialect == "postgresql" else ("mariadb-dump", "mariadb-server")
    needs.program(tool, package=package)
    ContainerRepository(migrator, host="n").save_sandbox(SandboxState(sid="the-pod"), {"pod": ContainerState()})
    url = make_url(url_of(migrator))
    login = {"PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD}
    at = ["-h", str(url.host), "-U" if tool == "pg_dump" else "-u", str(url.username)]
    port = ["-p", str(url.port)] if tool == "pg_dump" else ["-P", str(url.port), "--single-transaction"]
    done = subprocess.run(
        [tool, *at, *port, str(url.database)], env={**os.environ, **login}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "the-pod" in done.stdout
    assert "sandbox_devices" in done.stdout
