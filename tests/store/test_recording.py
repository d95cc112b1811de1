"""What is recorded with each change: events, lifetimes and past versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import selectinload

from persistdb.db.work import value
from persistdb.errors import Conflict, InvalidValue
from persistdb.records import Mount, Origin
from persistdb.schema.check import check
from persistdb.schema.history import (
    ContainerHistory,
    ContainerLifetime,
    DeviceMapHistory,
    Event,
    MountHistory,
    ProcessHistory,
    SandboxHistory,
    SandboxLifetime,
)
from persistdb.schema.tables import Container, Sandbox
from persistdb.schema.tables import Mount as MountRow
from persistdb.store import retention
from persistdb.store.encoding import utc_text

from .faults import just_before
from .in_step import used
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from persistdb import ContainerRepository, Database

COLORS = ("threads", "tasks")
replace = msgspec.structs.replace
_PAST: Sequence[Any] = (SandboxHistory, ContainerHistory, MountHistory, DeviceMapHistory, ProcessHistory)


def events(database: Database, *columns: str) -> list[tuple[Any, ...]]:
    """Return all events, in their order."""
    with database.session() as session:
        rows = session.scalars(select(Event).order_by(Event.id)).all()
        return [tuple(getattr(row, name) for name in columns or ("kind", "old_state", "new_state")) for row in rows]


def past(database: Database) -> dict[str, int]:
    """Return how many rows each table of past versions has, but for those that have none."""
    with database.session() as session:
        counts = {kind.__tablename__: len(session.execute(select(kind.__table__)).all()) for kind in _PAST}
    return {name: count for name, count in counts.items() if count}


@pytest.fixture
def pod(repository: ContainerRepository) -> ContainerRepository:
    """Store a sandbox with two containers, of four mounts, two devices and a process each."""
    put(repository, "pod-1", "a", "b")
    return repository


def test_a_creation(pod: ContainerRepository) -> None:
    """A new sandbox and its containers are an event and a lifetime each; nothing is past."""
    assert [row[:1] for row in events(pod.database)] == [("created",)] * 3
    assert past(pod.database) == {}
    with pod.database.session() as session:
        assert [(one.host, one.sid, one.removed_at) for one in session.scalars(select(SandboxLifetime))] == [
            (pod.host, "pod-1", None)
        ]
        lives = session.scalars(select(ContainerLifetime).order_by(ContainerLifetime.cid)).all()
        assert [(one.cid, one.created_at) for one in lives] == [
            (cid, pod.get("pod-1", cid).created_at) for cid in ("a", "b")
        ]
    assert check(pod.database) == []


_FULL = {"container_history": 1, "mount_history": 4, "device_map_history": 2, "process_history": 1}
# what is done, the kind of its last event, and the rows of past versions that it makes
CHANGES: dict[str, tuple[Callable[[ContainerRepository], object], str, dict[str, int]]] = {
    "transition": (
        lambda r: r.transition("pod-1", "a", "stopped", expected="running"),
        "state",
        {"container_history": 1},
    ),
    "save of a state": (
        lambda r: r.save("pod-1", "a", container("pod-1-a", state="stopped")),
        "state",
        {"container_history": 1},
    ),
    "save of the same": (lambda r: r.save("pod-1", "a", container("pod-1-a")), "created", {}),
    "save of an origin": (
        lambda r: r.save("pod-1", "a", container("pod-1-a"), origin=Origin(layout="x")),
        "changed",
        {"container_history": 1},
    ),
    "save of a mount": (
        lambda r: r.save("pod-1", "a", container("pod-1-a", rootfs=Mount(source="/other"))),
        "changed",
        {"container_history": 1, "mount_history": 1},
    ),
    "save of one more": (
        lambda r: r.save("pod-1", "a", container("pod-1-a", mounts=[*container().mounts, Mount()])),
        "changed",
        {"container_history": 1},
    ),
    "save of fewer": (lambda r: r.save("pod-1", "a", container("pod-1-a", mounts=[])), "changed", _FULL),
    "delete": (lambda r: r.delete("pod-1", "a"), "removed", _FULL | {"sandbox_history": 1}),
    "a new one": (lambda r: r.save("pod-1", "c", container("c")), "created", {"sandbox_history": 1}),
    "save of the sandbox's state": (
        lambda r: r.save_sandbox(sandbox("pod-1", state="stopped")),
        "state",
        {"sandbox_history": 1},
    ),
    "save of the sandbox": (
        lambda r: r.save_sandbox(sandbox("pod-1", cgroup_path="/x")),
        "changed",
        {"sandbox_history": 1},
    ),
    "destruction": (
        lambda r: r.destroy_sandbox("pod-1"),
        "removed",
        {name: 2 * count for name, count in _FULL.items()} | {"sandbox_history": 1},
    ),
}


@pytest.mark.parametrize(("change", "kind", "rows"), CHANGES.values(), ids=CHANGES)
def test_a_change(
    pod: ContainerRepository, change: Callable[[ContainerRepository], object], kind: str, rows: dict[str, int]
) -> None:
    """A change is one event, and keeps what it overwrites or removes, and no more; the rules of history hold."""
    change(pod)
    assert events(pod.database)[-1][0] == kind
    assert past(pod.database) == rows
    assert check(pod.database) == []


def test_revisions_and_times(pod: ContainerRepository) -> None:
    """An event has the revision and the time that the change left behind; a removal the ones that would have come."""
    pod.transition("pod-1", "a", "stopped", expected="running")
    found = pod.get("pod-1", "a")
    assert events(pod.database, "revision", "at")[-1] == (found.revision, found.updated_at)
    pod.save("pod-1", "a", container("pod-1-a", mounts=[]))
    found = pod.get("pod-1", "a")
    assert events(pod.database, "revision", "at")[-1] == (found.revision, found.updated_at)
    revision = pod.save_sandbox(sandbox("pod-1", state="x"))
    assert events(pod.database, "revision", "container_id")[-1] == (revision, None)
    pod.delete("pod-1", "a")
    assert events(pod.database, "revision", "new_state")[-1] == (found.revision + 1, None)
    revision = pod.load_sandbox("pod-1").revision
    pod.destroy_sandbox("pod-1")
    assert events(pod.database, "revision", "old_state")[-1] == (revision + 1, "x")


def test_who_and_why(pod: ContainerRepository) -> None:
    """Events have the cause, actor and reason that were said; without a word, which call it was."""
    mine = pod.acting(actor="ann", reason="it hung")
    mine.transition("pod-1", "a", "stopped", expected="running")
    mine.acting(cause="watch").delete("pod-1", "a")
    pod.save_sandbox(sandbox("pod-1", state="x"))
    mine.acting(reason="the end").destroy_sandbox("pod-1")
    assert events(pod.database, "cause", "actor", "reason")[3:] == [
        ("transition", "ann", "it hung"),
        ("watch", "ann", "it hung"),
        ("api", None, None),
        ("api", "ann", "the end"),
        ("api", "ann", "the end"),
    ]
    for wrong in ({"actor": "x" * 256}, {"cause": "x" * 17}, {"reason": "\0"}, {"actor": 5}):
        with pytest.raises(InvalidValue):
            pod.acting(**wrong)  # type: ignore[arg-type]  # values that are refused


def test_a_life_is_told_apart(pod: ContainerRepository) -> None:
    """A container that is removed and made again has another lifetime, by an ID that no row had before."""
    for _ in range(3):
        pod.delete("pod-1", "b")
        pod.save("pod-1", "b", container("pod-1-b"))
    pod.destroy_sandbox("pod-1")
    put(pod, "pod-1", "a", "b")
    with pod.database.session() as session:
        lives = session.scalars(select(ContainerLifetime)).all()
        assert sorted(one.cid for one in lives) == ["a", "a", "b", "b", "b", "b", "b"]
        assert len({one.id for one in lives}) == len(lives)
        assert sum(one.removed_at is None for one in lives) == 2
        assert len(session.scalars(select(SandboxLifetime)).all()) == 2
    assert check(pod.database) == []


def test_a_clock_that_is_set_back(pod: ContainerRepository) -> None:
    """Where a row was changed later than now, the next change has that time: no version ends before it begins."""
    later = datetime.now(UTC) + timedelta(hours=1)
    with pod.database.session(write=True) as session:
        for table in ("container", "sandbox"):
            session.connection().execute(
                update({"container": Container, "sandbox": Sandbox}[table].__table__).values(updated_at=later)
            )
    pod.transition("pod-1", "a", "stopped", expected="running")
    pod.save("pod-1", "a", container("pod-1-a", mounts=[]))
    pod.delete("pod-1", "b")
    pod.save("pod-1", "c", container("c"))
    found = pod.get("pod-1", "a")
    assert found.updated_at == later.replace(tzinfo=UTC)
    assert {at for (at,) in events(pod.database, "at")[3:6]} == {later}
    assert check(pod.database) == []
    pod.destroy_sandbox("pod-1")
    assert check(pod.database) == []


def _edited(row: Container) -> None:
    row.mounts[1].source = "/edited"
    row.mounts.append(
        MountRow(
            position=4,
            is_rootfs=False,
            source="/new",
            destination="/n",
            type="",
            options=None,
            host_path="",
            block_device_id="",
            read_only=False,
            mounted=False,
        )
    )
    del row.processes[0]


def test_a_session(pod: ContainerRepository) -> None:
    """Edits of objects are recorded as a save's are: what is overwritten, what goes, and what comes."""
    with pod.database.session(write=True, actor="ann", reason="by hand") as session:
        query = select(Container).where(Container.cid == "a")
        row = session.scalars(query.options(selectinload(Container.mounts), selectinload(Container.processes))).one()
        _edited(row)
        session.flush()
        row.state = "stopped"
    assert events(pod.database, "kind", "revision", "actor", "reason")[3:] == [
        ("changed", 2, "ann", "by hand"),
        ("state", 3, "ann", "by hand"),
    ]
    assert past(pod.database) == {"container_history": 2, "mount_history": 1, "process_history": 1}
    assert check(pod.database) == []


