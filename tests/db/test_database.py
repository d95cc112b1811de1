"""The database: where it is, how it is opened, its schema, and ORM sessions."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import shlex
import stat
import sys
import weakref
from typing import TYPE_CHECKING, Literal, get_origin

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import selectinload

import persistdb
from persistdb import Database, errors
from persistdb.db.source import default_url
from persistdb.db.work import Statement, Work, value
from persistdb.engines.sqlite import library
from persistdb.errors import (
    BadURL,
    DatabaseError,
    DriverMissing,
    PersistDBError,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
)
from persistdb.records import Mount
from persistdb.schema import migrate, tables, version
from persistdb.store.repository import ContainerRepository
from tests.schema.newer import NEWER, say
from tests.store.samples import SANDBOX, STARTED, container, put, records, sandbox

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- URLs


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("sqlite:////x/y.db", "sqlite:////x/y.db"),
        ("sqlite+pysqlite:///y.db", "sqlite:///y.db"),
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql+psycopg://u@h:1/d", "postgresql://u@h:1/d"),
        ("postgres://u@h/d", "postgresql://u@h/d"),
        ("mariadb://u:p@h/d", "mariadb://u:***@h/d"),
        ("mariadb+pymysql://u@h/d", "mariadb://u@h/d"),
        ("mysql://u@h/d", "mariadb://u@h/d"),
        ("mysql+pymysql://u@h/d", "mariadb://u@h/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?password=***&user=u"),
        ("postgresql://h/d?sslpassword=p", "postgresql://h/d?sslpassword=***"),
    ],
)
def test_urls(given: str, shown: str) -> None:
    """Each way to write a URL leads to the engine, and it is shown in one way, without its password."""
    with Database(given) as database:
        left, _, right = database.url.partition("?")
        assert (left, sorted(right.split("&"))) == (shown.partition("?")[0], sorted(shown.partition("?")[2].split("&")))
        assert repr(database) == f"Database({database.url!r})"


@pytest.mark.parametrize(
    "url",
    [
        "oracle://u:secret@h/d",
        "postgresql+asyncpg://u:secret@h/d",
        "mysql+mysqldb://u:secret@h/d",
        "sqlite+aiosqlite:///x",
        "secret",
        "://u:secret@h",
        "postgresql://u:secret@h:port/d",
        "postgresql:u:secret@h/d",
        "/var/lib/secret.db",
    ],
)
def test_bad_urls(url: str) -> None:
    """What is no URL of an engine that we know is refused with what may be written, and without the password."""
    with pytest.raises(BadURL) as caught:
        Database(url)
    assert "secret" not in str(caught.value) + repr(caught.value)
    assert caught.value.reason


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://me:hush@localhost/state", "psycopg", "postgresql"),
        ("mysql://me:hush@localhost/state", "pymysql", "mariadb"),
    ],
)
def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str) -> None:
    """A driver that is not installed is an error that says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DriverMissing) as caught:
        Database(url)
    assert (caught.value.module, caught.value.extra) == (module, extra)
    assert shlex.split(str(caught.value))[-5:-1] == [sys.executable, "-m", "pip", "install"]
    assert shlex.split(str(caught.value))[-1].startswith(module)
    assert "hush" not in str(caught.value)


