"""Real faults of PostgreSQL and MariaDB: a typed error, nothing half-written, and the next call works."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.engines import Timeouts
from persistdb.errors import (
    AccessDenied,
    Busy,
    DatabaseError,
    LockTimeout,
    QueryTimeout,
    ReadOnly,
    StorageFull,
    Unavailable,
)
from persistdb.records import Mount
from persistdb.store.repository import ContainerRepository
from tests.servers import HUSH, Proxy, Server, on_small_disk
from tests.servers.daemon import free_port

from .faults import just_before
from .in_step import used
from .samples import SANDBOX, container, dump, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COLORS = ("threads", "tasks")

# no constant, because a traceback shows the source
WRONG = secrets.token_hex(8)


@pytest.fixture
def repository(on_server: ContainerRepository) -> ContainerRepository:
    """Give a repository on a server that gives up after few attempts."""
    return on_server


@pytest.fixture
def on_own(own_server: Server) -> Iterator[ContainerRepository]:
    """Give a repository on it."""
    with Database(own_server.url(own_server.create_database()), retries=2, timeouts=Timeouts(connect=5)) as database:
        yield ContainerRepository(database, host="node-1")


CHANGED = {"a": container("new", state="stopped", mounts=[Mount()]), "b": container("b")}


# --- the server goes away


@pytest.mark.parametrize("fault", ["stop", "kill"])
def test_a_server_that_goes_in_the_middle_of_a_save(
    own_server: Server, on_own: ContainerRepository, fault: str
) -> None:
    """A server that is stopped or crashes in the middle of a save leaves nothing of it, and works when it is back."""
    put(on_own, "pod-1", "a")
    before = dump(on_own)
    url = own_server.url(str(on_own.database.engine.url.database))
    with Database(url, retries=2, timeouts=Timeouts(call=2)) as database:
        impatient = ContainerRepository(database, host="node-1")
        with just_before(database, "INSERT INTO mount", getattr(own_server, fault)), pytest.raises(Unavailable):
            impatient.save_sandbox(SANDBOX, CHANGED)
        with pytest.raises(Unavailable):
            impatient.load_sandbox("pod-1")
    own_server.start()
    assert dump(on_own) == before
    on_own.save_sandbox(SANDBOX, CHANGED)
    assert on_own.get("pod-1", "a").record == CHANGED["a"]


def test_a_server_that_is_restarted_in_the_middle_of_a_save(own_server: Server, on_own: ContainerRepository) -> None:
    """A save that a restart interrupts is made again from its start, and once."""
    put(on_own, "pod-1", "a")
    with just_before(used(on_own), r"INSERT INTO mount\b", own_server.restart) as sent:
        on_own.save("pod-1", "a", CHANGED["a"])
    assert sum("INSERT INTO mount " in sql for sql in sent) == 2
    assert on_own.get("pod-1", "a").record == CHANGED["a"]
    assert on_own.get("pod-1", "a").revision == 2


def test_a_server_that_was_restarted_between_calls(own_server: Server, on_own: ContainerRepository) -> None:
    """Connections that a restart ended are replaced without the caller's notice."""
    put(on_own, "pod-1", "a")
    own_server.restart()
    assert on_own.get("pod-1", "a").record.state == "running"
    own_server.restart()
    on_own.transition("pod-1", "a", "paused", expected="running")
    with on_own.database.session() as session:
        assert session.execute(text("SELECT count(*) FROM container")).scalar_one() == 1


@pytest.mark.parametrize("statement", ["SELECT", "UPDATE", "INSERT INTO container", "INSERT INTO process"])
def test_a_connection_that_is_ended(server: Server, name: str, repository: ContainerRepository, statement: str) -> None:
    """A save whose connection an administrator ends before the commit is made again, and once."""
    put(repository, "pod-1", "a")
    with just_before(used(repository), statement, lambda: server.disconnect(name)):
        repository.save_sandbox(sandbox("pod-1", state="stopped"), CHANGED)
    found = repository.load_sandbox("pod-1")
    assert {cid: one.record for cid, one in found.containers.items()} == CHANGED
    assert found.containers["a"].revision == 2


def test_a_read_whose_connection_is_ended(server: Server, name: str, repository: ContainerRepository) -> None:
    """A read whose connection an administrator ends is made again."""
    put(repository, "pod-1", "a")
    for read in (lambda: repository.get("pod-1", "a"), lambda: repository.find()[0]):
        with just_before(used(repository), "SELECT", lambda: server.disconnect(name)):
            assert read().cid == "a"  # type: ignore[no-untyped-call]  # a lambda


