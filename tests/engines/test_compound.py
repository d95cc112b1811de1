"""Statements of MariaDB that need no answer between them are one round trip, and nothing else changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.engines.mariadb import compound
from persistdb.engines.mariadb.prepared import OFTEN
from persistdb.errors import DatabaseError, QueryTimeout, SchemaTooNew, StateMismatch
from persistdb.records import Mount
from persistdb.store.repository import ContainerRepository
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import container, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from tests.servers import Server

STATES = ("running", "stopped")


@pytest.fixture(params=["threads", "tasks"])
def one(mariadb_store: tuple[str, Database], request: pytest.FixtureRequest) -> Iterator[ContainerRepository]:
    """Return a repository with a sandbox, on a database of one connection."""
    url, database = mariadb_store
    ContainerRepository(database, host="node-1").save_sandbox(sandbox("pod"), {"c": container("t")})
    if request.param == "threads":
        with Database(url, pool_size=1, retries=2) as own:
            yield ContainerRepository(own, host="node-1")
    else:
        with database_for_tasks(url, pool_size=1, retries=2) as opened:
            yield repository_for_tasks(opened, "node-1", database)


def kinds(database: Database) -> list[str]:
    """Return the kinds of the container's events, as another connection sees them."""
    with database.engine.connect() as connection:
        return list(connection.execute(text("SELECT kind FROM events WHERE cid = 'c' ORDER BY id")).scalars())


def questions(repository: ContainerRepository) -> int:
    """Return how often the database's one connection has asked the server something, this included."""
    with repository.database.engine.connect() as connection:
        return questions_of(connection)


def questions_of(connection: Connection) -> int:
    """Return how often a connection has asked the server something, this included."""
    return int(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()[1])


def asked(repository: ContainerRepository, call: Callable[[], object]) -> int:
    """Return how often the connection asks the server something in a call."""
    before = questions(repository)
    own = questions(repository) - before
    call()
    return questions(repository) - before - 2 * own


@pytest.mark.parametrize("one", ["threads"], indirect=True)
@pytest.mark.parametrize(
    ("most", "call"),
    [
        (1, lambda r, i: r.transition("pod", "c", STATES[1 - i % 2], expected=STATES[i % 2])),
        # the transaction's begin, the read, all that is written, the commit
        (4, lambda r, i: r.save("pod", "c", container("t", mounts=[Mount(source=str(i))]))),
        # the ID of the new row is an answer
        (6, lambda r, i: r.acting().save("pod", f"new-{i}", container(f"new-{i}"))),
        (1, lambda r, i: r.save("pod", f"new-{i}", container(f"new-{i}"))),
    ],
    ids=["transition", "save", "save of a new one", "save of a new one after a new one"],
)
def test_the_round_trips(
    one: ContainerRepository, most: int, call: Callable[[ContainerRepository, int], object]
) -> None:
    """A change of state is one round trip, whether its statements are prepared by then or not; saves are a few.

    So is a new container after a new one; a repository that has saved none yet looks first.
    """
    for i in range(2 * OFTEN + 1):
        call(one, i)
        if i in {0, 2 * OFTEN}:
            assert asked(one, partial(call, one, i + 1)) <= most
            call(one, i + 2)


def test_every_change_is_made_and_told_once(one: ContainerRepository, mariadb_store: tuple[str, Database]) -> None:
    """Changes of state are kept with events and versions, prepared or not; one that is refused changes nothing."""
    for i in range(2 * OFTEN):
        one.transition("pod", "c", STATES[1 - i % 2], expected=STATES[i % 2])
        with pytest.raises(StateMismatch):
            one.transition("pod", "c", "paused", expected=STATES[i % 2], force=True)
    assert kinds(mariadb_store[1]) == ["created", *["state"] * (2 * OFTEN)]
    assert [version.container.revision for version in one.history("pod", "c")] == list(range(1, 2 * OFTEN + 2))


def test_nothing_is_left_of_a_refusal(one: ContainerRepository, mariadb_store: tuple[str, Database]) -> None:
    """An error in the middle leaves no transaction open: what the connection does next is committed."""
    with mariadb_store[1].engine.begin() as connection:
        (before,) = connection.execute(text("SELECT min_writer FROM schema_support")).one()
        connection.execute(text("UPDATE schema_support SET min_writer = '9999'"))
    try:
        with pytest.raises(SchemaTooNew):
            one.transition("pod", "c", "stopped", expected="running")
    finally:
        with mariadb_store[1].engine.begin() as connection:
            connection.execute(text("UPDATE schema_support SET min_writer = :before"), {"before": before})
    assert kinds(mariadb_store[1]) == ["created"]
    one.transition("pod", "c", "stopped", expected="running")
    assert kinds(mariadb_store[1]) == ["created", "state"]