def test_the_default_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a URL it is that of PERSISTDB_URL, else a file: of the system for root, of the user for others."""
    monkeypatch.setenv("PERSISTDB_URL", "postgresql://h/d")
    assert default_url() == "postgresql://h/d"
    monkeypatch.setenv("PERSISTDB_URL", "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_url() == "sqlite:////var/lib/persistdb/persistdb.db"
    monkeypatch.delenv("PERSISTDB_URL")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_url() == f"sqlite:///{tmp_path}/data/persistdb/persistdb.db"
    with Database() as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    assert mode(tmp_path / "data" / "persistdb") == 0o700
    assert mode(tmp_path / "data" / "persistdb" / "persistdb.db") == 0o600


@pytest.mark.parametrize("name", ["pc%41t", "what?", "a b#c;d&e", "é"])
def test_the_default_file_is_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Whatever the data folder's name, the file is in that folder and nowhere else."""
    monkeypatch.delenv("PERSISTDB_URL", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
    with Database() as database:
        ContainerRepository(database, host="node-1")
    assert (tmp_path / name / "persistdb" / "persistdb.db").is_file()
    assert os.listdir(tmp_path) == [name]


def test_a_data_folder_that_is_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data folder whose name is not UTF-8 cannot be written as a URL, which is said; no other one takes its place."""
    monkeypatch.delenv("PERSISTDB_URL", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "\udcff"))
    with pytest.raises(BadURL, match="must be UTF-8"):
        Database()


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    """A database object alone makes no file, and needs no server."""
    Database(f"sqlite:///{tmp_path}/x.db").close()
    Database("postgresql://nobody@127.0.0.1:1/x").close()
    assert list(tmp_path.iterdir()) == []


# --- SQLite's file


@pytest.mark.usefixtures("open_umask")
def test_modes_of_files(tmp_path: Path) -> None:
    """The database, its log, its index and its queue are their owner's only, and so is the folder if it is made."""
    path = tmp_path / "new" / "x.db"
    with Database(f"sqlite:///{path}") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
        files = {file.name: mode(file) for file in path.parent.iterdir() if file.is_file()}
        assert files == dict.fromkeys(("x.db", "x.db-wal", "x.db-shm", "x.db-queue"), 384)
    assert mode(path.parent) == 0o700


@pytest.mark.usefixtures("open_umask")
def test_modes_that_are_there_stay(tmp_path: Path) -> None:
    """A file and a folder that exist keep their modes, and the log has the file's; the queue is its owner's only."""
    tmp_path.chmod(0o750)
    path = tmp_path / "x.db"
    path.touch(0o640)
    with Database(f"sqlite:///{path}") as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
        modes = {file.name: mode(file) for file in tmp_path.iterdir() if file.is_file()}
        assert modes == {"x.db": 0o640, "x.db-wal": 0o640, "x.db-shm": 0o640, "x.db-queue": 0o600}
    assert mode(tmp_path) == 0o750


def test_pragmas(sqlite_store: tuple[str, Database]) -> None:
    """Each connection has the settings that keep what was committed, and they are read back."""
    database = sqlite_store[1]
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "temp_store": 2, "busy_timeout": 5000}
    expected["journal_size_limit"] = 4 << 20
    with database.engine.connect() as one, database.engine.connect() as other:
        for connection in (one, other):
            for name, value in expected.items():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value
        version = tuple(map(int, one.exec_driver_sql("SELECT sqlite_version()").scalar_one().split(".")))
    assert library.is_safe(version)  # type: ignore[arg-type]  # three numbers


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 7, 0), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 9), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_safe_versions(version: tuple[int, int, int], safe: bool) -> None:
    """The versions that may lose commits in WAL mode are known, and those where it was mended."""
    assert library.is_safe(version) is safe


def test_an_unsafe_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With a library that may lose commits in WAL mode a rollback journal is used, and that is said once."""
    monkeypatch.setattr(library, "is_safe", lambda _: False)
    library.warn.cache_clear()
    for name in ("x.db", "y.db"):
        with Database(f"sqlite:///{tmp_path}/{name}") as database:
            repository = ContainerRepository(database, host="node-1")
            repository.save_sandbox(SANDBOX, {"a": container("a")})
            assert records(repository, "pod-1") == {"a": container("a")}
            with database.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "delete"
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    said = [record for record in caplog.records if record.name == "persistdb" and record.levelno == logging.WARNING]
    assert len(said) == 1
    assert "using a rollback journal" in said[0].getMessage()


def test_from_wal_to_a_journal_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a safe library is used by an unsafe one and the other way round, and keeps what it has."""
    url = f"sqlite:///{tmp_path}/x.db"
    with Database(url) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    with monkeypatch.context() as patch, Database(url) as database:
        patch.setattr(library, "is_safe", lambda _: False)
        put(ContainerRepository(database, host="node-1"), "pod-2", "a")
    with Database(url) as database:
        assert ContainerRepository(database, host="node-1").sandbox_ids() == ["pod-1", "pod-2"]


# --- sessions of the servers


