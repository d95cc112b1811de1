"""Transactions over several calls of a repository."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from persistdb import Database, Timeouts
from persistdb.errors import (
    AlreadyExists,
    Busy,
    Conflict,
    DatabaseError,
    InvalidValue,
    NotFound,
    SessionOpen,
    StateMismatch,
    Unavailable,
)
from persistdb.records import ContainerState, SandboxWrite
from persistdb.schema.tables import Container
from persistdb.store.repository import ContainerRepository

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import Transaction
    from tests.servers import Server

COLORS = ("threads", "tasks")


@pytest.fixture
def filled(repository: ContainerRepository) -> ContainerRepository:
    put(repository, "pod-1", "a", "b")
    return repository


def states(repository: ContainerRepository | Transaction) -> dict[str, str]:
    return {one.cid: one.record.state for one in repository.find()}


def test_all_of_it(filled: ContainerRepository) -> None:
    """Operations and the caller's own statements are committed together, and seen within the transaction at once."""
    with filled.transaction() as work:
        revision = work.save("pod-1", "c", ContainerState(state="ready"))
        work.transition("pod-1", "a", "paused", expected="running")
        work.session.execute(text("UPDATE container SET bundle_path = '/mine' WHERE cid = 'b'"))
        work.save_sandbox(sandbox("pod-2"), {"d": container("d")})
        assert work.update("pod-1", "c", lambda record: record.replace(state="running")) > revision
        assert states(work) == {"a": "paused", "b": "running", "c": "running", "d": "running"}
        assert work.get("pod-1", "b").record.bundle_path == "/mine"
        assert work.count() == 4
        assert work.look_up("pod-2/d").cid == "d"
        assert work.delete("pod-1", "a")
        assert states(filled) == {"a": "running", "b": "running"}
    assert states(filled) == {"b": "running", "c": "running", "d": "running"}
    assert filled.get("pod-1", "b").record.bundle_path == "/mine"


def test_none_of_it(filled: ContainerRepository) -> None:
    """An exception that leaves the block undoes all of it."""
    before = filled.load_sandbox("pod-1")
    with pytest.raises(StateMismatch), filled.transaction() as work:  # noqa: PT012  what leaves the block
        work.save("pod-1", "c", container("c"))
        work.save_many([SandboxWrite(sid="pod-2", containers={"d": container("d")})])
        work.destroy_sandbox("pod-1")
        work.save_sandbox(sandbox("pod-1"), {"a": ContainerState()})
        work.transition("pod-1", "a", "stopped", expected="running")
    assert filled.load_sandbox("pod-1") == before
    assert filled.sandbox_ids() == ["pod-1"]


REFUSED: dict[str, tuple[type[Exception], Callable[[Transaction], Any]]] = {
    "not found": (NotFound, lambda work: work.save("pod-9", "a", ContainerState())),
    "conflict": (Conflict, lambda work: work.save("pod-1", "a", ContainerState(), revision=7)),
    "state": (StateMismatch, lambda work: work.transition("pod-1", "a", "running", expected="stopped")),
    "value": (InvalidValue, lambda work: work.find("bogus=1")),
    # the engine refuses this one, after the container's own row was written
    "token": (AlreadyExists, lambda work: work.save("pod-1", "a", container("pod-1-b", state="spoiled"))),
}


@pytest.mark.parametrize(("error", "refused"), REFUSED.values(), ids=REFUSED)
def test_an_error_that_is_caught(
    filled: ContainerRepository, error: type[Exception], refused: Callable[[Transaction], Any]
) -> None:
    """An operation that fails has changed nothing, and the transaction goes on."""
    with filled.transaction() as work:
        work.transition("pod-1", "b", "paused", expected="running")
        with pytest.raises(error):
            refused(work)
        assert states(work) == {"a": "running", "b": "paused"}
        work.save("pod-1", "c", container("c"))
    assert states(filled) == {"a": "running", "b": "paused", "c": "running"}


def test_a_write_beside_it(filled: ContainerRepository) -> None:
    """A write of the repository itself, which would wait for its own transaction, is an error at once."""
    with filled.transaction() as work:
        with pytest.raises(SessionOpen, match=r"with the transaction's own methods"):
            filled.transition("pod-1", "a", "paused", expected="running")
        with pytest.raises(SessionOpen), filled.transaction():
            pass
        work.transition("pod-1", "a", "paused", expected="running")
    assert states(filled)["a"] == "paused"


