"""The numbers of a fleet: what they are, and that they cost the same whatever the fleet's size."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository
from persistdb.metrics.readings import AUDITS, CONTAINERS, HISTORY, OTHER, OTHER_HOSTS, read
from persistdb.records import ContainerState, Machine, SandboxState, SandboxWrite
from persistdb.schema.version import HEAD
from tests.store.audits import audit
from tests.store.test_growth import rows_read

if TYPE_CHECKING:
    from persistdb import Database
    from tests.servers import Statements

SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 12, tzinfo=UTC)
MACHINE = Machine(boot_id="b", kernel="6.1.0", programs="persistdb 1")


def pod(repository: ContainerRepository, sid: str, *states: str) -> None:
    """Save a sandbox with a container in each state."""
    containers = {f"{sid}-{i}": ContainerState(state=state) for i, state in enumerate(states)}
    repository.save_sandbox(SandboxState(sid=sid, state="running"), containers)


@pytest.fixture
def fleet(repository: ContainerRepository, database: Database) -> Database:
    """Store three hosts, one of which no import ever read."""
    pod(repository, "a", "running", "running", "stopped")
    pod(repository, "b", "running", "", "made-up")
    repository.mark_seen(["a"], source="/run/vc/sbs", at=SEEN, machine=MACHINE)
    second = ContainerRepository(database, host="node-2")
    pod(second, "a", "paused")
    second.mark_seen(["a"], source="/run/vc/sbs", at=LATER, machine=MACHINE)
    pod(ContainerRepository(database, host="node-3"), "x")
    with database.engine.begin() as connection:
        for table in ("audit_run", "audit_finding"):
            connection.execute(text(f"DELETE FROM {table}"))
    audit(database, "node-1", ("mount", "/old"), gone=True, at=SEEN)
    audit(database, "node-1", ("mount", "/a"), ("mount", "/b"), ("process", "1"), at=LATER)
    audit(database, "node-4", at=SEEN)
    return database


def test_numbers(fleet: Database) -> None:
    """Containers are counted by host, runtime and state, sandboxes by host; a state of nobody's is another one."""
    found = read(fleet)
    assert found.containers == {
        ("node-1", "kata", "running"): 3,
        ("node-1", "kata", "stopped"): 1,
        ("node-1", "kata", OTHER): 2,
        ("node-2", "kata", "paused"): 1,
    }
    assert found.sandboxes == {"node-1": 2, "node-2": 1, "node-3": 1}
    assert found.last_seen == {"node-1": SEEN, "node-2": LATER}
    assert found.findings == {("node-1", "mount"): 2, ("node-1", "process"): 1}
    assert found.last_audit == {"node-1": LATER, "node-4": SEEN}
    assert (found.hosts, found.revision) == (3, HEAD)
    assert found.size is not None
    assert found.size > 100_000


def test_one_host(fleet: Database) -> None:
    """With a host its numbers alone are read."""
    found = read(fleet, host="node-2")
    assert (dict(found.containers), dict(found.sandboxes)) == ({("node-2", "kata", "paused"): 1}, {"node-2": 1})
    assert (list(found.last_seen), dict(found.findings), dict(found.last_audit)) == (["node-2"], {}, {})


@pytest.mark.parametrize(
    ("limit", "names"), [(0, {OTHER_HOSTS}), (1, {"node-1", OTHER_HOSTS}), (3, {"node-1", "node-2", "node-3"})]
)
def test_hosts_have_a_limit(fleet: Database, limit: int, names: set[str]) -> None:
    """Hosts beyond the limit are added up, so that no fleet makes more series than that."""
    found = read(fleet, max_hosts=limit)
    assert set(found.sandboxes) == names
    assert sum(found.sandboxes.values()) == 4
    assert sum(found.containers.values()) == 7
    assert sum(found.findings.values()) == 3
    assert found.last_audit[OTHER_HOSTS] == SEEN
    assert found.last_seen.get(OTHER_HOSTS) in ({0: SEEN, 1: LATER, 3: None}[limit],)
    assert found.hosts == 3


def test_events_only_grow(fleet: Database) -> None:
    """The number of events is not smaller after they were pruned, all of them or some."""
    before = read(fleet).last_event
    assert before >= 4
    with fleet.engine.begin() as connection:
        connection.execute(text("UPDATE retention SET pruned_id = (SELECT max(id) FROM event)"))
        connection.execute(text("DELETE FROM event"))
    assert read(fleet).last_event == before


def test_nothing_is_there(database: Database) -> None:
    """A database without a sandbox has numbers, too."""
    found = read(database)
    assert (dict(found.containers), dict(found.sandboxes), found.hosts) == ({}, {}, 0)


def test_statements_do_not_grow(fleet: Database, sent: Statements) -> None:
    """More hosts, sandboxes and containers take no more statements."""
    read(fleet)
    sent.clear()
    read(fleet)
    few = len(sent.texts)
    for host in range(20):
        writes = [
            SandboxWrite(sid=f"s{i}", record=SandboxState(sid=f"s{i}"), containers={"c": ContainerState()})
            for i in range(5)
        ]
        ContainerRepository(fleet, host=f"host-{host}").save_many(writes)
    sent.clear()
    assert read(fleet).hosts == 23
    assert len(sent.texts) == few <= 8


def test_one_pass_over_the_containers(sqlite_store: tuple[str, Database]) -> None:
    """Containers are counted in one pass: nothing is looked up for each of them but its sandbox."""
    _, database = sqlite_store
    with database.engine.connect() as connection:
        steps = {
            of_host: [
                row[-1]
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {CONTAINERS}".format(of_host=of_host))
            ]
            for of_host in ("", " WHERE host = 'node-1'")
        }
    assert [[step.split()[0] for step in plan] for plan in steps.values()] == [
        ["SCAN", "SEARCH", "USE"],
        ["SEARCH", "SEARCH", "USE"],
    ]


def test_a_host_s_last_audit(sqlite_store: tuple[str, Database]) -> None:
    """The last audit of one host is looked for among its own."""
    _, database = sqlite_store
    sql = AUDITS.format(of_host=" WHERE host = 'node-1'", finished_at="finished_at")
    with database.engine.connect() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert any("ix_audit_run_host_id (host=?)" in step for step in plan)
    assert not any(step.startswith("SCAN") for step in plan)


def test_the_last_event_costs_the_same(fleet: Database) -> None:
    """The number of the last event is read by its key, however many there are."""
    sql = HISTORY.format(horizon="horizon")
    before = rows_read(fleet, sql, {})
    for i in range(60):
        pod(ContainerRepository(fleet, host="node-9"), f"s{i}")
    assert rows_read(fleet, sql, {}) <= before + 2
