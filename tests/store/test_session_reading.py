"""A session for reading: the engine refuses to write in it, and only in it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, text, update

from persistdb import AsyncContainerRepository, AsyncDatabase, Database
from persistdb.errors import Conflict, ReadOnly, SessionReadOnly
from persistdb.schema import tables
from persistdb.store.repository import ContainerRepository

from .samples import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Executable

WRITES: dict[str, Executable] = {
    "SQL": text("UPDATE container SET state = 'x'"),
    "a bulk update": update(tables.Container).values(state="x"),
    "a bulk delete": delete(tables.Mount),
    "a new table": text("CREATE TABLE other (x integer)"),
    "a dropped view": text("DROP VIEW containers"),
    "a new index": text("CREATE INDEX other ON container (state)"),
}


@pytest.fixture
def single(store_url: str) -> Iterator[ContainerRepository]:
    """Give a repository with one container, whose database has one connection."""
    with Database(store_url, pool_size=1) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        yield repository


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_a_statement_that_writes(single: ContainerRepository, statement: Executable) -> None:
    """A statement that writes is refused by the engine, and the next user of the connection may write."""
    database = single.database
    with pytest.raises(SessionReadOnly, match=r"session\(write=True\)") as caught, database.session() as session:
        session.execute(statement)
    assert isinstance(caught.value, ReadOnly)
    assert caught.value.url == database.url
    assert caught.value.detail
    single.transition("pod-1", "a", "stopped", expected="running")
    assert single.get("pod-1", "a").revision == 2
    with database.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'paused'"))
    assert single.get("pod-1", "a").record.state == "paused"


@pytest.mark.parametrize("how", ["commit", "flush", "end"])
@pytest.mark.parametrize("what", ["changed", "new", "deleted"])
def test_changed_objects(single: ContainerRepository, how: str, what: str) -> None:
    """An object that was changed, added or deleted is refused by a flush, a commit, and at the end."""
    with pytest.raises(SessionReadOnly, match="Container") as caught, single.database.session() as session:  # noqa: PT012
        one = session.scalars(select(tables.Container)).one()
        if what == "changed":
            one.state = "stopped"
        elif what == "deleted":
            session.delete(one)
        else:
            session.add(tables.Container(sandbox_id=one.sandbox_id, cid="b"))
        if how == "commit":
            session.commit()
        elif how == "flush":
            session.flush()
    assert caught.value.detail == "changed objects: Container"
    assert single.get("pod-1", "a").revision == 1


def test_a_commit_of_nothing(single: ContainerRepository) -> None:
    """A commit without a change is no error, nor is an object that has the value that it had; reading goes on."""
    with single.database.session() as session:
        one = session.scalars(select(tables.Container)).one()
        one.state = "x"
        one.state = "running"
        session.commit()
        assert session.scalars(select(tables.Container.cid)).all() == ["a"]
        session.rollback()
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            session.execute(text("DELETE FROM container"))
    assert single.count() == 1


def test_the_connection_afterwards(single: ContainerRepository) -> None:
    """However a session for reading ends, the one connection of the pool takes writes again."""
    database = single.database
    with contextlib.suppress(ZeroDivisionError), database.session() as session:
        session.execute(text("SELECT 1"))
        raise ZeroDivisionError
    single.save("pod-1", "b", single.get("pod-1", "a").record.replace(processes=[]))
    with database.session() as session:
        session.connection().invalidate()
    single.save("pod-1", "c", single.get("pod-1", "b").record)
    with database.session() as session:
        session.execute(text("SELECT 1"))
        session.close()
        session.execute(text("SELECT 1"))
    assert single.delete("pod-1", "c")
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE container SET state = 'x'"))
    assert {one.record.state for one in single.find()} == {"x"}


def test_a_start_that_is_interrupted(single: ContainerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt between the start of the transaction and its first statement leaves no connection that refuses."""
    database = single.database
    begin = type(database.backend).begin_reading

    def interrupted(*arguments: object) -> None:
        begin(*arguments)  # type: ignore[arg-type]  # a backend and a connection
        raise KeyboardInterrupt

    monkeypatch.setattr(type(database.backend), "begin_reading", interrupted)
    with pytest.raises(KeyboardInterrupt), database.session() as session:
        session.execute(text("SELECT 1"))
    single.transition("pod-1", "a", "stopped", expected="running")
    assert single.get("pod-1", "a").record.state == "stopped"


def test_a_database_in_memory() -> None:
    """A database in memory has one connection, which refuses writes within the session only."""
    with Database("sqlite://") as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        with pytest.raises(SessionReadOnly), database.session() as session:
            session.execute(text("DELETE FROM container"))
        assert repository.delete("pod-1", "a")


def test_sessions_for_tasks(store_url: str, database: Database) -> None:
    """A session for tasks of asyncio is refused writes, too, keeps revisions, and leaves its connection to the next."""
    put(ContainerRepository(database, host="node-1"), "pod-1", "a")

    async def main() -> None:
        async with AsyncDatabase(store_url, pool_size=1) as tasks:
            repository = AsyncContainerRepository(tasks, host="node-1")
            for statement in WRITES.values():
                with pytest.raises(SessionReadOnly):
                    await _execute(tasks, statement)
            await repository.transition("pod-1", "a", "stopped", expected="running")
            async with tasks.session(write=True) as session:
                mine = (await session.scalars(select(tables.Container))).one()
                mine.state = "ready"
                await session.flush()
                assert mine.revision == 3
                await session.execute(update(tables.Mount).values(mounted=False))
            with pytest.raises(Conflict):
                await repository.delete("pod-1", "a", revision=3)
            assert (await repository.get("pod-1", "a")).revision == 4

    asyncio.run(main())


async def _execute(database: AsyncDatabase, statement: Executable) -> None:
    async with database.session() as session:
        await session.execute(statement)
