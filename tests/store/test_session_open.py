"""A write within a write session of the same thread: an error at once, rather than a wait for itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb.errors import SessionOpen
from persistdb.records import ContainerState, SandboxWrite

from .samples import SANDBOX, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb.store.repository import ContainerRepository


WRITES: dict[str, Callable[[ContainerRepository], Any]] = {
    "save_sandbox": lambda r: r.save_sandbox(SANDBOX, {}),
    "save_many": lambda r: r.save_many([SandboxWrite(sid="pod-2")]),
    "destroy_sandbox": lambda r: r.destroy_sandbox("pod-1"),
    "save": lambda r: r.save("pod-1", "a", ContainerState()),
    "update": lambda r: r.update("pod-1", "a", lambda record: record.replace(state="paused")),
    "delete": lambda r: r.delete("pod-1", "a"),
    "transition": lambda r: r.transition("pod-1", "a", "paused", expected="running"),
    "another session": lambda r: r.database.session(write=True).__enter__(),
}
CHANGE = text("UPDATE container SET bundle_path = '/session'")


@pytest.fixture
def filled(repository: ContainerRepository) -> ContainerRepository:
    put(repository, "pod-1", "a")
    return repository


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_within_a_session(filled: ContainerRepository, write: Callable[[ContainerRepository], Any]) -> None:
    """A write is refused while the thread's session has a transaction, which goes on and commits as if nothing was."""
    with filled.database.session(write=True) as session:
        session.execute(CHANGE)
        with pytest.raises(SessionOpen) as caught:
            write(filled)
        assert caught.value.url == filled.database.url
        assert "commit the session first" in str(caught.value)
    container = filled.get("pod-1", "a")
    assert (container.record.state, container.record.bundle_path, container.revision) == ("running", "/session", 1)
    with filled.database.session(write=True):
        pass
    filled.transition("pod-1", "a", "paused", expected="running")


def test_a_session_that_holds_nothing(filled: ContainerRepository) -> None:
    """Before a session's first statement, after its commit or rollback, and after its end a write goes on."""
    with filled.database.session(write=True) as session:
        filled.save("pod-1", "b", ContainerState())
        session.execute(CHANGE)
        session.commit()
        filled.save("pod-1", "c", ContainerState())
        session.execute(CHANGE)
        session.rollback()
        filled.save("pod-1", "d", ContainerState())
    with pytest.raises(ZeroDivisionError), filled.database.session(write=True) as session:  # noqa: PT012
        session.execute(CHANGE)
        _ = 1 / 0
    filled.save("pod-1", "e", ContainerState())
    assert sorted(filled.load_sandbox("pod-1").containers) == ["a", "b", "c", "d", "e"]


def test_reads_within_a_session(filled: ContainerRepository) -> None:
    """Reads within a write session see what is committed; a session for reading stops no write."""
    with filled.database.session(write=True) as session:
        session.execute(CHANGE)
        assert filled.get("pod-1", "a").record.bundle_path != "/session"
        assert filled.count() == 1
    with filled.database.session() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
        filled.transition("pod-1", "a", "paused", expected="running")
    assert filled.get("pod-1", "a").record.state == "paused"


def test_other_threads(filled: ContainerRepository) -> None:
    """The session of one thread is not in the way of another's, which waits for it as for anybody's."""
    with ThreadPoolExecutor(1) as pool:
        with filled.database.session(write=True) as session:
            session.execute(CHANGE)
            waiting = pool.submit(filled.transition, "pod-1", "a", "paused", expected="running")
        waiting.result()
    container = filled.get("pod-1", "a").record
    assert (container.state, container.bundle_path) == ("paused", "/session")
