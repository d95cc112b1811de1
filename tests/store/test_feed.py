"""The feed of events: none is missed, none comes twice, whatever commits when."""

from __future__ import annotations

import itertools
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, Event
from persistdb.errors import EventsPruned, FeedUnavailable, HistoryOff, InvalidValue
from persistdb.store import feed, retention
from persistdb.store.pruning import Pruning
from tests.conftest import SERVERS

from .events import START, forget, happen, live

if TYPE_CHECKING:
    from persistdb import Database
    from tests.servers import Statements

COLORS = ("threads", "tasks")
HOST = "node-1"


@pytest.fixture
def repository(repository: ContainerRepository, database: Database) -> ContainerRepository:
    """Let two sandboxes of node-1 and one of node-2 live, to which nothing has happened."""
    forget(database)
    live(database, (HOST, "pod-1"), (HOST, "pod-2"), ("node-2", "pod-1"))
    return repository


class Consumer:
    """Who follows the events, and is started again each time with the cursor that it has kept."""

    def __init__(self, repository: ContainerRepository, **wanted: Any) -> None:
        self._repository, self._wanted = repository, wanted
        self.cursor: str | None = None
        self.seen: list[str | None] = []

    def look(self) -> list[str | None]:
        """Return the reasons of the events that are new."""
        found = self._repository.events(after=self.cursor, **self._wanted)
        new = [event.reason for event in found]
        self.cursor = found.cursor
        self.seen += new
        return new


ORDERS = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("engine", SERVERS)
class TestHeld:
    """Transactions that are held between their inserts and their commits; SQLite has one at a time."""

    @pytest.fixture
    def store(self, engine: str, request: pytest.FixtureRequest) -> tuple[str, Database]:
        """Give the database of a server."""
        found: tuple[str, Database] = request.getfixturevalue(f"{engine}_store")
        return found

    @pytest.mark.parametrize("order", ORDERS, ids=str)
    def test_none_is_missed(self, database: Database, repository: ContainerRepository, order: tuple[int, ...]) -> None:
        """Whatever the order of commits, a consumer that looks after each gets each event once."""
        consumer = Consumer(repository)
        with ExitStack() as held:
            writers = [held.enter_context(database.engine.connect()) for _ in order]
            for writer in writers:
                writer.begin()
            for number in range(2):
                for place, writer in enumerate(writers):
                    happen(writer, f"{place}.{number}")
                    consumer.look()
            assert consumer.seen == []
            for place in order:
                writers[place].commit()
                consumer.look()
        assert sorted(map(str, consumer.seen)) == [f"{place}.{number}" for place in range(3) for number in range(2)]

    @pytest.mark.parametrize("undone", range(3))
    def test_a_rollback_holds_nothing_up(
        self, database: Database, repository: ContainerRepository, undone: int
    ) -> None:
        """What a transaction that was rolled back had written is waited for until then, and never comes."""
        consumer = Consumer(repository)
        with ExitStack() as held:
            writers = [held.enter_context(database.engine.connect()) for _ in range(3)]
            for place, writer in enumerate(writers):
                writer.begin()
                happen(writer, str(place))
            for place, writer in enumerate(writers):
                if place != undone:
                    writer.commit()
            before = consumer.look()
            assert set(before) <= {str(place) for place in range(undone)}
            writers[undone].rollback()
        consumer.look()
        assert consumer.seen == [str(place) for place in range(3) if place != undone]

    def test_one_that_waits_long(self, database: Database, repository: ContainerRepository) -> None:
        """One held transaction holds all later events up, over any number of them, and loses none."""
        consumer = Consumer(repository)
        with database.engine.begin() as writer:
            happen(writer, "first")
        with database.engine.connect() as slow:
            slow.begin()
            happen(slow, "slow")
            for number in range(20):
                with database.engine.begin() as writer:
                    happen(writer, str(number))
                consumer.look()
            assert consumer.seen == ["first"]
            slow.commit()
        assert sorted(map(str, consumer.look())) == sorted(["slow", *map(str, range(20))])
        assert consumer.look() == []

    def test_a_sandbox_alone(self, database: Database, repository: ContainerRepository) -> None:
        """A consumer of one sandbox misses none either, though another's transaction is what is held."""
        consumer, other = Consumer(repository, host=HOST, sid="pod-1"), Consumer(repository, host=HOST, sid="pod-2")
        with database.engine.connect() as slow:
            slow.begin()
            happen(slow, "slow", sandbox=2)
            with database.engine.begin() as writer:
                happen(writer, "quick")
            consumer.look()
            other.look()
            slow.commit()
        consumer.look()
        other.look()
        assert (consumer.seen, other.seen) == (["quick"], ["slow"])