def test_a_session_that_adds_and_removes(pod: ContainerRepository) -> None:
    """New objects begin a lifetime, with an ID that no row had; those that are deleted end theirs."""
    pod.delete("pod-1", "b")
    now = datetime.now(UTC)
    texts = {"state": "new", "cgroup_path": "", "layout": ""}
    with pod.database.session(write=True) as session:
        home = session.scalars(select(Sandbox)).one()
        session.add(Container(cid="c", sandbox_id=home.id, bundle_path="", **texts))
        new = Sandbox(host=pod.host, sid="pod-2", created_at=now, updated_at=now, **texts)
        new.containers = [Container(cid="d", bundle_path="", **texts)]
        session.add(new)
    assert [row[0] for row in events(pod.database)[-3:]] == ["created"] * 3
    with pod.database.session() as session:
        assert len(session.scalars(select(ContainerLifetime)).all()) == 4
        assert len(session.scalars(select(SandboxLifetime)).all()) == 2
    with pod.database.session(write=True) as session:
        session.delete(session.scalars(select(Container).where(Container.cid == "a")).one())
        session.delete(session.scalars(select(Sandbox).where(Sandbox.sid == "pod-2")).one())
    assert sorted(row[0] for row in events(pod.database)[-3:]) == ["removed"] * 3
    with pod.database.session() as session:
        lives = session.scalars(select(ContainerLifetime).where(ContainerLifetime.removed_at.is_(None))).all()
        assert [one.cid for one in lives] == ["c"]