def test_nothing_is_left_of_a_constraint(one: ContainerRepository, mariadb_store: tuple[str, Database]) -> None:
    """An error of the server whose number is above those of clients leaves no transaction open, either."""
    engine = mariadb_store[1].engine
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE event ADD CONSTRAINT none_stops CHECK (new_state <> 'stopped')")
    try:
        with pytest.raises(DatabaseError, match="CONSTRAINT `none_stops` failed"):
            one.transition("pod", "c", "stopped", expected="running")
        with engine.connect() as connection:  # waits for transactions with the table
            connection.exec_driver_sql("SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE event FORCE")
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER TABLE event DROP CONSTRAINT none_stops")
    one.transition("pod", "c", "stopped", expected="running")
    assert kinds(mariadb_store[1]) == ["created", "state"]


def kill(server: Server, url: str, *, waits_at: str, unless: Callable[[], bool]) -> None:
    """Kill a statement that waits for a table that somebody has locked, once it does."""
    waiting = (
        f"SELECT id FROM information_schema.processlist WHERE db = '{url.rpartition('/')[2]}'"
        f" AND info LIKE '%{waits_at}%' AND state = 'Waiting for table metadata lock'"
    )
    while not (found := server.execute(waiting)):
        assert not unless()
    server.execute(f"KILL QUERY {found[0][0]}")


def interrupted(
    one: ContainerRepository, store: tuple[str, Database], server: Server, *, reason: str | None = None
) -> None:
    """Kill a change from running to stopped when it has written the version, in front of the event."""
    url, database = store
    with database.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        connection.exec_driver_sql("LOCK TABLES event WRITE")
        acting = one.acting(reason=reason)
        change = pool.submit(acting.transition, "pod", "c", "stopped", expected="running")
        kill(server, url, waits_at="INSERT INTO event ", unless=change.done)
        assert isinstance(change.exception(), QueryTimeout)
        connection.exec_driver_sql("UNLOCK TABLES")


@pytest.mark.parametrize("reason", [None, "x" * compound.MOST], ids=["together", "one by one"])
def test_nothing_is_left_of_an_interruption(
    one: ContainerRepository, mariadb_store: tuple[str, Database], mariadb_server: Server, reason: str | None
) -> None:
    """A change that is killed between two of its statements is rolled back, however they are sent."""
    interrupted(one, mariadb_store, mariadb_server, reason=reason)
    with mariadb_store[1].engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM container_history").scalar_one() == 0
    one.transition("pod", "c", "stopped", expected="running")
    assert kinds(mariadb_store[1]) == ["created", "state"]


@pytest.mark.parametrize("made", [True, False], ids=["committed", "not committed"])
def test_an_interruption_of_a_commit(
    one: ContainerRepository,
    mariadb_store: tuple[str, Database],
    mariadb_server: Server,
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
) -> None:
    """A change that is killed behind its commit has succeeded: it is looked up; in front of the commit it has not."""
    url, database = mariadb_store
    pause = "DO (SELECT count(*) FROM lease)"
    compounded = compound._compound

    def paused(*given: Any) -> compound._Compound:
        found = compounded(*given)
        return found._replace(sql=found.sql.replace("COMMIT; ", f"COMMIT; {pause}; " if made else f"{pause}; COMMIT; "))

    monkeypatch.setattr(compound, "_compound", paused)
    with database.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        connection.exec_driver_sql("LOCK TABLES lease WRITE")
        change = pool.submit(one.transition, "pod", "c", "stopped", expected="running")
        kill(mariadb_server, url, waits_at=pause, unless=change.done)
        assert isinstance(change.exception(), type(None) if made else QueryTimeout)
        connection.exec_driver_sql("UNLOCK TABLES")
    assert kinds(database) == ["created", *["state"] * made]
    assert one.get("pod", "c").record.state == ("stopped" if made else "running")


@pytest.mark.parametrize("one", ["threads"], indirect=True)
def test_nothing_is_left_of_an_interrupted_second_attempt(
    one: ContainerRepository, mariadb_store: tuple[str, Database], mariadb_server: Server
) -> None:
    """A change whose prepared statements were gone, and that is killed when it is made without them, is rolled back."""
    for i in range(2 * OFTEN):
        one.transition("pod", "c", STATES[1 - i % 2], expected=STATES[i % 2])
    with one.database.engine.connect() as connection:
        forget(connection, 0)
    interrupted(one, mariadb_store, mariadb_server)
    one.transition("pod", "c", "stopped", expected="running")
    assert kinds(mariadb_store[1]) == ["created", *["state"] * (2 * OFTEN + 1)]
    assert [version.container.revision for version in one.history("pod", "c")] == list(range(1, 2 * OFTEN + 3))