def test_a_connection_that_is_ended_each_time(server: Server, name: str, repository: ContainerRepository) -> None:
    """A save whose connection is ended at each attempt is given up, and nothing of it is left."""
    put(repository, "pod-1", "a")
    before = dump(repository)
    with (
        just_before(used(repository), "INSERT INTO mount", lambda: server.disconnect(name), times=3),
        pytest.raises(Unavailable),
    ):
        repository.save_sandbox(SANDBOX, CHANGED)
    assert dump(repository) == before


def test_a_pipeline_that_could_not_be_ended(postgresql_store: tuple[str, Database]) -> None:
    """A connection that is left in pipeline mode, as one may be whose server goes away, counts as lost."""
    url, _ = postgresql_store
    with Database(url) as database, contextlib.closing(database.engine.raw_connection()) as pooled:
        driver: Any = pooled.dbapi_connection
        error = database.driver_error("cannot exit pipeline mode while busy")
        assert not database.engine.dialect.is_disconnect(error, driver, None)
        driver.pgconn.enter_pipeline_mode()
        assert database.engine.dialect.is_disconnect(error, driver, None)
        driver.pgconn.exit_pipeline_mode()


def test_a_lock_whose_connections_are_ended(server: Server, name: str, repository: ContainerRepository) -> None:
    """A lock is no connection's: it is held, and released, after all of them are lost."""
    lock = repository.lock("pod-1")
    server.disconnect(name)
    with pytest.raises(LockTimeout):
        repository.lock("pod-1", timeout=0)
    assert not lock.lost
    lock.release()
    repository.lock("pod-1", timeout=0).release()


# --- the server cannot be reached, or does not let us in


@pytest.fixture
def secret(caplog: pytest.LogCaptureFixture) -> Callable[[BaseException], None]:
    """See to it that a password is neither in an error nor in the log, whatever one prints of them."""
    caplog.set_level(logging.DEBUG)

    def check(error: BaseException) -> None:
        shown = "".join(traceback.format_exception(error)) + str(error) + repr(error) + repr(vars(error)) + caplog.text
        assert HUSH not in shown
        assert WRONG not in shown

    return check


def use(url: str) -> None:
    with Database(url, timeouts=Timeouts(connect=5, call=2), retries=1) as database:
        assert HUSH not in repr(database) + str(database) + database.url + repr(database.engine)
        ContainerRepository(database, host="node-1")


def test_a_wrong_password(server: Server, name: str, secret: Callable[[BaseException], None]) -> None:
    """A wrong password is refused by a type of its own, and neither it nor the right one is shown anywhere."""
    with pytest.raises(AccessDenied) as caught:
        use(server.url(name).replace(HUSH, WRONG))
    secret(caught.value)
    assert "***" in str(caught.value)


def test_an_unknown_user(server: Server, name: str, secret: Callable[[BaseException], None]) -> None:
    """An unknown user is refused, and the password is not shown."""
    with pytest.raises(AccessDenied) as caught:
        use(server.url(name).replace("persistdb:", "nobody_knows:"))
    secret(caught.value)


def test_a_password_among_the_options(server: Server, name: str, secret: Callable[[BaseException], None]) -> None:
    """A password that is written as an option of the URL is not shown either."""
    address = server.url(name).partition("@")[2]
    with pytest.raises(AccessDenied, match=r"password=\*\*\*") as caught:
        use(f"{server.dialect}://persistdb@{address}?password={WRONG}")
    secret(caught.value)


def test_a_missing_database(server: Server, secret: Callable[[BaseException], None]) -> None:
    """A database that does not exist is named, and the password is not."""
    with pytest.raises((Unavailable, AccessDenied), match="persistdb_test_nowhere") as caught:
        use(server.url("persistdb_test_nowhere"))
    secret(caught.value)


def test_a_refused_connection(server: Server, name: str, secret: Callable[[BaseException], None]) -> None:
    """A port that nobody listens on is an error that tells the address, and not the password."""
    port = free_port()
    with pytest.raises(Unavailable, match=str(port)) as caught:
        use(server.url(name, port=port))
    secret(caught.value)


def test_a_port_that_hangs_up(
    server: Server, name: str, proxy_to: Callable[[Server], Proxy], secret: Callable[[BaseException], None]
) -> None:
    """A port that closes each connection at once is an error, and works when it doesn't any more."""
    proxy = proxy_to(server)
    proxy.refuse()
    with pytest.raises(Unavailable) as caught:
        use(server.url(name, port=proxy.port))
    secret(caught.value)
    proxy.refuse(False)
    use(server.url(name, port=proxy.port))


def test_an_unknown_host(server: Server, name: str, secret: Callable[[BaseException], None]) -> None:
    """A host that has no address is an error, and the password is not shown."""
    with pytest.raises(Unavailable) as caught:
        use(server.url(name).replace("127.0.0.1", "nowhere.invalid"))
    secret(caught.value)


