"""Connections to servers that units of work take without SQLAlchemy's proxy."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import Database
from persistdb.db.work import Call, Statement, rows, value
from persistdb.engines.liveness import DOUBT, USED
from persistdb.engines.pool import Place
from tests.conftest import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.pool import PoolProxiedConnection

    from persistdb.db.work import Work


@pytest.fixture(params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return a database whose one connection a unit of work has used."""
    with Database(request.getfixturevalue(f"{request.param}_url"), pool_size=1) as database:
        assert one(database) == 1
        yield database


def one(database: Database, sql: str = "SELECT 1") -> object:
    """Return the value that a query gives."""
    return database.read(lambda: value(Statement(sql, database.backend.style), {}))


def taken(database: Database) -> PoolProxiedConnection:
    """Take the connection as a unit of work does."""
    place = database.backend.take(database.engine, again=True)
    assert place is not None
    return place


def status(database: Database) -> bool:
    """Return whether a transaction is open on the connection, by what the driver knows."""
    with closing(database.engine.raw_connection()) as pooled:
        driver: Any = pooled.dbapi_connection
        if database.backend.name == "postgresql":
            return bool(driver.info.transaction_status)
        return bool(driver.server_status & 1)


def test_it_needs_no_proxy(database: Database) -> None:
    """One that was just used is taken as it is, and is the one that SQLAlchemy uses."""
    place = taken(database)
    assert isinstance(place, Place)
    driver = place.dbapi_connection
    database.backend.checkin(place)
    with closing(database.engine.raw_connection()) as pooled:
        assert pooled.dbapi_connection is driver


def test_a_transaction_that_is_open_is_rolled_back(database: Database) -> None:
    """What a unit of work leaves open ends when its connection is returned."""
    place = taken(database)
    driver: Any = place.dbapi_connection
    cursor = driver.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()
    database.backend.checkin(place)
    assert not status(database)
    assert taken(database).dbapi_connection is driver


def test_one_that_cannot_be_rolled_back_is_closed(database: Database) -> None:
    """A connection that was lost in a transaction is not used again."""
    place = taken(database)
    driver: Any = place.dbapi_connection
    driver.cursor().execute("BEGIN")
    database.backend.interrupt(driver)
    database.backend.checkin(place)
    assert not place.is_valid
    assert one(database) == 1


@pytest.mark.parametrize("why", ["idle", "another was lost", "it cannot be run again"])
def test_in_doubt_it_is_taken_with_a_ping(database: Database, why: str) -> None:
    """One that nobody used for a while, or after another was lost, is SQLAlchemy's to take, who pings it."""
    place = taken(database)
    database.backend.checkin(place)
    if why == "idle":
        place.info[USED] = time.monotonic() - DOUBT
    if why == "another was lost":
        database.engine.pool.lost_at[0] = time.monotonic()  # type: ignore[attr-defined]  # ours
    assert database.backend.take(database.engine, again=why != "it cannot be run again") is None
    assert one(database) == 1


def test_a_cursor_is_kept_without_rows(postgresql_url: str) -> None:
    """A unit of work on PostgreSQL uses the cursor of the statement's last run, which holds no rows by then."""
    few, other = Statement("SELECT 2", "pyformat"), Statement("SELECT 3", "pyformat")
    many = Statement("SELECT generate_series(1, 1000)", "pyformat")

    def cursor(database: Database, statement: Statement) -> object:
        database.read(lambda: rows(statement, {}))
        place = taken(database)
        database.backend.checkin(place)
        return place.info["cursors"].get(statement.sql)

    with Database(postgresql_url, pool_size=1) as database:
        first = cursor(database, few)
        assert cursor(database, other) is not first
        with pytest.raises(Exception, match="division"):
            one(database, "SELECT 1 / 0")
        assert cursor(database, few) is first
        held: Any = cursor(database, many)
        assert (held.closed, held.pgresult.ntuples, held.pgresult.get_value(0, 0)) == (False, 0, None)
        assert cursor(database, few) is first


def test_a_cursor_in_use_is_not_taken_again(postgresql_url: str) -> None:
    """The same statement twice in one round trip has a cursor for each answer."""
    statement = Statement("SELECT CAST(:number AS integer), '50%'", "pyformat")

    def work() -> Work[list[object]]:
        answers = yield [Call(statement, {"number": number}) for number in (1, 2)]
        return [answer.rows for answer in answers]

    with Database(postgresql_url, pool_size=1) as database:
        assert database.write(work) == [[(1, "50%")], [(2, "50%")]]
        assert database.write(work) == [[(1, "50%")], [(2, "50%")]]


def test_a_connection_keeps_few_cursors(postgresql_url: str) -> None:
    """A program of very many statements keeps no cursor for each of them."""
    from persistdb.engines.postgresql import cursors  # needs the driver

    with Database(postgresql_url, pool_size=1) as database:
        for number in range(100):
            assert one(database, f"SELECT {number}") == number
        assert len(taken(database).info["cursors"]) <= cursors.MOST
