"""The removal of old history: what goes, what stays, and that nobody is held up by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, ContainerState, EventsPruned, Mount, Process, SandboxState
from persistdb.schema.names import HISTORY
from persistdb.store import pruning
from persistdb.store.pruning import Pruned, Pruning

from .events import START, forget, happen, live
from .faults import just_before

if TYPE_CHECKING:
    from persistdb import Database
    from tests.servers.statements import Statements

MONTH = timedelta(days=30)
HOST = "node-1"


@pytest.fixture
def repository(repository: ContainerRepository, database: Database) -> ContainerRepository:
    """Begin with no history."""
    forget(database)
    return repository


def stored(database: Database) -> dict[str, int]:
    """Count the rows of history by table, without tables that are empty."""
    with database.engine.connect() as connection:
        counts = {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in HISTORY}
    return {name: count for name, count in counts.items() if count}


def now() -> datetime:
    return datetime.now(UTC)


def prune(database: Database, before: datetime) -> Pruned:
    """Remove what is older than a time: the retention later."""
    return Pruning(database).run(now=before + MONTH)


def record(*mounts: str, state: str = "ready") -> ContainerState:
    return ContainerState(
        state=state,
        mounts=[Mount(source=source, destination="/data") for source in mounts],
        processes=[Process(pid=1)],
    )


def removed(done: Pruned) -> dict[str, int]:
    return {name: number for name, number in done.rows.items() if number}


def test_what_is_young_stays(repository: ContainerRepository, database: Database) -> None:
    """Nothing that is younger than the retention goes."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.save("pod-1", "web", record("/b"))
    repository.delete("pod-1", "web")
    before = stored(database)
    assert removed(Pruning(database).run()) == {}
    assert stored(database) == before


def test_versions_of_what_is_there(repository: ContainerRepository, database: Database) -> None:
    """Old versions and events of what is there go; the ones that held at the horizon, and later, stay."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.save("pod-1", "web", record("/b"))
    repository.transition("pod-1", "web", "running", expected="ready")
    then = now()
    repository.transition("pod-1", "web", "stopped", expected="running")
    assert removed(prune(database, then)) == {"event": 4, "mount_history": 1, "container_history": 1}
    with database.engine.connect() as connection:
        revisions = connection.execute(text("SELECT revision FROM container_history ORDER BY revision")).scalars().all()
    # revision 1: with its end the mount began that is there; revision 3 held at the horizon
    assert revisions == [1, 3]
    found = stored(database)
    assert found["sandbox_lifetime"] == found["container_lifetime"] == 1
    assert found["event"] == 1


def test_what_was_removed(repository: ContainerRepository, database: Database) -> None:
    """The last state of a removed container stays until it is older than the retention, and goes with all of it."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a"), "db": record("/c")})
    repository.save("pod-1", "web", record("/b"))
    young = now()
    repository.destroy_sandbox("pod-1")
    prune(database, young)
    found = stored(database)
    assert (found["mount_history"], found["container_history"], found["sandbox_history"]) == (4, 2, 1)
    assert (found["container_lifetime"], found["sandbox_lifetime"]) == (2, 1)
    assert [event.kind for event in repository.events()] == ["removed"] * 3
    repository.save_sandbox(SandboxState(sid="pod-2"), {})
    prune(database, now())
    assert stored(database) == {"event": 1, "sandbox_lifetime": 1}


def test_the_last_event_stays(repository: ContainerRepository, database: Database) -> None:
    """The newest event stays, so that its number never comes again, and with it what it tells of."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.destroy_sandbox("pod-1")
    (*_, last) = repository.events()
    prune(database, now())
    assert [event.id for event in repository.events()] == [last.id]
    repository.save_sandbox(SandboxState(sid="pod-2"), {})
    *_, new = repository.events()
    assert new.id > last.id


def test_the_horizon(repository: ContainerRepository, database: Database) -> None:
    """The horizon moves before anything goes, and never back; who reads the feed and is behind it is told."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    first, second = repository.events()
    repository.transition("pod-1", "web", "running", expected="ready")
    *_, third = repository.events()
    then = now()
    with just_before(database, "DELETE FROM event", lambda: horizons.append(horizon(database))):
        horizons: list[datetime] = []
        prune(database, then)
    assert horizons == [then]
    for missed in (first,):
        with pytest.raises(EventsPruned):
            list(repository.events(after=missed.cursor))
    assert [event.id for event in repository.events(after=second.cursor)] == [third.id]
    prune(database, then - timedelta(hours=1))
    assert horizon(database) == then


def horizon(database: Database) -> datetime:
    with database.engine.connect() as connection:
        found = connection.execute(text("SELECT horizon FROM retention")).scalar_one()
    found = datetime.fromisoformat(str(found))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@pytest.mark.parametrize("seconds", [None, 0])