def test_many_writers(database: Database, repository: ContainerRepository) -> None:
    """Writers of many threads and a consumer that starts again all the time: each event comes once, in order."""
    consumer = Consumer(repository)
    writers, each = 4, 40
    start = threading.Barrier(writers + 1)

    def write(number: int) -> None:
        start.wait()
        for turn in range(each):
            with database.session(write=True) as session:
                happen(session.connection(), f"{number}.{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        consumer.look()
    for thread in threads:
        thread.join()
    consumer.look()
    assert len(consumer.seen) == len(set(consumer.seen)) == writers * each
    for number in range(writers):
        mine = [int(str(reason).partition(".")[2]) for reason in consumer.seen if str(reason).startswith(f"{number}.")]
        assert mine == list(range(each))


@pytest.fixture
def five(database: Database, repository: ContainerRepository) -> ContainerRepository:
    """Write five events."""
    with database.engine.begin() as connection:
        happen(connection, "a", kind="created")
        happen(connection, "b", sandbox=2, kind="state", at=START + timedelta(hours=1))
        happen(connection, "c", sandbox=3, kind="created", at=START + timedelta(hours=2))
        happen(connection, "d", kind="removed", at=START + timedelta(hours=3))
        happen(connection, "e", sandbox=2, kind="changed", at=START + timedelta(hours=4))
    return repository


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "abcde"),
        ({"host": HOST}, "abde"),
        ({"host": "node-2"}, "c"),
        ({"host": "node-3"}, ""),
        ({"sid": "pod-1"}, "acd"),
        ({"sid": "pod-1", "host": HOST}, "ad"),
        ({"kinds": ["created", "removed"]}, "acd"),
        ({"kinds": []}, ""),
        ({"since": START + timedelta(hours=2)}, "cde"),
        ({"since": START + timedelta(hours=2, microseconds=1), "host": HOST, "kinds": {"changed"}}, "e"),
    ],
    ids=str,
)
def test_conditions(five: ContainerRepository, wanted: dict[str, Any], found: str) -> None:
    """Events are those of a host, a sandbox, some kinds, since a time; what is left out is behind the cursor."""
    events = five.events(**wanted)
    assert "".join(str(event.reason) for event in events) == found
    assert list(five.events(after=events.cursor)) == []


def test_an_event(five: ContainerRepository) -> None:
    """An event has what its row has, with the names of its sandbox, and its place in the feed."""
    first, *others = five.events()
    assert first == Event(
        cursor=first.cursor,
        id=first.id,
        host=HOST,
        sid="pod-1",
        cid=None,
        kind="created",
        revision=1,
        at=START,
        old_state=None,
        new_state="running",
        cause="api",
        actor=None,
        reason="a",
    )
    assert list(five.events(after=first.cursor)) == others
    for place, event in enumerate(others):
        assert list(five.events(after=event.cursor)) == others[place + 1 :]


def test_a_consumer_that_stops(five: ContainerRepository) -> None:
    """The cursor of a feed is behind the events that were returned, not behind those that were read with them."""
    events = five.events()
    assert events.cursor is None
    next(iter(events))
    assert [event.reason for event in five.events(after=events.cursor)] == list("bcde")