def test_mapped_objects(filled: ContainerRepository, color: str) -> None:
    """What is pending in the session is written before a call, and its objects show what a call has written."""
    with filled.transaction() as work:
        query = select(Container).where(Container.cid == "a").options(selectinload(Container.mounts))
        one = work.session.scalars(query).one()
        one.bundle_path = "/pending"
        assert work.get("pod-1", "a").record.bundle_path == "/pending"
        work.save("pod-1", "a", ContainerState(state="stopped", bundle_path="/saved"))
        if color == "tasks":  # an attribute cannot wait for the database there
            work.session.refresh(one)
        work.session.refresh(one, ["mounts"])
        assert (one.state, one.bundle_path, len(one.mounts)) == ("stopped", "/saved", 1)


def test_ends(filled: ContainerRepository) -> None:
    """After its end, and after a commit of its session, a transaction does nothing more."""
    with filled.transaction() as over:
        pass
    with pytest.raises(DatabaseError, match="is over"):
        over.get("pod-1", "a")
    with pytest.raises(DatabaseError, match="committed or rolled back"), filled.transaction() as work:  # noqa: PT012
        work.transition("pod-1", "a", "paused", expected="running")
        work.session.commit()
        with pytest.raises(DatabaseError, match="committed or rolled back"):
            work.transition("pod-1", "b", "paused", expected="running")
    assert states(filled) == {"a": "paused", "b": "running"}


def test_a_lost_connection(server: Server, on_server: ContainerRepository, name: str) -> None:
    """A transaction whose connection was lost fails as a whole, also where the first error was caught."""
    put(on_server, "pod-1", "a", "b")
    with pytest.raises(Unavailable), on_server.transaction() as work:  # noqa: PT012  the end raises it
        work.transition("pod-1", "a", "paused", expected="running")
        server.disconnect(name)
        for _ in range(2):
            with pytest.raises(Unavailable):
                work.transition("pod-1", "b", "paused", expected="running")
    assert states(on_server) == {"a": "running", "b": "running"}
    with on_server.transaction() as work:
        work.transition("pod-1", "a", "paused", expected="running")
    assert states(on_server)["a"] == "paused"


def test_transact_after_a_lost_connection(server: Server, on_server: ContainerRepository, name: str) -> None:
    """A function is called again with a new transaction when the connection was lost, and its result is returned."""
    put(on_server, "pod-1", "a")
    calls = []

    def stop(work: Transaction) -> int:
        calls.append(work)
        work.save("pod-1", "b", container("b"))
        if len(calls) == 1:
            server.disconnect(name)
        work.transition("pod-1", "a", "stopped", expected="running")
        return work.count()

    assert on_server.transact(stop) == 2
    assert len(calls) == 2
    assert states(on_server) == {"a": "stopped", "b": "running"}


def test_transact_after_a_deadlock(server: Server, name: str) -> None:
    """Of two functions that lock each other out one is called again, and both are done."""
    with Database(server.url(name), timeouts=Timeouts(busy=20)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a", "b")
        both = threading.Barrier(2)
        calls: list[str] = []

        def pause(first: str, second: str) -> None:
            def function(work: Transaction) -> None:
                calls.append(first)
                work.transition("pod-1", first, "paused", expected="running", force=True)
                if calls.count(first) == 1:
                    both.wait(60)
                work.transition("pod-1", second, "running", expected=work.get("pod-1", second).record.state, force=True)

            repository.transact(function)

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(pause, "a", "b"), pool.submit(pause, "b", "a")]:
                done.result()
        assert len(calls) == 3
        assert sorted(states(repository).values()) == ["paused", "running"]


def test_transact_gives_up(filled: ContainerRepository) -> None:
    """An error that would come again ends it at the first call, with nothing written."""
    calls = []

    def function(work: Transaction) -> None:
        calls.append(1)
        work.save("pod-1", "c", container("c"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        filled.transact(function)
    with pytest.raises(InvalidValue, match="must be a function"):
        filled.transact(None)  # type: ignore[arg-type]  # what a user may pass
    assert calls == [1]
    assert set(states(filled)) == {"a", "b"}


def test_another_writer(sqlite_url: str) -> None:
    """On SQLite a transaction has the write lock from its beginning: another waits, and is Busy in the end."""
    with Database(sqlite_url, timeouts=Timeouts(busy=0.1)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")

        def write() -> None:
            with repository.transaction() as work:
                work.transition("pod-1", "a", "stopped", expected="running")

        with ThreadPoolExecutor(1) as pool:
            with repository.transaction(), pytest.raises(Busy):
                pool.submit(write).result()
            pool.submit(write).result()
        assert states(repository) == {"a": "stopped"}
