"""Readers: users of a server who may select from the views, while the engine refuses them anything else."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb import reports as named_reports
from persistdb.errors import (
    AccessDenied,
    BadURL,
    DatabaseError,
    InvalidValue,
    SchemaOutdated,
    TooManyRights,
)
from persistdb.reports import readonly
from persistdb.schema import names, roles
from tests.servers import USER

from . import fleet
from .readers import PASSWORD, administrator, database_of, granted, user
from .test_readonly import contents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import MariaDB, PostgreSQL, Server

# Each with the lexer switched off, in the transaction that `sql` runs its query in.
ATTACKS = {
    "postgresql": [
        "SELECT $…$'$…$, pg_read_file('/etc/hostname'), $…$'$…$",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT pg_read_binary_file('postgresql.conf')",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_terminate_backend({victim})",
        "SELECT pg_cancel_backend({victim})",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_advisory_lock_shared(1, 2)",
        "SELECT pg_try_advisory_lock(1)",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_create_restore_point('x')",
        "SELECT pg_logical_emit_message(false, 'x', 'x')",
        "SELECT pg_create_logical_replication_slot('x', 'test_decoding')",
        "SELECT pg_create_physical_replication_slot('x')",
        "SELECT pg_switch_wal()",
        "SELECT pg_reload_conf()",
        "SELECT pg_export_snapshot()",
        "SELECT pg_notify('x', 'y')",
        "SELECT lo_export(1, '{folder}/x')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('role', 'persistdb', true)",
        "SELECT nextval('container_id_seq')",
        "SELECT query_to_xml('SELECT pg_advisory_lock(1)', true, true, '')",
        "SELECT query_to_xml('RESET ROLE', true, true, '')",
        "SELECT query_to_xml('DELETE FROM mount', true, true, '')",
        "SELECT dblink_connect('host=127.0.0.1 port=1')",
        "SELECT document FROM sandbox",
        "SELECT * FROM containers FOR UPDATE",
        "SELECT rolpassword FROM pg_authid",
        "WITH a AS (DELETE FROM mount RETURNING 1) SELECT * FROM a",
        "COPY (SELECT 1) TO '{folder}/x'",
        "COPY (SELECT 1) TO PROGRAM 'touch {folder}/x'",
    ],
    "mariadb": [
        "SELECT 1.0into outfile '{folder}/x'",
        r"SELECT \Ninto outfile '{folder}/x'",
        "SELECT 1e1into dumpfile '{folder}/x'",
        "SELECT 1 --\u00a01 into outfile '{folder}/x'",
        "SELECT /*!1 into outfile '{folder}/x' */",
        "SELECT * FROM containers FOR UPDATE",
        "SELECT document FROM sandbox",
        "SELECT * FROM mysql.global_priv",
        "SELECT sys_exec('touch {folder}/x')",
        "SELECT sys.version_major()",
        "KILL {victim}",
        "SET GLOBAL read_only = 1",
        "LOAD DATA INFILE '/etc/hostname' INTO TABLE mount",
    ],
}
# Without that transaction, as in any other program that the reader uses.
CHANGES = {
    "all": [
        "INSERT INTO sandbox (host, sid) VALUES ('x', 'y')",
        "UPDATE containers SET state = 'x'",
        "DELETE FROM mount",
        "DELETE FROM persistdb_version",
        "CREATE TABLE x (a integer)",
        "CREATE VIEW x AS SELECT 1",
        "DROP VIEW containers",
        "ALTER TABLE mount ADD x integer",
    ],
    "postgresql": [
        "CREATE TEMPORARY TABLE x (a integer)",
        "CREATE SCHEMA x",
        "CREATE FUNCTION x() RETURNS integer LANGUAGE SQL AS 'SELECT 1'",
        "DO $$BEGIN DELETE FROM mount; END$$",
        "LOCK TABLE mount",
        "SET ROLE persistdb",
        "SET SESSION AUTHORIZATION persistdb",
        "TRUNCATE mount",
        "COPY mount FROM '/etc/hostname'",
        "ALTER SYSTEM SET work_mem = '1GB'",
    ],
    "mariadb": [
        "CREATE TEMPORARY TABLE x (a integer)",
        "CREATE DATABASE x",
        "CREATE FUNCTION x() RETURNS integer RETURN 1",
        "LOCK TABLES mount WRITE",
        "SET ROLE persistdb",
        "TRUNCATE mount",
        "CREATE USER x",
        "GRANT SELECT ON mount TO CURRENT_USER",
        "FLUSH TABLES",
    ],
}


@pytest.fixture
def owner(server: Server) -> Iterator[Database]:
    """Create the fleet's database, as the user who owns it."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        fleet.build(database)
        yield database
    server.drop_database(name)


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def reading(server: Server, owner: Database) -> Iterator[Database]:
    """Open that database as a reader."""
    with granted(server, _url(owner)) as database:
        yield database


