"""Whatever Go can write is stored and found again, and no order of calls makes the store differ from a dictionary."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from persistdb.errors import AlreadyExists, Ambiguous, Conflict, InvalidTransition, NotFound, StateMismatch
from persistdb.filters import Filter
from persistdb.records import (
    STATES,
    TRANSITIONS,
    ContainerState,
    Mount,
    Origin,
    Process,
    Sandbox,
    SandboxState,
    SandboxWrite,
)
from persistdb.store.repository import ContainerRepository
from persistdb.validation import invalid_id
from tests.runtimes.kata.strategies import RECORDS, TEXT

if TYPE_CHECKING:
    from persistdb import Database

# Hypothesis draws constants of the code, too, such as the names of runtimes' files, which are no IDs
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12).filter(
    lambda key: invalid_id(key) is None
)
ORIGINS = st.builds(
    Origin,
    layout=TEXT,
    extra=st.none()
    | st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=3).map(
        lambda keys: msgspec.json.encode({k: str(v) for k, v in keys.items()}).decode()
    ),
    document=st.none() | TEXT,
)


def unique(record: ContainerState) -> ContainerState:
    """Leave each token with its first process only."""
    seen: set[str] = set()
    processes = []
    for process in record.processes:
        twice = process.token in seen
        seen.add(process.token)
        processes.append(msgspec.structs.replace(process, token="") if twice else process)
    return msgspec.structs.replace(record, processes=processes)


UNIQUE = RECORDS.map(unique)

# The database is emptied within the test: it is the same for all examples.
store_settings = settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@store_settings
@given(host=KEYS, sid=KEYS, cid=KEYS, record=UNIQUE, other=UNIQUE, origin=ORIGINS)
def test_any_record_comes_back(
    database: Database, host: str, sid: str, cid: str, record: ContainerState, other: ContainerState, origin: Origin
) -> None:
    """Any record that Go can write comes back equal, whatever it replaces and whichever way it is read."""
    repository = ContainerRepository(database, host=host)
    repository.destroy_sandbox(sid)
    repository.save_sandbox(SandboxState(sid=sid), {cid: other})
    for wanted in (record, other, record):
        repository.save(sid, cid, wanted, origin=origin)
        found = repository.get(sid, cid)
        assert found.record == wanted
        assert found.origin == origin
    assert repository.load_sandbox(sid).containers[cid] == found
    assert repository.look_up(f"{sid}/{cid}") == found
    assert repository.find(Filter("sid", sid), Filter("cid", cid)) == [found]
    for mount in record.mounts:
        assert repository.find(Filter("sid", sid), Filter("destination", mount.destination)) == [found]
    assert repository.save(sid, cid, record, revision=found.revision) == found.revision


@store_settings
@given(
    st.builds(
        SandboxState,
        sid=KEYS,
        state=TEXT,
        persist_version=st.none() | st.integers(-(2**31), 2**31 - 1),
        cgroup_path=TEXT,
        document=st.none() | TEXT,
        layout=TEXT,
    )
)
def test_any_sandbox_comes_back(database: Database, record: SandboxState) -> None:
    """Any sandbox comes back equal."""
    repository = ContainerRepository(database, host="node-1")
    repository.destroy_sandbox(record.sid)
    repository.save_sandbox(record, {})
    assert repository.load_sandbox(record.sid).record == record


@store_settings
@given(prefix=KEYS, cids=st.sets(KEYS, max_size=6), data=st.data())
def test_any_prefix(database: Database, prefix: str, cids: set[str], data: st.DataObject) -> None:
    """Any prefix finds exactly the IDs that begin with it, in the order of their characters."""
    cids |= {prefix + rest for rest in data.draw(st.sets(KEYS, max_size=3)) if invalid_id(prefix + rest) is None}
    repository = ContainerRepository(database, host="node-1")
    repository.save_sandbox(SandboxState(sid="pod"), {cid: ContainerState() for cid in cids})
    wanted = sorted(cid for cid in cids if cid.startswith(prefix))
    assert [one.cid for one in repository.find(Filter("cid", prefix, prefix=True))] == wanted
    if prefix in cids or len(wanted) == 1:
        assert repository.look_up(prefix).cid == (prefix if prefix in cids else wanted[0])
    else:
        with pytest.raises(Ambiguous if wanted else NotFound):
            repository.look_up(prefix)


# --- the machine: few names, so that calls meet

SIDS = st.sampled_from(["a", "A", "b "])
CIDS = st.sampled_from(["x", "X", "x ", "xy"])
TOKENS = st.sampled_from(["", "", "1", "2", "3"])
SMALL = st.builds(
    ContainerState,
    state=st.sampled_from([*sorted(STATES), ""]),
    rootfs=st.builds(Mount, type=st.sampled_from(["", "ext4"])),
    mounts=st.lists(st.builds(Mount, destination=st.sampled_from(["/a", "/b"])), max_size=2),
    processes=st.lists(st.builds(Process, token=TOKENS, pid=st.integers(0, 3)), max_size=2),
).map(unique)
MAPS = st.dictionaries(CIDS, SMALL, max_size=3)


class Model:
    """What a dictionary would remember of one host's sandboxes."""

    def __init__(self) -> None:
        self.sandboxes: dict[str, tuple[str, dict[str, ContainerState]]] = {}

    def clashes(self, containers: dict[str, ContainerState]) -> bool:
        """Whether a token stands for two processes."""
        tokens = [process.token for record in containers.values() for process in record.processes if process.token]
        return len(tokens) > len(set(tokens))

    def find(self, **values: str) -> list[tuple[str, str]]:
        """The containers whose state, token or type is this, sorted."""
        return sorted(
            (sid, cid)
            for sid, (_, containers) in self.sandboxes.items()
            for cid, record in containers.items()
            if all(value in _values(record)[key] for key, value in values.items())
        )