# --- no writing


def test_a_read_only_database(own_server: Server, on_own: ContainerRepository) -> None:
    """A read-only database refuses each write by type, and is read all the same."""
    put(on_own, "pod-1", "a")
    before = dump(on_own)
    name = on_own.database.engine.url.database
    assert name is not None
    if own_server.dialect == "postgresql":
        own_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    else:
        own_server.execute("SET GLOBAL read_only = ON")
    own_server.disconnect(name)
    for write in (
        lambda: on_own.save_sandbox(SANDBOX, CHANGED),
        lambda: on_own.save("pod-1", "a", CHANGED["a"]),
        lambda: on_own.transition("pod-1", "a", "stopped", expected="running"),
        lambda: on_own.destroy_sandbox("pod-1"),
        lambda: on_own.delete("pod-1", "a"),
    ):
        with pytest.raises(ReadOnly):
            write()  # type: ignore[no-untyped-call]  # a lambda
    assert dump(on_own) == before
    on_own.save("pod-1", "a", before[0].containers["a"].record)  # nothing to write
    if own_server.dialect == "postgresql":
        own_server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    else:
        own_server.execute("SET GLOBAL read_only = OFF")
    own_server.disconnect(name)
    on_own.save_sandbox(SANDBOX, CHANGED)


def test_a_user_who_may_only_read(server: Server, name: str, repository: ContainerRepository) -> None:
    """A user without the right to write may read, and is told when it writes."""
    if not server.ours:
        pytest.skip("a server that was given by URL: its users are not the tests' to make")
    put(repository, "pod-1", "a")
    reader = f"reader_{name[-8:]}"
    if server.dialect == "postgresql":
        server.execute(f"CREATE ROLE {reader} LOGIN PASSWORD 'x'")
        server.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}", database=name)
    else:
        server.execute(f"CREATE USER {reader}@'%' IDENTIFIED BY 'x'")
        server.execute(f"GRANT SELECT ON {name}.* TO {reader}@'%'")
    address = server.url(name).partition("@")[2]
    with Database(f"{server.dialect}://{reader}:x@{address}") as database:
        reading = ContainerRepository(database, host="node-1")
        assert reading.get("pod-1", "a") == repository.get("pod-1", "a")
        with pytest.raises(AccessDenied):
            reading.save("pod-1", "a", CHANGED["a"])
    assert repository.get("pod-1", "a").revision == 1
    if server.dialect == "postgresql":
        server.execute(f"DROP OWNED BY {reader}", database=name)
    server.execute(f"DROP {'ROLE' if server.dialect == 'postgresql' else 'USER'} {reader}")


def test_a_full_disk(own_server: Server, small_disk: Callable[..., Path]) -> None:
    """On a full disk a save fails by type and leaves nothing, reads go on, and saves too when there is space again."""
    name, disk = on_small_disk(own_server, small_disk)
    reserve = disk / "reserve"
    reserve.write_bytes(bytes(4 << 20))
    with Database(own_server.url(name), retries=2) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        # what cannot be compressed
        big = [secrets.token_urlsafe(3000) for _ in range(100)]
        full = {f"c{i}": container(f"c{i}", mounts=[Mount(source=text) for text in big]) for i in range(5)}
        sids: list[str] = []

        def fill() -> None:
            while len(sids) < 200:
                repository.save_sandbox(sandbox(f"full-{len(sids)}"), full)
                sids.append(f"full-{len(sids)}")

        with pytest.raises(StorageFull):
            fill()
        assert repository.sandbox_ids() == sorted([*sids, "pod-1"])
        for sid in sids:
            assert len(repository.load_sandbox(sid).containers) == 5
        reserve.unlink()
        repository.save_sandbox(sandbox("pod-1", state="stopped"), CHANGED)
        assert repository.load_sandbox("pod-1").record.state == "stopped"


# --- waiting


@pytest.fixture
def held(server: Server, name: str, repository: ContainerRepository) -> Iterator[None]:
    """Hold the row of a container, as a transaction does that somebody forgot."""
    put(repository, "pod-1", "a")
    with Database(server.url(name)) as other, other.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'held'"))
        yield
        session.rollback()


@pytest.mark.usefixtures("held")
def test_a_row_that_another_holds(server: Server, name: str) -> None:
    """Who waits too long for a row that another holds is told so, and nothing is written."""
    with Database(server.url(name), timeouts=Timeouts(busy=1), retries=1) as database:
        repository = ContainerRepository(database, host="node-1")
        for write in (
            lambda: repository.transition("pod-1", "a", "stopped", expected="running"),
            lambda: repository.save_sandbox(SANDBOX, CHANGED),
        ):
            with pytest.raises(Busy):
                write()  # type: ignore[no-untyped-call]  # a lambda
        assert repository.get("pod-1", "a").record.state == "running"
        assert list(repository.load_sandbox("pod-1").containers) == ["a"]