def test_statements_for_many(pod: ContainerRepository) -> None:
    """UPDATE and DELETE through a session record what they match."""
    with pod.database.session(write=True) as session:
        session.execute(update(Container).values(state="x"))
    assert events(pod.database)[3:] == [("state", "running", "x")] * 2
    assert past(pod.database) == {"container_history": 2}
    with pod.database.session(write=True) as session:
        session.execute(update(MountRow).where(MountRow.position == 1).values(source="/y"))
        session.execute(delete(Container).where(Container.cid == "a"))
    assert [row[0] for row in events(pod.database)[5:]] == ["changed", "changed", "removed"]
    with pod.database.session(write=True) as session:
        session.execute(delete(Sandbox))
    assert [row[0] for row in events(pod.database)[8:]] == ["removed", "removed"]
    assert check(pod.database) == []


def test_a_transaction(pod: ContainerRepository) -> None:
    """A transaction's calls and its session's edits are recorded, or nothing is if it is rolled back."""
    with pytest.raises(Conflict), pod.acting(reason="all").transaction() as work:  # noqa: PT012
        work.transition("pod-1", "a", "stopped", expected="running")
        work.save("pod-1", "b", container("pod-1-b"), revision=9)
    assert len(events(pod.database)) == 3
    with pod.acting(reason="all").transaction() as work:
        work.transition("pod-1", "a", "stopped", expected="running")
        work.acting(reason="else").delete("pod-1", "b")
    assert events(pod.database, "kind", "reason")[3:] == [("state", "all"), ("removed", "else")]


def test_two_writers(pod: ContainerRepository) -> None:
    """Of two writers of one container each change is one event, and one past version: what the later one read."""
    other = pod.acting(actor="other")
    act: list[Callable[[], object]] = [lambda: other.transition("pod-1", "a", "paused", expected="running")]
    if pod.database.backend.name == "sqlite":
        act.pop()()
        pod.save("pod-1", "a", container("pod-1-a", state="paused", bundle_path="/x"))
    else:
        with just_before(used(pod), "INSERT INTO container_history", lambda: act.pop()()):
            pod.save("pod-1", "a", container("pod-1-a", state="paused", bundle_path="/x"))
    assert [row[0] for row in events(pod.database)[3:]] == ["state", "changed"]
    with pod.database.session() as session:
        rows = session.scalars(select(ContainerHistory).order_by(ContainerHistory.revision)).all()
        assert [(row.revision, row.whole, row.state) for row in rows] == [(1, False, "running"), (2, True, "paused")]
    assert check(pod.database) == []