def _values(record: ContainerState) -> dict[str, set[str]]:
    return {
        "state": {record.state},
        "type": {mount.type for mount in (record.rootfs, *record.mounts)},
        "token": {process.token for process in record.processes},
    }


class Machine(RuleBasedStateMachine):
    """Call the repository of two hosts in any order, and a model of each beside it."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM sandbox"))
        hosts = ("n", "N")
        self.repositories = {host: ContainerRepository(self.database, host=host) for host in hosts}
        self.models = {host: Model() for host in hosts}
        self.seen: dict[tuple[str, str], Sandbox] = {}

    hosts = st.sampled_from(["n", "n", "n", "N"])
    reads = Bundle("reads")

    def both(self, host: str) -> tuple[ContainerRepository, dict[str, tuple[str, dict[str, ContainerState]]]]:
        return self.repositories[host], self.models[host].sandboxes

    # --- writing

    @rule(host=hosts, sid=SIDS, state=st.sampled_from(["", "running"]), containers=MAPS)
    def save_sandbox(self, host: str, sid: str, state: str, containers: dict[str, ContainerState]) -> None:
        repository, stored = self.both(host)
        if self.models[host].clashes(containers):
            with pytest.raises(AlreadyExists):
                repository.save_sandbox(SandboxState(sid=sid, state=state), containers)
        else:
            repository.save_sandbox(SandboxState(sid=sid, state=state), containers)
            stored[sid] = (state, dict(containers))

    @rule(host=hosts, wanted=st.dictionaries(SIDS, st.tuples(MAPS, st.sets(CIDS)) | st.just((None, set())), max_size=3))
    def save_many(self, host: str, wanted: dict[str, tuple[dict[str, ContainerState] | None, set[str]]]) -> None:
        repository, stored = self.both(host)
        writes = [
            SandboxWrite(sid=sid, containers=containers, keep=frozenset(keep))
            for sid, (containers, keep) in wanted.items()
        ]
        after = {}
        for sid, (containers, keep) in wanted.items():
            state, old = stored.get(sid, ("", {}))
            stay = old if containers is None else {cid: old[cid] for cid in old if cid in keep}
            after[sid] = (state, {**stay, **(containers or {})})
        if any(self.models[host].clashes(containers) for _, containers in after.values()):
            with pytest.raises(AlreadyExists):
                repository.save_many(writes)
        else:
            assert repository.save_many(writes) == len(writes)
            stored.update(after)

    @rule(host=hosts, sid=SIDS)
    def destroy_sandbox(self, host: str, sid: str) -> None:
        repository, stored = self.both(host)
        assert repository.destroy_sandbox(sid) is (stored.pop(sid, None) is not None)

    @rule(host=hosts, sid=SIDS, cid=CIDS, record=SMALL, at=st.none() | st.integers(0, 3))
    def save(self, host: str, sid: str, cid: str, record: ContainerState, at: int | None) -> None:
        repository, stored = self.both(host)
        if sid not in stored:
            with pytest.raises(NotFound):
                repository.save(sid, cid, record, revision=at)
            return
        containers = stored[sid][1]
        actual = repository.get(sid, cid).revision if cid in containers else None
        if at is not None and at != (actual or 0):
            with pytest.raises(Conflict) as caught:
                repository.save(sid, cid, record, revision=at)
            assert (caught.value.expected, caught.value.actual) == (at, actual)
        elif self.models[host].clashes({**containers, cid: record}):
            with pytest.raises(AlreadyExists):
                repository.save(sid, cid, record, revision=at)
        else:
            revision = repository.save(sid, cid, record, revision=at)
            if actual is not None:
                assert revision == actual + (record != containers[cid])
            containers[cid] = record

    @rule(host=hosts, sid=SIDS, cid=CIDS)
    def delete(self, host: str, sid: str, cid: str) -> None:
        repository, stored = self.both(host)
        there = sid in stored and stored[sid][1].pop(cid, None) is not None
        assert repository.delete(sid, cid) is there

    @rule(
        host=hosts,
        sid=SIDS,
        cid=CIDS,
        old=st.none() | st.sampled_from(sorted(STATES)),
        new=st.sampled_from([*sorted(STATES), ""]),
        force=st.booleans(),
    )
    def transition(self, host: str, sid: str, cid: str, old: str | None, new: str, force: bool) -> None:
        repository, stored = self.both(host)
        record = stored.get(sid, ("", {}))[1].get(cid)
        expected = old if old is not None else record.state if record else "ready"
        error: type[Exception] | None = None
        if not force and (expected, new) not in TRANSITIONS:
            error = InvalidTransition
        elif record is None:
            error = NotFound
        elif record.state != expected:
            error = StateMismatch
        if error is None and record is not None:
            repository.transition(sid, cid, new, expected=expected, force=force)
            stored[sid][1][cid] = msgspec.structs.replace(record, state=new)
        else:
            with pytest.raises(error or Exception):
                repository.transition(sid, cid, new, expected=expected, force=force)

    # --- reading one revision and saving at it later

    @rule(target=reads, host=hosts, sid=SIDS)
    def read(self, host: str, sid: str) -> Any:
        repository, stored = self.both(host)
        return (host, sid, repository.load_sandbox(sid)) if sid in stored else (host, sid, None)

    @rule(read=consumes(reads), containers=MAPS)
    def save_what_was_read(self, read: Any, containers: dict[str, ContainerState]) -> None:
        host, sid, sandbox = read
        repository, stored = self.both(host)
        if sandbox is None or self.models[host].clashes(containers):
            return
        now = repository.load_sandbox(sid) if sid in stored else None
        state = SandboxState(sid=sid, state="stopped")
        if now is not None and now.revision == sandbox.revision:
            repository.save_sandbox(state, containers, revision=sandbox.revision)
            stored[sid] = ("stopped", dict(containers))
        else:
            with pytest.raises(Conflict) as caught:
                repository.save_sandbox(state, containers, revision=sandbox.revision)
            assert caught.value.actual == (now.revision if now else None)

    # --- reading

    @rule(host=hosts, sid=SIDS, cid=CIDS)
    def get(self, host: str, sid: str, cid: str) -> None:
        repository, stored = self.both(host)
        record = stored.get(sid, ("", {}))[1].get(cid)
        assert repository.exists(sid, cid) is (record is not None)
        if record is None:
            with pytest.raises(NotFound):
                repository.get(sid, cid)
        else:
            assert repository.get(sid, cid).record == record

    @rule(host=hosts, sid=st.none() | SIDS, cid=CIDS, cut=st.integers(0, 1))
    def look_up(self, host: str, sid: str | None, cid: str, cut: int) -> None:
        repository, stored = self.both(host)
        ref = cid[: len(cid) - cut] or cid
        there = [(s, c) for s, (_, containers) in stored.items() for c in containers if sid in (None, s)]
        fitting = [one for one in there if one[1] == ref] or [one for one in there if one[1].startswith(ref)]
        text = ref if sid is None else f"{sid}/{ref}"
        if len(fitting) == 1:
            found = repository.look_up(text)
            assert [(found.sid, found.cid)] == fitting
        else:
            with pytest.raises(Ambiguous if fitting else NotFound):
                repository.look_up(text)

    @rule(
        host=hosts,
        values=st.fixed_dictionaries(
            {},
            optional={
                "state": st.sampled_from([*sorted(STATES), ""]),
                "type": st.sampled_from(["", "ext4"]),
                "token": st.sampled_from(["1", "2"]),
            },
        ),
        limit=st.none() | st.integers(0, 3),
        batch=st.integers(1, 3),
    )
    def find(self, host: str, values: dict[str, str], limit: int | None, batch: int) -> None:
        repository, _ = self.both(host)
        expected = self.models[host].find(**values)
        filters = list(itertools.starmap(Filter, values.items()))
        assert [(one.sid, one.cid) for one in repository.find(*filters, limit=limit)] == expected[:limit]
        assert sorted((one.sid, one.cid) for one in repository.iterate(*filters, batch=batch)) == expected
        assert repository.count(*filters) == len(expected)

    # --- what holds after each step

    @invariant()
    def the_store_is_the_model(self) -> None:
        for host, repository in self.repositories.items():
            stored = self.models[host].sandboxes
            found = {one.record.sid: one for one in repository.load_sandboxes(batch=2)}
            assert {
                sid: (one.record.state, {cid: held.record for cid, held in one.containers.items()})
                for sid, one in found.items()
            } == stored
            # a revision that was seen stands for what was seen with it, as long as the sandbox is not created again
            for sid, one in found.items():
                last = self.seen.get((host, sid))
                if last is not None and last.created_at == one.created_at:
                    assert one.revision >= last.revision
                    assert one.revision > last.revision or one == last
                self.seen[host, sid] = one

    @invariant()
    def nothing_is_left_over(self) -> None:
        with self.database.engine.connect() as connection:
            for table in ("mount", "device_map", "process"):
                query = text(f"SELECT count(*) FROM {table} WHERE container_id NOT IN (SELECT id FROM container)")
                assert connection.execute(query).scalar_one() == 0


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
def test_sqlite_is_the_model(sqlite_store: tuple[str, Database]) -> None:
    """Whatever is called in whatever order, SQLite holds what a dictionary would."""
    run(sqlite_store[1], 60, 40)


def test_postgresql_is_the_model(postgresql_store: tuple[str, Database]) -> None:
    """Whatever is called in whatever order, PostgreSQL holds what a dictionary would."""
    run(postgresql_store[1], 12, 30)


def test_mariadb_is_the_model(mariadb_store: tuple[str, Database]) -> None:
    """Whatever is called in whatever order, MariaDB holds what a dictionary would."""
    run(mariadb_store[1], 12, 30)