@pytest.mark.usefixtures("held")
def test_a_statement_that_takes_too_long(server: Server, name: str) -> None:
    """A statement that takes longer than allowed is stopped, by type, and nothing is written."""
    with Database(server.url(name), timeouts=Timeouts(busy=60, statement=0.3), retries=1) as database:
        repository = ContainerRepository(database, host="node-1")
        with pytest.raises(QueryTimeout):
            repository.transition("pod-1", "a", "stopped", expected="running")
        assert repository.get("pod-1", "a").record.state == "running"
        slow = (
            "SELECT pg_sleep(60)"
            if server.dialect == "postgresql"
            else "SELECT sum(seq % 7) FROM seq_1_to_900000000000"
        )
        with pytest.raises(QueryTimeout), database.session() as session:
            session.execute(text(slow))


def test_a_deadlock(server: Server, name: str, repository: ContainerRepository) -> None:
    """A save that a real deadlock ends is made again from its start, and once."""
    put(repository, "pod-1", "a")
    put(repository, "pod-2", *(f"c{i}" for i in range(200)))
    locked, meets = threading.Event(), threading.Event()
    engine = server._engine(name).execution_options(isolation_level="READ COMMITTED")

    def other() -> None:
        with engine.connect() as connection:
            if server.dialect == "postgresql":
                # who looks for deadlocks first is the one to be ended
                connection.execute(text("SET deadlock_timeout = '600s'"))
            # MariaDB ends the one that has written less
            connection.execute(text("UPDATE container SET state = 'other' WHERE cid LIKE 'c%'"))
            connection.execute(text("UPDATE container SET bundle_path = 'other' WHERE cid = 'a'"))
            locked.set()
            meets.wait(60)
            connection.execute(text("UPDATE sandbox SET cgroup_path = 'other' WHERE sid = 'pod-1'"))
            connection.commit()

    def meet() -> None:
        thread.start()
        locked.wait(60)
        meets.set()

    with Database(server.url(name), timeouts=Timeouts(busy=60)) as database:
        patient = ContainerRepository(database, host="node-1")
        thread = threading.Thread(target=other)
        with just_before(database, "UPDATE container", meet) as sent:
            patient.save_sandbox(sandbox("pod-1", state="stopped"), {"a": container("pod-1-a", state="stopped")})
        thread.join()
        assert sum(sql.startswith("UPDATE container") for sql in sent) == 2
        found = patient.load_sandbox("pod-1")
        assert found.record.state == found.containers["a"].record.state == "stopped"
        assert patient.count() == 201


def test_all_connections_in_use(server: Server, name: str, repository: ContainerRepository) -> None:
    """When a process's own connections are all in use for too long, it is told so, and goes on when one is free."""
    put(repository, "pod-1", "a")
    with Database(server.url(name), pool_size=1, timeouts=Timeouts(pool=0.05), retries=1) as database:
        full = ContainerRepository(database, host="node-1")
        with database.session() as session:
            session.execute(text("SELECT 1"))
            for call in (lambda: full.get("pod-1", "a"), lambda: full.find(), lambda: full.destroy_sandbox("pod-1")):
                with pytest.raises(Busy, match="all connections of this process"):
                    call()  # type: ignore[no-untyped-call]  # a lambda
        assert full.get("pod-1", "a").cid == "a"


def test_too_many_connections(own_server: Server, on_own: ContainerRepository) -> None:
    """When the server takes no more connections, that is told by type."""
    put(on_own, "pod-1", "a")
    name = str(on_own.database.engine.url.database)
    if own_server.dialect == "postgresql":
        own_server.execute("ALTER ROLE persistdb CONNECTION LIMIT 1")
    else:
        own_server.execute("ALTER USER persistdb WITH MAX_USER_CONNECTIONS 1")
    on_own.database.close()  # MariaDB counts connections from now on
    with on_own.database.session() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(Busy):
            use(own_server.url(name))
    on_own.database.close()
    use(own_server.url(name))


# --- what is too big


def test_a_document_that_is_too_big(mariadb_url: str) -> None:
    """A document that MariaDB does not take in one piece is an error of ours, and nothing is written."""
    with Database(mariadb_url, retries=1) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        before = dump(repository)
        with pytest.raises(DatabaseError):
            repository.save_sandbox(sandbox("pod-1", document="x" * (17 << 20)), {})
        assert dump(repository) == before
        repository.save_sandbox(sandbox("pod-1", document="x" * (8 << 20)), {})