def forget(connection: Connection, number: int) -> None:
    """Let the server forget one of the statements that a connection has prepared."""
    ready = connection.connection.info["prepared"]._ready.values()
    connection.exec_driver_sql(f"DEALLOCATE PREPARE {list(ready)[number].split()[1]}")


@pytest.mark.parametrize("one", ["threads"], indirect=True)
def test_prepared_statements_that_are_gone(one: ContainerRepository, mariadb_store: tuple[str, Database]) -> None:
    """Statements that the server has lost are run nevertheless, and what they are a part of is done once."""

    def save(i: int) -> None:
        one.save("pod", "c", container("t", state=STATES[i % 2], bundle_path=str(i)))

    def change(i: int) -> None:
        one.transition("pod", "c", STATES[i % 2], expected=STATES[1 - i % 2])

    made = 1
    for call in (change, save):
        for i in range(1, 2 * OFTEN + 2):
            call(i)
        with one.database.engine.connect() as connection:
            forget(connection, -1)
        for i in range(2 * OFTEN + 2, 3 * OFTEN + 3):
            call(i)
        made += 3 * OFTEN + 2
    assert len(kinds(mariadb_store[1])) == made
    assert one.get("pod", "c").revision == made


@pytest.mark.parametrize("one", ["threads"], indirect=True)
def test_prepared_statements_that_are_gone_in_a_transaction(
    one: ContainerRepository, mariadb_store: tuple[str, Database]
) -> None:
    """Within a caller's transaction, which cannot be run again, the call alone is."""
    with one.transaction() as work:
        for i in range(2 * OFTEN):
            work.transition("pod", "c", STATES[1 - i % 2], expected=STATES[i % 2])
        forget(work.session.connection(), 1)
        work.transition("pod", "c", "stopped", expected="running")
    assert kinds(mariadb_store[1]) == ["created", *["state"] * (2 * OFTEN + 1)]
    assert [version.container.revision for version in one.history("pod", "c")] == list(range(1, 2 * OFTEN + 3))


@pytest.mark.parametrize("one", ["threads"], indirect=True)
@pytest.mark.parametrize(
    ("call", "trips"),
    [
        (lambda r, i, long: r.acting(reason=long).transition("pod", "c", STATES[1 - i], expected=STATES[i]), (1, 6)),
        # of all that a save writes the container is long
        (lambda r, i, long: r.save("pod", "c", container("t", state=STATES[i], bundle_path=long)), (4, 6)),
    ],
    ids=["transition", "save"],
)
def test_long_parameters_are_sent_alone(
    one: ContainerRepository, call: Callable[[ContainerRepository, int, str], object], trips: tuple[int, int]
) -> None:
    """What is long is a statement by itself: a change of state is a transaction as others are, then."""
    lengths = (compound.MOST // 2, compound.MOST)
    assert tuple(asked(one, partial(call, one, i, "x" * lengths[i])) for i in range(2)) == trips


def test_long_parameters_are_written_whole(one: ContainerRepository) -> None:
    """What is long is read back as it was written, prepared or not."""
    long = "x" * compound.MOST
    for _ in range(OFTEN + 2):
        record = container("t", mounts=[Mount(source=long)], bundle_path=long)
        one.save("pod", "c", record)
        assert one.get("pod", "c").record == record
        long = f"{long}y"


@pytest.mark.parametrize("one", ["threads"], indirect=True)
def test_long_parameters_of_several_statements_are_sent_alone(one: ContainerRepository) -> None:
    """Statements that share their parameters, as a creation's do, share the limit of a packet no more than others."""
    numbers = []
    for length in (compound.MOST // 2, compound.MOST):
        with one.transaction() as work:
            # after it the next one is taken for a new one, too
            work.save("pod", f"first-{length}", container(f"first-{length}"))
            connection = work.session.connection()
            before = questions_of(connection)
            work.save("pod", f"{length}", container(f"{length}", bundle_path="x" * length))
            numbers.append(questions_of(connection) - before - 1)
    short, long = numbers
    savepoint = 2
    assert (short, long) == (savepoint + 1, savepoint + 11)