def test_forever_and_off(repository: ContainerRepository, database: Database, seconds: int | None) -> None:
    """For ever nothing goes; where nothing is recorded any more, all does but what is there and the newest event."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.save("pod-1", "web", record("/a", state="running"))
    repository.destroy_sandbox("pod-1")
    before = stored(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE retention SET seconds = :seconds"), {"seconds": seconds})
    done = Pruning(database).run(now=now() + 100 * MONTH)
    if seconds is None:
        assert done.before is None
        assert stored(database) == before
    else:
        assert set(stored(database)) <= {"event", "sandbox_lifetime", "container_lifetime"} | {"sandbox_history"}
        assert stored(database)["event"] == 1


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_in_batches(
    repository: ContainerRepository, database: Database, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a batch, the same goes, and others write between two of them."""
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(pruning, name, size)
    for number in range(3):
        repository.save_sandbox(SandboxState(sid=f"pod-{number}"), {"web": record("/a"), "db": record("/a")})
        repository.save(f"pod-{number}", "web", record("/b", "/c"))
        repository.destroy_sandbox(f"pod-{number}")
    then = now()
    repository.save_sandbox(SandboxState(sid="pod-9"), {"web": record("/a")})
    told: list[tuple[str, int]] = []

    def write_too(name: str, number: int) -> None:
        told.append((name, number))
        repository.save("pod-9", "web", record("/a", state=f"{len(told)}"))

    done = Pruning(database).run(now=then + MONTH, progress=write_too)
    assert done.rows == {
        "event": 3 * 7,
        "container_lifetime": 6,
        "sandbox_lifetime": 3,
        "mount_history": 3 * 6,
        "device_map_history": 0,
        "process_history": 3 * 2,
        "container_history": 3 * 3,
        "sandbox_history": 3,
        "audit_finding": 0,
        "audit_run": 0,
    }
    assert dict(told) == {name: number for name, number in done.rows.items() if name in dict(told)}
    if size == 1:
        assert [number for name, number in told if name == "event"][:21] == list(range(1, 22))
    assert {event.sid for event in repository.events()} == {"pod-9"}


def test_its_log_is_checkpointed_between_batches(
    repository: ContainerRepository, database: Database, sent: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite no commit is left to checkpoint what a run wrote: it does so itself, between two batches."""
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(pruning, name, 1)
    for number in range(pruning.TIDIED):
        repository.save_sandbox(SandboxState(sid=f"pod-{number}"), {"web": record("/a")})
    repository.save_sandbox(SandboxState(sid="pod-9"), {})
    sent.clear()
    prune(database, now())
    tidied = [each for each in sent.texts if "wal_checkpoint" in each]
    assert bool(tidied) is (database.backend.name == "sqlite")


def test_a_run_that_ends_early(repository: ContainerRepository, database: Database) -> None:
    """What a run has removed before an error stays removed, and the next one removes the rest."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.destroy_sandbox("pod-1")
    repository.save_sandbox(SandboxState(sid="pod-2"), {})
    then = now()

    def fail(name: str, _number: int) -> None:
        if name == "sandbox_lifetime":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pruning(database).run(now=then + MONTH, progress=fail)
    assert stored(database)["container_history"] == 1
    Pruning(database).run(now=then + MONTH)
    assert stored(database) == {"event": 1, "sandbox_lifetime": 1}


def test_kept_for_longer_meanwhile(repository: ContainerRepository, database: Database) -> None:
    """Where somebody has history kept for longer while a run is on its way, nothing more goes."""
    repository.save_sandbox(SandboxState(sid="pod-1"), {"web": record("/a")})
    repository.destroy_sandbox("pod-1")
    then = now()

    def keep(_name: str, _number: int) -> None:
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE retention SET seconds = NULL"))

    done = Pruning(database).run(now=then + MONTH, progress=keep)
    assert removed(done) == {"event": 3}


def test_a_dump_from_another_server(postgresql_store: tuple[str, Database]) -> None:
    """On PostgreSQL, events whose transactions were another server's get numbers with which the feed goes on."""
    _, database = postgresql_store
    forget(database)
    live(database, (HOST, "pod-1"))
    with database.engine.begin() as connection:
        happen(connection, "old")
        connection.execute(text("UPDATE event SET transaction_id = 4000000000"))
        connection.execute(text("UPDATE retention SET pruned_transaction_id = 3000000000"))
    prune(database, START)
    with database.engine.begin() as connection:
        happen(connection, "new")
    repository = ContainerRepository(database, host=HOST)
    old, new = repository.events()
    assert (old.reason, new.reason) == ("old", "new")
    assert list(repository.events(after=old.cursor)) == [new]