def test_reads(owner: Database, reading: Database) -> None:
    """A reader gets from each view and each report what the owner gets."""
    for view in roles.READER.reads:
        theirs, ours = (readonly.read(database, f"SELECT * FROM {view}") for database in (reading, owner))
        assert sorted(theirs.rows, key=repr) == sorted(ours.rows, key=repr)
        assert (theirs.columns, theirs.is_cut) == (ours.columns, ours.is_cut)
        assert view == names.BACKFILL or theirs.rows
    values = {"device": ["dev-1"], "path": ["/"], "folder": ["/"], "option": ["ro"]}
    for name in named_reports.names(named_reports.folder()):
        report = named_reports.find(name, owner.backend.name)
        given = [value for p in report.parameters if p.default is None for value in values.get(p.name, ["/"])]
        asked = report.values(given)
        assert named_reports.run(reading, report, asked).rows == named_reports.run(owner, report, asked).rows


@contextlib.contextmanager
def _victim(server: Server, url: str) -> Iterator[int]:
    """Open a session that attacks would end, and see that it lives at the end."""
    engine = create_engine(administrator(server, url))
    name = "pg_backend_pid" if server.dialect == "postgresql" else "connection_id"
    with engine.connect() as connection:
        number: int = connection.execute(text(f"SELECT {name}()")).scalar_one()
        yield number
        assert connection.execute(text(f"SELECT {name}()")).scalar_one() == number
    engine.dispose()


