"""``db grant-reader``, ``--reader-url`` and ``--trusted``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.cli import main
from persistdb.errors import AccessDenied
from persistdb.reports import readonly
from persistdb.runtimes.samples import KATA
from tests.docs.blocks import ROOT
from tests.reports import fleet
from tests.reports.readers import PASSWORD, administrator, database_of, user

from .program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server


@pytest.fixture
def owner(server: Server) -> Iterator[str]:
    """Create the fleet's database, and give its owner's URL."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        fleet.build(database)
    yield server.url(name)
    server.drop_database(name)


def test_grant_and_use(
    server: Server, owner: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator creates a reader, and `sql` and `report` connect as the reader."""
    with user(server, owner) as name:
        administrates = Program(administrator(server, owner), capsys)
        done = administrates.child("db", "grant-reader", name, "--password-stdin", input=f"{PASSWORD}\n".encode())
        assert (done.status, done.err) == (0, "")
        assert done.out.endswith(f": {name} may read the views\n")
        reader_url = server.url(database_of(owner), user=name, password=PASSWORD)
        who = ["sql", "SELECT current_user AS who", "--format", "csv"]
        shown = name if server.dialect == "postgresql" else f"{name}@%"

        monkeypatch.setenv("PERSISTDB_URL", owner)
        assert main(["--reader-url", reader_url, *who]) == 0
        assert capsys.readouterr().out.split() == ["who", shown]
        monkeypatch.setenv("PERSISTDB_READER_URL", reader_url)
        assert main(who) == 0
        assert capsys.readouterr().out.split() == ["who", shown]
        assert main(["report", "summary"]) == 0
        # a database that is typed is not the one that the reader in the environment belongs to
        assert main(["--db", owner, *who]) == 0
        assert shown not in capsys.readouterr().out
        assert main(["sql", "SELECT document FROM sandbox"]) == 3
        error = capsys.readouterr().err
        assert "access denied" in error
        assert PASSWORD not in error


def test_print(server: Server, owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The statements are printed for an administrator to run; nothing is run, and no database is needed."""
    done = Program(owner, capsys)("db", "grant-reader", "grafana", "--print")
    assert (done.status, done.err) == (0, "")
    assert "GRANT SELECT ON" in done.out
    assert all(name in done.out for name in ("sandbox_devices", "persistdb_version"))
    assert Program(owner.rpartition("/")[0] + "/nowhere", capsys)("db", "grant-reader", "x", "--print").status == 0
    done = Program(owner, capsys).child(
        "db", "grant-reader", "grafana", "--print", "--password-stdin", input=b"hush-hush\n"
    )
    assert done.status == 0
    assert "hush-hush" not in done.out
    users = "pg_roles WHERE rolname" if server.dialect == "postgresql" else "mysql.user WHERE user"
    assert server.execute(f"SELECT * FROM {users} = 'grafana'") == []


def test_page(server: Server, owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's commands print scripts that the servers' own clients take, and that make a reader."""
    page = (ROOT / "docs" / "reporting.md").read_text("utf-8")
    client = "psql" if server.dialect == "postgresql" else "mariadb"
    (command,) = re.findall(rf"^\$ persistdb (db grant-reader .*) < password \| sudo .*{client}\b", page, re.MULTILINE)
    with user(server, owner) as name:
        words = command.replace("grafana", name).split()
        script = Program(owner, capsys).child(*words, input=PASSWORD.encode()).out
        # psql sends what ends outside of quotes; PostgreSQL takes all of it at once
        for statement in [script] if client == "psql" else script.removesuffix(";\n").split(";\n"):
            server.execute(statement, database=database_of(owner))
        with Database(server.url(database_of(owner), user=name, password=PASSWORD)) as database:
            assert readonly.read(database, "SELECT count(*) FROM containers").rows[0][0] > 0
            with pytest.raises(AccessDenied):
                readonly.read(database, "SELECT count(*) FROM container")


def test_grant_writer(server: Server, owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An administrator creates a writer, as printed or at once; the writer imports, and upgrades nothing."""
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    (command,) = re.findall(r"^\$ persistdb (db grant-writer .*) < ", page, re.MULTILINE)
    with user(server, owner) as printed, user(server, owner) as made:
        script = Program(owner, capsys).child(*command.replace("agent", printed).split(), input=PASSWORD.encode()).out
        assert PASSWORD not in script
        for statement in [script] if server.dialect == "postgresql" else script.removesuffix(";\n").split(";\n"):
            server.execute(statement, database=database_of(owner))
        administrates = Program(administrator(server, owner), capsys)
        done = administrates.child("db", "grant-writer", made, "--password-stdin", input=PASSWORD.encode())
        assert (done.status, done.err) == (0, "")
        assert done.out.endswith(f": {made} may read and write rows, and not change the schema\n")
        for name in (printed, made):
            writer = Program(server.url(database_of(owner), user=name, password=PASSWORD), capsys)
            assert writer("import", KATA / "run" / "vc" / "sbs").status == 0
            done = writer("db", "downgrade", "0009", "--allow-loss")
            assert (done.status, done.out) == (3, "")
            assert "migrator" in done.err
    assert Program("sqlite:///x.db", capsys)("db", "grant-writer", "x").status == 2


def test_excess_of_a_writer(server: Server, owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Rights of a writer beyond writing rows are named, and the status says so."""
    rights = {
        "postgresql": (
            "GRANT CREATE ON SCHEMA public TO {}",
            "GRANT TRUNCATE ON mount TO {}",
            "CREATE in schema public",
        ),
        "mariadb": ("GRANT CREATE ON {home}.* TO {}", "GRANT DROP ON {home}.mount TO {}", "CREATE ON"),
    }
    administrates = Program(administrator(server, owner), capsys)
    with user(server, owner) as name:
        assert administrates("db", "grant-writer", name).status == 0
        home = database_of(owner)
        *statements, named = rights[server.dialect]
        for statement in statements:
            server.execute(statement.format(name, home=home), database=home)
        done = administrates("db", "grant-writer", name)
        assert done.status == 1
        assert named in done.err
        assert "mount" in done.err


def test_not_an_administrator(owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the right to create a reader, one line says what to do."""
    done = Program(owner, capsys)("db", "grant-reader", "grafana")
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert "administrator" in done.err
    assert "--print" in done.err


def test_superuser(server: Server, owner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A superuser runs trusted queries only, and one line says what to do; reports are trusted."""
    persistdb = Program(administrator(server, owner), capsys)
    done = persistdb("sql", "SELECT 1")
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
    assert "db grant-reader NAME" in done.err
    assert "--reader-url URL" in done.err
    assert persistdb("sql", "SELECT 1", "--trusted").status == 0
    assert persistdb("report", "summary").status == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grafana"], "SQLite has no users"),
        (["grafana", "--print"], "SQLite has no users"),
        (["a'b"], "SQLite has no users"),
        ([], "Missing argument"),
    ],
)
def test_misuse(persistdb: Program, words: list[str], says: str) -> None:
    """What cannot be granted is misuse."""
    done = persistdb("db", "grant-reader", *words)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


@pytest.mark.parametrize(("words", "stdin"), [(["a'b"], b""), (["x", "--password-stdin"], b"\n")])
def test_values_that_are_refused(capsys: pytest.CaptureFixture[str], words: list[str], stdin: bytes) -> None:
    """A name or password that makes no sense is misuse, before anything is connected to."""
    persistdb = Program("postgresql://nobody@127.0.0.1:1/x", capsys)
    done = persistdb.child("db", "grant-reader", *words, input=stdin)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    done = persistdb.child("db", "grant-reader", "x", "--print", "--password-stdin", input="hüsh\n".encode())
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)


def test_no_database_in_the_url(capsys: pytest.CaptureFixture[str]) -> None:
    """On MariaDB the URL must name the database that is granted."""
    done = Program("mariadb://root@127.0.0.1:1", capsys)("db", "grant-reader", "x", "--print")
    assert (done.status, done.out) == (2, "")
    assert "names no database" in done.err


def test_reader_on_sqlite(persistdb: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader's URL may be of any engine: a copy of a SQLite file, for example."""
    with Database(persistdb.url) as database:
        fleet.build(database)
    assert main(["--reader-url", persistdb.url, "sql", "SELECT count(*) > 0 AS a FROM containers"]) == 0
    assert "1" in capsys.readouterr().out