def test_retention_off(pod: ContainerRepository) -> None:
    """A database that keeps no history records nothing; when it begins again, it begins with what is there."""
    before = retention.get(pod.database)
    assert before.seconds == 30 * 24 * 3600
    assert retention.set_seconds(pod.database, 0) == (0, before.horizon)
    count = len(events(pod.database))
    pod.transition("pod-1", "a", "stopped", expected="running")
    pod.delete("pod-1", "b")
    pod.save("pod-1", "c", container("c"))
    put(pod, "pod-2", "d")
    pod.destroy_sandbox("pod-2")
    assert len(events(pod.database)) == count
    assert past(pod.database) == {}
    assert check(pod.database) == []
    after = retention.set_seconds(pod.database, None)
    assert after.seconds is None
    assert after.horizon > before.horizon
    with pod.database.session() as session:
        lives = session.scalars(select(ContainerLifetime).order_by(ContainerLifetime.cid)).all()
        assert [(one.cid, one.removed_at) for one in lives] == [("a", None), ("c", None)]
    pod.transition("pod-1", "a", "running", expected="stopped", force=True)
    assert events(pod.database)[-1] == ("state", "stopped", "running")
    assert past(pod.database) == {"container_history": 1}
    assert check(pod.database) == []
    for wrong in (-1, 2**63, "30d"):
        with pytest.raises(InvalidValue):
            retention.set_seconds(pod.database, wrong)  # type: ignore[arg-type]  # values that are refused


def test_a_size(repository: ContainerRepository) -> None:
    """Ten changes of the state of each of many containers take at most 2 kB of history each, in a file."""
    if repository.database.backend.name != "sqlite":
        pytest.skip("the size of a file")
    put(repository, "pod-1", *(f"c{number}" for number in range(200)))

    def size() -> int:
        with repository.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    before = size()
    for number in range(10):
        old, new = ("running", "paused") if number % 2 == 0 else ("paused", "running")
        for cid in range(200):
            repository.transition("pod-1", f"c{cid}", new, expected=old, force=True)
    assert (size() - before) / 200 <= 2000


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        ("UPDATE container_history SET valid_to = '2001-01-01'", "end before they begin"),
        ("UPDATE container SET updated_at = '2999-01-01'", "does not end when the present one begins"),
        ("UPDATE container_lifetime SET removed_at = created_at", "is not recorded, or is over"),
        ("DELETE FROM sandbox", "of which there is no row"),
        ("UPDATE mount SET since = 99", "their container has not come to"),
    ],
)
def test_broken_rules(pod: ContainerRepository, spoil: str, what: str) -> None:
    """The check of a database finds history that does not hold together."""
    pod.transition("pod-1", "a", "stopped", expected="running")
    pod.transition("pod-1", "a", "running", expected="stopped", force=True)
    with pod.database.session(write=True) as session:
        session.execute(text(spoil))
    assert any(what in finding.what for finding in check(pod.database))


def test_gaps(repository: ContainerRepository, database: Database) -> None:
    """A time of which states may be missing is an event of the host, in the feed and in the view of events."""
    began, ended = datetime(2026, 1, 2, 3, 4, 5, 6, UTC), datetime(2026, 1, 2, 4, tzinfo=UTC)
    put(repository, "pod-1", "a")
    repository.acting(cause="watch").record_gap(began, ended, "the database was away")
    event = next(iter(repository.events(kinds=["gap"])))
    assert (event.host, event.sid, event.cid, event.cause) == (repository.host, None, None, "watch")
    assert (event.began_at, event.at, event.reason) == (began, ended, "the database was away")
    assert list(repository.events(host="other")) == []
    for wrong in ((ended, began, "x"), (began.replace(tzinfo=None), ended, "x"), (began, ended, "\0")):
        with pytest.raises(InvalidValue):
            repository.record_gap(*wrong)


def test_a_gap_whose_commit_is_unknown(repository: ContainerRepository, database: Database) -> None:
    """A gap that was recorded is found by its time, so that it is not recorded again."""
    began, ended = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    repository.record_gap(began, ended, "x")
    recording = database.compiled.recording
    for at, found in ((ended, True), (began, False)):
        values = {"host": repository.host, "at": utc_text(at)}
        assert (database.read(lambda: value(recording.find_gap, values)) is not None) is found  # noqa: B023  run at once