def test_settings_of_postgresql(postgresql_store: tuple[str, Database]) -> None:
    """A session on PostgreSQL is READ COMMITTED, in UTC, with its timeouts, and tells whose it is."""
    names = ("transaction_isolation", "TimeZone", "statement_timeout", "lock_timeout", "application_name")
    with postgresql_store[1].engine.connect() as connection:
        *settings, name = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
    assert settings == ["read committed", "UTC", "30s", "5s"]
    assert str(os.getpid()) in name


def test_settings_of_mariadb(mariadb_store: tuple[str, Database]) -> None:
    """A session on MariaDB is READ COMMITTED, in UTC, with its timeouts, and strict."""
    ask = "SELECT @@tx_isolation, @@time_zone, @@max_statement_time, @@innodb_lock_wait_timeout, @@sql_mode"
    with mariadb_store[1].engine.connect() as connection:
        *settings, mode = connection.exec_driver_sql(ask).one()
    assert settings == ["READ-COMMITTED", "+00:00", 30, 5]
    assert "STRICT_TRANS_TABLES" in mode


# --- the schema


def test_an_empty_database_gets_the_schema(database_url: str) -> None:
    """The first repository on an empty database makes the schema, the second finds it."""
    for _ in range(2):
        with Database(database_url) as database:
            ContainerRepository(database, host="node-1")
            assert version.current(database) == version.HEAD


@pytest.mark.parametrize(
    ("revision", "error", "says"),
    [(version.REVISIONS[-2], SchemaOutdated, "db upgrade"), (NEWER, SchemaTooNew, "newer")],
)
def test_another_schema_is_refused(
    database_url: str, revision: str, error: type[errors.SchemaError], says: str
) -> None:
    """An older schema is refused with the command that upgrades it, a newer one with what to do, and both stay."""
    with Database(database_url) as database:
        ContainerRepository(database, host="node-1")
        say(database, revision, revision, revision)
    with Database(database_url) as database:
        with pytest.raises(error, match=says) as caught:
            ContainerRepository(database, host="node-1")
        assert (caught.value.found, caught.value.expected) == (revision, version.HEAD)
        assert "hush" not in str(caught.value)
        assert version.current(database) == revision


@pytest.mark.parametrize(
    ("name", "quoted"), [("v w.db", True), ("v.db?timeout=9&uri=true", True), ("a;b'$c.db", False), ("v.db", False)]
)
def test_the_command_that_upgrades_is_one_of_the_shell(name: str, quoted: bool) -> None:
    """The command in the error is read by a shell as it is meant, whatever the URL."""
    with Database(f"sqlite:////var/lib/{name}") as database:
        said = SchemaOutdated(database.url, "0001", version.HEAD).on_command_line()
        assert shlex.split(said.partition("upgrade it: ")[2]) == ["persistdb", "--db", database.url, "db", "upgrade"]
        assert (f"--db {database.url} db" in said) is not quoted


def test_a_foreign_database_is_refused(database_url: str) -> None:
    """A database with others' tables is refused, and nothing is added to it."""
    with Database(database_url) as database:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE invoices (id INTEGER)"))
        with pytest.raises(SchemaMissing):
            ContainerRepository(database, host="node-1")
        with database.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM invoices")).scalar_one() == 0
        assert version.current(database) is None


def test_somebody_elses_alembic_is_refused(database_url: str) -> None:
    """A database whose alembic_version is another program's is refused, and stays as it is."""
    with Database(database_url) as database:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text("CREATE TABLE invoices (id INTEGER)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('1975ea83b712')"))
        with pytest.raises(SchemaMissing):
            ContainerRepository(database, host="node-1")


# --- sessions


@pytest.fixture
def filled(repository: ContainerRepository) -> ContainerRepository:
    """Fill a repository."""
    repository.save_sandbox(SANDBOX, {"a": container("a"), "b": container("b", state="stopped", mounts=[])})
    return repository