def test_pages(
    database: Database, repository: ContainerRepository, sent: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many events there are, a page is a few statements, each of which looks at so many at the most."""
    monkeypatch.setattr(feed, "PAGE", 10)
    monkeypatch.setattr(feed, "MOST", 40)
    with database.engine.begin() as connection:
        for number in range(100):
            happen(connection, str(number))
    sent.clear()
    assert [event.reason for event in repository.events()] == [str(number) for number in range(100)]
    first = sent.round_trips
    assert first <= 2 + 11 * 5
    sent.clear()
    assert list(repository.events(host="node-2")) == []
    assert sent.round_trips < first


@pytest.mark.parametrize(
    "after",
    ["", "x", "1.0.0.0", "1.0.0.0.0.0", "2.0.0.0.0", "1.0.0.0.-1", "1.0.0.0.99999999999999999999", "1.0.0.0.٣", 7],
)
def test_no_cursor(repository: ContainerRepository, after: Any) -> None:
    """What is no cursor is refused."""
    with pytest.raises(InvalidValue, match="is no cursor of a feed"):
        list(repository.events(after=after))


@pytest.mark.parametrize(
    "wanted",
    [
        *({"kinds": ["creatd"]}, {"kinds": "created"}, {"host": ""}, {"host": 7}, {"sid": 7}, {"sid": "a\0"}),
        *({"since": START.replace(tzinfo=None)}, {"since": "2h"}),
    ],
    ids=str,
)
def test_no_condition(repository: ContainerRepository, wanted: dict[str, Any]) -> None:
    """A kind that there is not, a time without its zone and the like are refused."""
    with pytest.raises(InvalidValue):
        list(repository.events(**wanted))


def test_events_that_are_gone(five: ContainerRepository, database: Database) -> None:
    """A consumer that is behind an event that was removed is told, by name of the horizon; one that is not goes on."""
    events = list(five.events())
    _remove_up_to(database, events[2])
    with pytest.raises(EventsPruned, match="history is kept from 2026-01-31T13:00:00Z on; begin again") as caught:
        list(five.events(after=events[1].cursor))
    assert caught.value.cursor == events[1].cursor
    for place in (2, 3, 4):
        assert list(five.events(after=events[place].cursor)) == [
            event.replace(cursor=new.cursor)
            for event, new in zip(events[place + 1 :], five.events(after=events[place].cursor), strict=True)
        ]
    # one that begins takes what is there, and goes on from it
    again = five.events()
    assert [event.reason for event in again] == ["d", "e"]
    assert list(five.events(after=again.cursor)) == []


def test_events_that_go_while_they_are_read(
    database: Database, repository: ContainerRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed that is read so slowly that events ahead of it are removed ends with an error, not without them."""
    monkeypatch.setattr(feed, "PAGE", 1)
    with database.engine.begin() as connection:
        for number in range(60):  # more than a task fetches ahead
            happen(connection, str(number))
    last = list(repository.events())[-2]
    events = iter(repository.events())
    next(events)
    _remove_up_to(database, last)
    with pytest.raises(EventsPruned):
        list(events)


def _remove_up_to(database: Database, event: Event) -> None:
    _, _, _, transaction, number = event.cursor.split(".")
    with database.engine.begin() as connection:
        connection.execute(
            text("UPDATE retention SET horizon = :at, pruned_transaction_id = :transaction, pruned_id = :number"),
            {"at": "2026-01-31 13:00:00+00:00"[: 19 + 6 * (database.backend.name == "postgresql")]}
            | {"transaction": int(transaction), "number": int(number)},
        )
        connection.execute(text("DELETE FROM event WHERE id <= :number"), {"number": int(number)})


def test_off(five: ContainerRepository, database: Database) -> None:
    """Where nothing is recorded a feed is an error, not empty."""
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE retention SET seconds = 0"))
    with pytest.raises(HistoryOff, match=r"nothing is recorded; to record it: persistdb .*db retention 30d"):
        list(five.events())


def test_off_twice(five: ContainerRepository, database: Database) -> None:
    """A consumer is told of each time in which nothing was recorded, also if nothing happens between two of them."""
    cursor: str | None = None
    for _ in range(2):
        retention.set_seconds(database, 0)
        retention.set_seconds(database, None)
        if cursor is not None:
            with pytest.raises(EventsPruned):
                list(five.events(after=cursor))
        feed = five.events()
        list(feed)
        cursor = feed.cursor


def test_the_first_events_after_off(five: ContainerRepository, database: Database) -> None:
    """The first event after a time in which nothing was recorded is missed by nobody who has not read it."""
    retention.set_seconds(database, 0)
    retention.set_seconds(database, 30 * 24 * 3600)
    first = five.events()
    list(first)
    live(database, (HOST, "pod-1"))
    with database.engine.begin() as connection:
        for reason in ("one", "two"):
            happen(connection, reason)
    Pruning(database).run(now=datetime.now(UTC))  # they happened long ago
    assert [event.reason for event in five.events()] == ["two"]
    with pytest.raises(EventsPruned):
        list(five.events(after=first.cursor))


def test_a_dump_from_another_server(postgresql_store: tuple[str, Database]) -> None:
    """On PostgreSQL, events whose transactions were another server's make the feed an error that says so."""
    _, database = postgresql_store
    forget(database)
    live(database, (HOST, "pod-1"))
    with database.engine.begin() as connection:
        happen(connection, "old")
        connection.execute(text("UPDATE event SET transaction_id = 4000000000"))
    repository = ContainerRepository(database, host=HOST)
    with pytest.raises(FeedUnavailable, match="events have transaction numbers of another server"):
        list(repository.events())
    forget(database)
    with pytest.raises(FeedUnavailable, match="the cursor is another server's"):
        list(repository.events(after="1.0.0.4000000000.1"))