@pytest.fixture
def folder(server: Server) -> Iterator[Path]:
    """Make a folder that the server can write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o777)
        written = "COPY (SELECT 1) TO '{}'" if server.dialect == "postgresql" else "SELECT 1 INTO OUTFILE '{}'"
        server.execute(written.format(path / "control"))
        assert (path / "control").exists()
        (path / "control").unlink()
        yield path


def test_attacks(server: Server, owner: Database, reading: Database, folder: Path) -> None:
    """The engine refuses a reader each known way around a read-only transaction; the text is not looked at."""
    before = contents(owner)
    attacks = ATTACKS[server.dialect]
    if server.dialect == "postgresql":
        if server.execute("SELECT FROM pg_available_extensions WHERE name = 'dblink'"):
            server.execute("CREATE EXTENSION dblink", database=database_of(_url(owner)))
        # the extension came after the reader
        with Database(administrator(server, _url(owner))) as database:
            roles.grant(database, roles.READER, reading.engine.url.username or "")
    passed = []
    with _victim(server, _url(owner)) as victim:
        for attack in attacks:
            sql = attack.format(folder=folder, victim=victim)
            refusal = contextlib.suppress(reading.driver_error)
            with refusal, reading.backend.read_only(lambda: reading.engine, 5, 10) as cursor:
                cursor.execute(sql)
                passed.append((sql, cursor.fetchall()))
    assert passed == []
    assert list(folder.iterdir()) == []
    assert contents(owner) == before
    if server.dialect == "postgresql":
        for left in (
            "pg_locks, pg_database WHERE oid = database AND datname = current_database() AND locktype = 'advisory'",
            "pg_replication_slots WHERE slot_name = 'x'",
            "pg_largeobject_metadata",
        ):
            assert server.execute(f"SELECT * FROM {left}", database=database_of(_url(owner))) == []


def test_what_mariadb_gives_to_everybody(mariadb_server: MariaDB, mariadb_url: str) -> None:
    """MariaDB has no right for named locks, and answers NULL for a file: no lock stays, and nothing is read."""
    with Database(mariadb_url) as owner:
        fleet.build(owner)
        with granted(mariadb_server, mariadb_url) as reading:
            for sql in ("SELECT get_lock('a', 0)", "SELECT `get_lock` ('a', 0)"):
                with reading.backend.read_only(lambda: reading.engine, 5, None) as cursor:
                    cursor.execute(sql)
                with pytest.raises(InvalidValue, match="GET_LOCK"):
                    readonly.read(reading, sql)
            assert readonly.read(reading, "SELECT is_free_lock('a')").rows == [[1]]
            with reading.backend.read_only(lambda: reading.engine, 5, None) as cursor:
                cursor.execute("SELECT load_file('/etc/hostname'), `load_file`('/etc/passwd')")
                assert cursor.fetchall() == ((None, None),)


def test_changes(server: Server, owner: Database, reading: Database) -> None:
    """A reader may change nothing, in whichever program and transaction."""
    before = contents(owner)
    engine = reading.engine
    for sql in CHANGES["all"] + CHANGES[server.dialect]:
        with engine.connect() as connection, connection.begin():
            if server.dialect == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ WRITE")
            with pytest.raises(DBAPIError) as caught:
                connection.exec_driver_sql(sql)
        assert isinstance(reading.failure(caught.value), DatabaseError), sql
    assert contents(owner) == before


def test_nothing_that_a_reader_may_call_is_harmful(postgresql_server: PostgreSQL, postgresql_url: str) -> None:
    """Where a reader may call no function that has effects, `sql` does not look at the text: nothing is refused."""
    with Database(postgresql_url) as owner:
        fleet.build(owner)
        with granted(postgresql_server, postgresql_url) as reading:
            sql = (
                "SELECT query_to_xml('SELECT 1', true, true, '') IS NOT NULL, U&\"pg\\005fsleep\"(0) IS NULL,"
                " pg_total_relation_size('containers') = 0"
            )
            assert readonly.read(reading, sql).rows == [[True, False, True]]
            with pytest.raises(AccessDenied, match="pg_advisory_lock"):
                readonly.read(reading, "SELECT pg_advisory_lock(1)")


def test_who_writes_goes_on(server: Server, owner: Database, reading: Database) -> None:
    """The owner, and on PostgreSQL any role that may insert, works as before there was a reader."""
    repository = ContainerRepository(owner, host="node-9")
    with repository.lock("pod-9", timeout=5):
        repository.save_sandbox(SandboxState(sid="pod-9"), {"pod-9": ContainerState()})
    assert {row[0] for row in readonly.read(reading, "SELECT sid FROM sandboxes").rows} > {"pod-9"}
    if server.dialect == "mariadb":
        return
    home = database_of(_url(owner))
    with user(server, _url(owner), f"CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{PASSWORD}'") as writer:
        server.execute(
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{writer}"', database=home
        )
        server.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{writer}"', database=home)
        with Database(administrator(server, _url(owner))) as database:
            assert roles.grant(database, roles.READER, reading.engine.url.username or "") == []
        with Database(server.url(home, user=writer, password=PASSWORD)) as database:
            other = ContainerRepository(database, host="node-9")
            with other.lock("pod-8", timeout=5):
                other.save_sandbox(SandboxState(sid="pod-8"), {"pod-8": ContainerState()})


def test_granted_again(server: Server, owner: Database, reading: Database) -> None:
    """The grants may be repeated, which keeps the password, and gives the reader views that were created again."""
    name = reading.engine.url.username or ""
    with owner.session(write=True) as session:
        session.execute(text("DROP VIEW processes"))
        session.execute(text("CREATE VIEW processes AS SELECT 1 AS x"))
    with Database(administrator(server, _url(owner))) as database:
        assert roles.grant(database, roles.READER, name) == []
        assert readonly.read(reading, "SELECT * FROM processes").rows == [[1]]
        assert roles.grant(database, roles.READER, name, "another") == []
    reading.close()
    with pytest.raises(AccessDenied):
        readonly.read(reading, "SELECT 1")


def test_statements(server: Server, owner: Database) -> None:
    """The statements that are printed do the same, and have the password only as the server stores it."""
    with user(server, _url(owner)) as name:
        statements = roles.statements(owner, roles.READER, name, PASSWORD)
        assert PASSWORD not in "".join(statements)
        for statement in statements:
            server.execute(statement, database=database_of(_url(owner)))
        with Database(server.url(database_of(_url(owner)), user=name, password=PASSWORD)) as database:
            assert readonly.read(database, "SELECT count(*) FROM containers").rows[0][0] > 0


def test_new_without_password(server: Server, owner: Database) -> None:
    """A new reader without a password cannot log in with one."""
    with user(server, _url(owner)) as name, Database(administrator(server, _url(owner))) as database:
        roles.grant(database, roles.READER, name)
        for password in ("", "invalid"):
            url = server.url(database_of(_url(owner)), user=name, password=password)
            with Database(url, retries=0) as attempt, pytest.raises(DatabaseError):
                readonly.read(attempt, "SELECT 1")


def test_refused_grants(server: Server, owner: Database, sqlite_url: str) -> None:
    """Without the right to grant, the error names who has it; bad names, passwords and databases are refused."""
    with pytest.raises(AccessDenied, match=r"administrator of the server, or .* --print"):
        roles.grant(owner, roles.READER, "somebody_else")
    for name in ("", "a'b", 'a"b', "a b", "1a", "ü", "a" * 64):
        with pytest.raises(InvalidValue, match="name"):
            roles.statements(owner, roles.READER, name)
    for password in ("", "ü", "a\nb"):
        with pytest.raises(InvalidValue, match="password"):
            roles.statements(owner, roles.READER, "name", password)
    with Database(sqlite_url) as database, pytest.raises(BadURL, match="no users"):
        roles.grant(database, roles.READER, "name")
    empty = server.create_database()
    with Database(administrator(server, server.url(empty))) as database, pytest.raises(SchemaOutdated):
        roles.grant(database, roles.READER, "name")
    server.drop_database(empty)


def test_no_reader(server: Server, owner: Database) -> None:
    """The owner does not become a reader, and rights beyond reading are named."""
    with Database(administrator(server, _url(owner))) as database:
        if server.dialect == "postgresql":
            with pytest.raises(DatabaseError, match="owns the tables"):
                roles.grant(database, roles.READER, USER)
            with user(server, _url(owner), 'CREATE ROLE "{name}" CREATEDB REPLICATION IN ROLE pg_monitor') as name:
                home = database_of(_url(owner))
                server.execute(f'GRANT SELECT ON sandbox TO "{name}"', database=home)
                server.execute(f'GRANT DELETE ON mounts TO "{name}"', database=home)
                excess = set(roles.grant(database, roles.READER, name))
                assert excess > {"CREATEDB", "REPLICATION", "role pg_monitor", "table mounts", "table sandbox"}
            return
        with user(server, _url(owner), "CREATE USER '{name}'@'%'") as name:
            server.execute(f"GRANT FILE ON *.* TO '{name}'@'%'")
            server.execute(f"GRANT EXECUTE ON FUNCTION sys.version_major TO '{name}'@'%'")
            server.execute(f"GRANT SELECT ON sys.version TO '{name}'@'%'")
            server.execute(f"CREATE ROLE {name}_role")
            server.execute(f"GRANT {name}_role TO '{name}'@'%'")
            excess = roles.grant(database, roles.READER, name)
            server.execute(f"DROP ROLE {name}_role")
            functions = "EXECUTE ON FUNCTION `sys`.`version_major`"
            assert excess == [functions, "FILE ON *.*", "SELECT ON `sys`.`version`", f"`{name}_role`"]


def test_right_of_a_role(mariadb_server: MariaDB, mariadb_url: str) -> None:
    """On MariaDB the rights of a user's default role count as the user's."""
    created = f"CREATE USER '{{name}}'@'%' IDENTIFIED BY '{PASSWORD}'"
    with user(mariadb_server, mariadb_url, created) as name:
        for statement in (
            f"CREATE ROLE {name}_role",
            f"GRANT FILE ON *.* TO {name}_role",
            f"GRANT SELECT ON {database_of(mariadb_url)}.* TO {name}_role",
            f"GRANT {name}_role TO '{name}'@'%'",
            f"SET DEFAULT ROLE {name}_role FOR '{name}'@'%'",
        ):
            mariadb_server.execute(statement)
        url = mariadb_server.url(database_of(mariadb_url), user=name, password=PASSWORD)
        with Database(url) as database, pytest.raises(TooManyRights, match="FILE"):
            readonly.read(database, "SELECT 1")
        mariadb_server.execute(f"DROP ROLE {name}_role")


def test_granted_without_a_superuser(postgresql_server: PostgreSQL, postgresql_url: str) -> None:
    """On PostgreSQL a role that may create roles grants what it can; functions that stay are named, and refused."""
    home = database_of(postgresql_url)
    with Database(postgresql_url) as owner:
        fleet.build(owner)
    created = f"CREATE ROLE \"{{name}}\" LOGIN CREATEROLE IN ROLE {USER} PASSWORD '{PASSWORD}'"
    with (
        user(postgresql_server, postgresql_url, created) as creator,
        user(postgresql_server, postgresql_url) as name,
    ):
        with Database(postgresql_server.url(home, user=creator, password=PASSWORD)) as database:
            excess = roles.grant(database, roles.READER, name, PASSWORD)
        assert {"pg_advisory_lock()", "lo_create()"} <= set(excess)
        with Database(postgresql_server.url(home, user=name, password=PASSWORD)) as database:
            assert readonly.read(database, "SELECT count(*) FROM containers").rows[0][0] > 0
            for sql in ("SELECT pg_advisory_lock(1)", "SELECT query_to_xml('SELECT lo_create(0)', true, true, '')"):
                with pytest.raises(InvalidValue, match="has effects"):
                    readonly.read(database, sql)
            with pytest.raises(AccessDenied):
                readonly.read(database, "SELECT * FROM container")


STRONG = {
    "postgresql": {
        'ALTER ROLE "{name}" SUPERUSER': "superuser",
        'ALTER ROLE "{name}" REPLICATION': "replication",
        'GRANT pg_read_server_files TO "{name}"': "pg_read_server_files",
        'GRANT pg_write_server_files TO "{name}"': "pg_write_server_files",
        'GRANT pg_execute_server_program TO "{name}"': "pg_execute_server_program",
        'GRANT pg_signal_backend TO "{name}"': "pg_signal_backend",
        'GRANT pg_monitor TO "{name}"': "pg_monitor",
        'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO "{name}"': r"pg_read_file\(\)",
        'GRANT admin TO "{name}"': "superuser",
    },
    "mariadb": {
        "GRANT FILE ON *.* TO '{name}'@'%'": "FILE",
        "GRANT SELECT, FILE, PROCESS ON *.* TO '{name}'@'%'": "FILE, PROCESS",
        "GRANT SUPER ON *.* TO '{name}'@'%'": "SUPER",
        "GRANT CONNECTION ADMIN ON *.* TO '{name}'@'%'": "CONNECTION ADMIN",
        "GRANT ALL ON *.* TO '{name}'@'%'": "ALL PRIVILEGES",
    },
}


def test_too_many_rights(server: Server, owner: Database) -> None:
    """With rights beyond reading that a SELECT can use, only trusted queries are run; the error says what to do."""
    url = _url(owner)
    created = {
        "postgresql": f"CREATE ROLE \"{{name}}\" LOGIN NOINHERIT PASSWORD '{PASSWORD}'",
        "mariadb": f"CREATE USER '{{name}}'@'%' IDENTIFIED BY '{PASSWORD}'",
    }[server.dialect]
    for grant, right in STRONG[server.dialect].items():
        with user(server, url, created) as name:
            if server.dialect == "mariadb":
                server.execute(f"GRANT ALL ON `{database_of(url)}`.* TO '{name}'@'%'")
            server.execute(grant.format(name=name), database=database_of(url))
            with Database(server.url(database_of(url), user=name, password=PASSWORD)) as database:
                with pytest.raises(TooManyRights, match=rf"\({right}.*grant-reader.*trusted=True"):
                    readonly.read(database, "SELECT 1")
                assert readonly.read(database, "SELECT 1", trusted=True).rows == [[1]]
            if "pg_read_file" in grant:
                server.execute(
                    f'REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM "{name}"', database=database_of(url)
                )


def test_reports_are_trusted(server: Server, owner: Database) -> None:
    """A report runs whatever the rights are: who may write into its folder is trusted."""
    with Database(administrator(server, _url(owner))) as database:
        assert named_reports.run(database, named_reports.find("summary", server.dialect)).rows


def test_who_owns_the_database_asks(owner: Database) -> None:
    """The database's owner, who has no rights on the server, needs no reader to ask."""
    assert readonly.read(owner, "SELECT count(*) FROM containers").rows[0][0] > 0