def test_orm_queries(filled: ContainerRepository) -> None:
    """Mapped classes serve other queries, and load what the query asks for."""
    query = (
        select(tables.Container)
        .options(
            selectinload(tables.Container.mounts),
            selectinload(tables.Container.device_maps),
            selectinload(tables.Container.processes),
            selectinload(tables.Container.sandbox),
        )
        .order_by(tables.Container.cid)
    )
    with filled.database.session() as session:
        first, second = session.scalars(query)
    assert [mount.destination for mount in first.mounts] == ["", "/proc", "/data", "/tmp"]
    assert [mount.is_rootfs for mount in first.mounts] == [True, False, False, False]
    assert [mount.options for mount in first.mounts] == [None, ["nosuid", "noexec"], [], None]
    assert [device.file_mode for device in first.device_maps] == [0o60660, 4294967295]
    (process,) = first.processes
    assert (process.token, process.pid) == ("a", 4242)
    assert process.start_time is not None
    assert process.start_time.timestamp() * 10**6 == STARTED.timestamp(unit="nanosecond") // 1000
    assert (process.start_time_ns, process.start_time_offset) == (932, 345)
    assert first.sandbox.sid == second.sandbox.sid == "pod-1"
    assert len(second.mounts) == 1


def test_a_session_on_an_empty_database(tmp_path: Path) -> None:
    """The first use of a new database may be a session: it gets its schema by itself."""
    with Database(f"sqlite:///{tmp_path}/x/persistdb.db") as database, database.session() as session:
        assert session.scalars(select(tables.Sandbox)).all() == []


@pytest.mark.parametrize(("revision", "error"), [("0007", SchemaOutdated), (NEWER, SchemaTooNew)])
def test_a_session_on_another_schema(tmp_path: Path, revision: str, error: type[PersistDBError]) -> None:
    """A database whose schema the mapped classes don't fit is refused, and nothing in it is touched."""
    url = f"sqlite:///{tmp_path}/x/persistdb.db"
    with Database(url) as database:
        migrate.upgrade(database)
        say(database, revision, revision, revision)
        with pytest.raises(error), database.session(write=True):
            pass


def test_sandboxes_through_the_orm(filled: ContainerRepository) -> None:
    """From a sandbox one comes to its containers, and counts in SQL."""
    with filled.database.session() as session:
        (found,) = session.scalars(select(tables.Sandbox).options(selectinload(tables.Sandbox.containers)))
        states = select(tables.Container.state, func.count()).group_by(tables.Container.state)
        assert dict(map(tuple, session.execute(states))) == {"running": 1, "stopped": 1}
    assert sorted(one.cid for one in found.containers) == ["a", "b"]
    assert found.document == SANDBOX.document


def test_nothing_is_loaded_behind_ones_back(filled: ContainerRepository) -> None:
    """What a query did not say is not loaded later, statement by statement: it is an error."""
    with filled.database.session() as session:
        one = session.scalars(select(tables.Container)).first()
        assert one is not None
        for name in ("mounts", "device_maps", "processes", "sandbox"):
            with pytest.raises(InvalidRequestError, match="lazy='raise'"):
                getattr(one, name)


def test_writing_through_the_orm(filled: ContainerRepository) -> None:
    """What a writing session stores is committed at its end, and read by the repository."""
    with filled.database.session(write=True) as session:
        one = session.scalars(select(tables.Container).where(tables.Container.cid == "a")).one()
        one.state = "paused"
        paths = {"source": "s", "destination": "/new", "type": "", "host_path": "", "block_device_id": ""}
        flags = {"is_rootfs": False, "read_only": True, "mounted": False}
        session.add(tables.Mount(container_id=one.id, position=4, options=["x"], **paths, **flags))
    record = filled.get("pod-1", "a").record
    assert record.state == "paused"
    assert record.mounts[-1] == Mount(source="s", destination="/new", options=["x"], read_only=True)


def test_a_writing_session_that_fails(filled: ContainerRepository) -> None:
    """A writing session that ends with an error writes nothing, and the error is the caller's own."""
    with pytest.raises(ZeroDivisionError), filled.database.session(write=True) as session:  # noqa: PT012
        session.execute(text("DELETE FROM container"))
        _ = 1 / 0
    assert filled.count() == 2


