"""Whatever is called in whatever order, and whatever is pruned: what was is what a model remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from persistdb.errors import BeforeHorizon, NotFound
from persistdb.records import STATES, Container, ContainerState, DeviceMap, Event, Mount, Process, SandboxState
from persistdb.store.pruning import Pruning
from persistdb.store.repository import ContainerRepository

from .events import forget

if TYPE_CHECKING:
    from persistdb import Database

Name = tuple[str, str]
MONTH = timedelta(days=30)
SIDS = st.sampled_from(["a", "b"])
CIDS = st.sampled_from(["x", "y"])
RECORDS = st.builds(
    ContainerState,
    state=st.sampled_from([*sorted(STATES), ""]),
    cgroup_path=st.sampled_from(["", "/c"]),
    rootfs=st.builds(Mount, type=st.sampled_from(["", "ext4"])),
    mounts=st.lists(st.builds(Mount, source=st.sampled_from(["/a", "/b"])), max_size=3),
    device_maps=st.lists(st.builds(DeviceMap, id=st.sampled_from(["d", "e"])), max_size=2),
    processes=st.lists(st.builds(Process, pid=st.integers(0, 2)), max_size=2),
)


class Was(NamedTuple):
    """A container as it was, and the time until which it was so; ``None`` if it still is."""

    container: Container
    until: datetime | None


class Machine(RuleBasedStateMachine):
    """Change the containers of a host, and remember each version of each beside it."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM sandbox"))
        forget(self.database)
        self.repository = ContainerRepository(self.database, host="n")
        self.versions: dict[Name, list[Was]] = {}
        self.removed: set[Name] = set()
        self.events: list[Event] = []
        self.cursor: str | None = None
        self.horizon = datetime.min.replace(tzinfo=UTC)

    @initialize()
    def begin(self) -> None:
        with self.database.engine.begin() as connection:
            connection.execute(text("UPDATE retention SET horizon = :at"), {"at": "2000-01-01 00:00:00+00:00"[:19]})

    # --- changes

    @rule(sid=SIDS, state=st.sampled_from(["", "running"]), containers=st.dictionaries(CIDS, RECORDS, max_size=2))
    def save_sandbox(self, sid: str, state: str, containers: dict[str, ContainerState]) -> None:
        self.repository.save_sandbox(SandboxState(sid=sid, state=state), containers)

    @rule(sid=SIDS, cid=CIDS, record=RECORDS)
    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        if self.repository.sandbox_ids().count(sid):
            self.repository.save(sid, cid, record)

    @rule(sid=SIDS, cid=CIDS, new=st.sampled_from(sorted(STATES)))
    def transition(self, sid: str, cid: str, new: str) -> None:
        if self.repository.exists(sid, cid):
            old = self.repository.get(sid, cid).record.state
            if old != new:
                self.repository.transition(sid, cid, new, expected=old, force=True)

    @rule(sid=SIDS, cid=CIDS)
    def delete(self, sid: str, cid: str) -> None:
        self.repository.delete(sid, cid)

    @rule(sid=SIDS)
    def destroy_sandbox(self, sid: str) -> None:
        self.repository.destroy_sandbox(sid)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def prune(self, data: st.DataObject) -> None:
        before = data.draw(st.sampled_from(self.events)).at
        Pruning(self.database).run(now=before + MONTH)
        self.horizon = max(self.horizon, before)

    # --- what was

    @invariant()
    def remember(self) -> None:
        """Compare the events with what has changed, and remember each version."""
        feed = self.repository.events(after=self.cursor)
        new = list(feed)
        self.cursor = feed.cursor
        self.events += new
        for event in new:
            if event.cid is None:
                continue
            versions = self.versions.setdefault((event.sid, event.cid), [])
            if event.kind == "created":
                assert not versions or versions[-1].until is not None
            else:
                assert versions[-1].until is None
                versions[-1] = Was(versions[-1].container, event.at)
            if event.kind != "removed":
                now = self.repository.get(event.sid, event.cid)
                assert (now.revision, now.updated_at, now.record.state) == (event.revision, event.at, event.new_state)
                versions.append(Was(now, None))
        there = {(one.sid, one.cid): one for one in self.repository.iterate()}
        assert there == {name: known[-1].container for name, known in self.versions.items() if known[-1].until is None}

    @rule(data=st.data(), beside=st.sampled_from([timedelta(microseconds=n) for n in (-1, 0, 1)]))
    @precondition(lambda self: self.events)
    def look_back(self, data: st.DataObject, beside: timedelta) -> None:
        at = data.draw(st.sampled_from(self.events)).at + beside
        for name in sorted(self.versions):
            if at < self.horizon:
                with pytest.raises(BeforeHorizon):
                    self.repository.get(*name, at=at)
                continue
            found = self._at(name, at)
            if found is None:
                with pytest.raises(NotFound):
                    self.repository.get(*name, at=at)
            else:
                assert self.repository.get(*name, at=at) == found
        if at >= self.horizon:
            wanted = [found for name in sorted(self.versions) if (found := self._at(name, at)) is not None]
            assert self.repository.find(at=at) == wanted
            assert sorted(self.repository.iterate(at=at), key=lambda one: (one.sid, one.cid)) == wanted
            for sid in {sid for sid, _ in self.versions}:
                within = {one.cid: one for one in wanted if one.sid == sid}
                if within:
                    assert self.repository.load_sandbox(sid, at=at).containers == within

    def _at(self, name: Name, at: datetime) -> Container | None:
        """Return the version of a time; of two lifetimes the younger one is meant."""
        versions = self.versions[name]
        return next(
            (
                one.container
                for one in reversed(versions)
                if one.container.updated_at <= at and (one.until is None or at < one.until)
            ),
            None,
        )

    @rule(data=st.data())
    @precondition(lambda self: self.versions)
    def look_at_a_revision(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.versions)))
        known = [one for one in self.versions[name] if one.until is None or one.until > self.horizon]
        found = list(self.repository.history(*name)) if known else []
        assert [(one.container, one.valid_to) for one in found] == known
        if known:
            # revisions are of the youngest lifetime
            began = known[-1].container.created_at
            for one in known:
                if one.container.created_at == began:
                    assert self.repository.get(*name, revision=one.container.revision) == one.container


def run(database: Database, examples: int, steps: int) -> None:
    machine = type("Machine", (Machine,), {"database": database})
    soak = settings().max_examples > 100  # the profile that searches for long
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # Hypothesis's own
        machine,
        settings=settings(
            max_examples=settings().max_examples if soak else examples,
            stateful_step_count=steps,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.slow
def test_sqlite_remembers(sqlite_store: tuple[str, Database]) -> None:
    """SQLite remembers all that was."""
    run(sqlite_store[1], 60, 40)


def test_postgresql_remembers(postgresql_store: tuple[str, Database]) -> None:
    """PostgreSQL remembers all that was."""
    run(postgresql_store[1], 12, 30)


def test_mariadb_remembers(mariadb_store: tuple[str, Database]) -> None:
    """MariaDB remembers all that was."""
    run(mariadb_store[1], 12, 30)