WRONG_ROWS = {
    "a second rootfs": "UPDATE mount SET is_rootfs = true WHERE position = 1",
    "no rootfs": "UPDATE mount SET is_rootfs = false WHERE position = 0",
    "a negative place": "UPDATE device_map SET position = -1 WHERE position = 0",
    "a mode beyond uint32": "UPDATE device_map SET file_mode = 4294967296 WHERE position = 0",
    "a negative uid": "UPDATE device_map SET uid = -1 WHERE position = 0",
    "a gid beyond uint32": "UPDATE device_map SET gid = 4294967296 WHERE position = 0",
    "an empty token": "UPDATE process SET token = ''",
    "the same token": "UPDATE process SET token = 'same'",
    "half a start time": "UPDATE process SET start_time_ns = NULL",
    "a nanosecond too many": "UPDATE process SET start_time_ns = 1000",
    "a day's offset": "UPDATE process SET start_time_offset = 1440",
    "the same cid": "UPDATE container SET cid = 'same'",
    "a process of another sandbox": "UPDATE process SET sandbox_id = sandbox_id + 1000",
    "a container of no sandbox": "UPDATE container SET sandbox_id = sandbox_id + 1000",
    "a mount of no container": "UPDATE mount SET container_id = container_id + 1000",
    "no state": "UPDATE container SET state = NULL",
}


@pytest.mark.parametrize("statement", WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_the_database_refuses_wrong_rows(filled: ContainerRepository, statement: str) -> None:
    """What must always hold is held by the engine itself, whoever writes, and the error is ours."""
    with pytest.raises(DatabaseError), filled.database.session(write=True) as session:
        session.execute(text(statement))
    assert filled.load_sandbox("pod-1").containers["a"].record == container("a")


def test_a_sandbox_takes_all_with_it(filled: ContainerRepository) -> None:
    """A sandbox that is deleted by SQL takes its containers and their children with it."""
    with filled.database.session(write=True) as session:
        session.execute(text("DELETE FROM sandbox"))
    with filled.database.session() as session:
        for table in (tables.Container, tables.Mount, tables.DeviceMap, tables.Process):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_errors_of_sessions_are_ours(database: Database) -> None:
    """A wrong statement in a session is an error of ours that tells what the engine said."""
    with pytest.raises(DatabaseError, match="nowhere") as caught, database.session() as session:
        session.execute(text("SELECT * FROM nowhere"))
    assert caught.value.url == database.url


# --- the package


def test_public_names() -> None:
    """Every public name is there, and no other can be asked for."""
    assert set(persistdb.__all__) <= set(dir(persistdb))
    for name in persistdb.__all__:
        value = getattr(persistdb, name)
        assert value.__doc__ or get_origin(value) is Literal, name
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = persistdb.nothing_of_ours


def test_errors_keep_their_data_in_a_pickle() -> None:
    """An error that goes to another process keeps its fields and its text."""
    for error in (
        errors.Conflict("a/b", 1, 2),
        errors.NotFound(kind="container", ref="x", host="n"),
        errors.CommitUnknown("sqlite:///x", detail="lost", refs=["a"]),
        errors.LockTimeout("pod", 1.5, ["process 7"]),
        errors.InvalidValue("sid", "x" * 300, "too long"),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert vars(copy) == vars(error)
        assert str(copy) == str(error)
        assert len(str(error)) < 200


def test_errors_hold_nothing(sqlite_store: tuple[str, Database]) -> None:
    """What a unit of work held is released together with its error: the collector of cycles has nothing to find."""

    class Held:
        """Something that the work needs."""

    def fail(held: Held, database: Database) -> None:
        def work() -> Work[object]:
            assert held
            return (yield from value(Statement("UPDATE nothing SET a = 1", "qmark"), {}))

        with pytest.raises(DatabaseError):
            database.write(work)

    with Database(sqlite_store[0]) as database:
        held = Held()
        known = weakref.ref(held)
        gc.disable()
        try:
            fail(held, database)
            del held
            assert known() is None
        finally:
            gc.enable()


def test_nobody_else_needs_our_driver(sqlite_store: tuple[str, Database]) -> None:
    """The file is a plain SQLite database, which any program reads."""
    url, database = sqlite_store
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    database.close()
    engine = create_engine(make_url(url))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT cid FROM container")).scalar_one() == "a"
    engine.dispose()
    assert sandbox("pod-1").sid == "pod-1"
