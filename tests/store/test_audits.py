"""Audits in the store: what is new, what stays, what comes and goes, and what was there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb.errors import InvalidValue
from persistdb.records import AuditFinding, AuditRun, ContainerState, Mount, SandboxState
from persistdb.store.pruning import Pruning
from persistdb.store.repository import ContainerRepository

if TYPE_CHECKING:
    from persistdb import Database
    from tests.servers import Statements

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
AWKWARD = "a'b\"c\\d :e %s\n\N{SNOWMAN}\N{PILE OF POO}"


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def finding(subject: str, check: str = "leaked-mount", **values: Any) -> AuditFinding:
    said = {"recorded": "stopped", "observed": "mounted", "advice": "umount"}
    return AuditFinding(check=check, subject=subject, **(said | values))


def record(repository: ContainerRepository, hour: int, *found: AuditFinding, checks: tuple[str, ...] = ()) -> None:
    made = list(checks or ("leaked-mount", "cgroup"))
    repository.record_audit(AuditRun(started_at=at(hour), finished_at=at(hour), checks=made), list(found))


def seen(repository: ContainerRepository) -> dict[str, tuple[datetime, datetime, int, datetime | None]]:
    return {
        one.finding.subject: (one.first_seen, one.last_seen, one.times_seen, one.gone_at)
        for one in repository.findings(open_only=False)
    }


@pytest.mark.parametrize("color", ["threads", "tasks"])
def test_findings_over_runs(repository: ContainerRepository) -> None:
    """A finding has its first and last time, counts how often it appeared, and is gone when a run misses it."""
    record(repository, 0, finding("/stays"), finding("/goes"))
    record(repository, 1, finding("/stays", observed="more"), finding("/new"))
    record(repository, 2, finding("/stays"), finding("/goes"))
    assert seen(repository) == {
        "/stays": (at(0), at(2), 1, None),
        "/goes": (at(0), at(2), 2, None),
        "/new": (at(1), at(1), 1, at(2)),
    }
    assert [one.finding.subject for one in repository.findings()] == ["/goes", "/stays"]


def test_checks_that_were_not_made(repository: ContainerRepository) -> None:
    """What another check found stays open when a run does not make it, and one subject of two checks is two."""
    record(repository, 0, finding("/a"), finding("/a", "cgroup"))
    record(repository, 1, checks=("cgroup",))
    assert [(one.finding.check, one.finding.subject) for one in repository.findings()] == [("leaked-mount", "/a")]


def test_sandboxes_that_were_not_read(repository: ContainerRepository) -> None:
    """Findings of a sandbox whose records could not be read stay open, and those of others end."""
    record(repository, 0, finding("/a", sid="a"), finding("/b", sid="b"), finding("/c"))
    run = AuditRun(started_at=at(1), finished_at=at(1), checks=["leaked-mount"])
    repository.record_audit(run, [], unread={"a", "x"})
    assert [one.finding.subject for one in repository.findings()] == ["/a"]


def test_what_is_known_of_findings(repository: ContainerRepository, database: Database) -> None:
    """What is stored of findings is told of these alone, of this host, also where they are gone."""
    record(ContainerRepository(database, host="node-2"), 0, finding("/new"))
    record(repository, 0, finding("/gone"), finding("/a", "cgroup"), finding("/other"))
    record(repository, 1, finding("/other"), checks=("leaked-mount",))
    asked = [finding("/gone"), finding("/a"), finding("/a", "cgroup"), finding("/new")]
    found = {(one.finding.check, one.finding.subject): one for one in repository.known_findings(asked)}
    assert {key: one.gone_at for key, one in found.items()} == {
        ("leaked-mount", "/gone"): at(1),
        ("cgroup", "/a"): None,
    }
    assert all(one in repository.findings(open_only=False) for one in found.values())
    assert repository.known_findings([]) == []


def test_hosts_apart(repository: ContainerRepository, database: Database) -> None:
    """An audit of one host says nothing of another."""
    other = ContainerRepository(database, host="node-2")
    record(repository, 0, finding("/a"))
    record(other, 1, finding("/a"))
    record(other, 2)
    assert [one.finding.subject for one in repository.findings()] == ["/a"]
    assert other.findings() == []


def test_any_text(repository: ContainerRepository) -> None:
    """Text of any length and any characters comes back as it was, and differs to the last of them."""
    long = "/" + "x" * 70_000
    given = [
        finding(AWKWARD, recorded=AWKWARD, observed=long, advice=AWKWARD, sid=AWKWARD, cid="c" * 255, began_at=at(-9)),
        finding(long),
        finding(long + "y"),
        finding(long + " "),
    ]
    record(repository, 0, *given)
    record(repository, 1, *given)
    found = {one.finding.subject: one.finding for one in repository.findings()}
    assert found == {one.subject: one for one in given}


def test_values_that_are_none(repository: ContainerRepository) -> None:
    """What is no run or finding, or cannot be stored, is refused, and nothing is written."""
    run = AuditRun(started_at=at(0), finished_at=at(0), checks=["cgroup"])
    with pytest.raises(InvalidValue):
        repository.record_audit(run, [finding("a\0b")])
    with pytest.raises(InvalidValue):
        repository.record_audit(run, ["x"])  # type: ignore[list-item]  # refused
    with pytest.raises(InvalidValue):
        repository.record_audit("x", [])  # type: ignore[arg-type]  # refused
    assert repository.findings() == []


def test_times_without_a_zone(repository: ContainerRepository) -> None:
    """A time without its zone is refused, and nothing is stored: it would be taken for this machine's."""
    naive = datetime(2026, 1, 31, 12)  # noqa: DTZ001  refused
    refused: list[tuple[AuditRun, list[AuditFinding]]] = [
        (AuditRun(started_at=naive, finished_at=at(0), checks=[]), []),
        (AuditRun(started_at=at(0), finished_at=naive, checks=[]), []),
        (AuditRun(started_at=at(0), finished_at=at(0), checks=["leaked-mount"]), [finding("/a", began_at=naive)]),
    ]
    for run, found in refused:
        with pytest.raises(InvalidValue, match="has no time zone"):
            repository.record_audit(run, found)
    assert repository.findings(open_only=False) == []


def test_statements(repository: ContainerRepository, sent: Statements) -> None:
    """However many findings, an audit is stored by three statements."""
    numbers = []
    for many in (1, 1000):
        sent.clear()
        record(repository, many, *(finding(f"/{i}") for i in range(many)))
        numbers.append(len([one for one in sent.texts if "audit_" in one]))
    assert numbers == [3, 3]


def test_who_had_a_path(repository: ContainerRepository) -> None:
    """The removed containers of a path and the removed sandboxes of an ID are told, of this host and of their end."""
    mount = Mount(source="/s", destination="/d", host_path="/run/kata/1")
    rootfs = Mount(source="/run/b/rootfs", destination="/")
    users = Mount(source="/home/b/rootfs", destination="/")
    for sid, state in (
        ("a", ContainerState(rootfs=rootfs, mounts=[mount])),
        ("b", ContainerState(rootfs=users, mounts=[Mount(host_path="/other")])),
        ("c", ContainerState(mounts=[mount])),
    ):
        repository.save_sandbox(SandboxState(sid=sid), {"web": state})
    repository.save("b", "web", ContainerState(rootfs=users))
    for sid in "ab":
        repository.destroy_sandbox(sid)
    paths = ["/run/kata/1", "/run/b/rootfs", "/home/b/rootfs", "/other", "/none"]
    found = repository.past_holders(paths=paths, sids=["a", "c"])
    assert sorted((one.what, one.sid, one.cid) for one in found if one.cid) == [
        ("/run/b/rootfs", "a", "web"),
        ("/run/kata/1", "a", "web"),
    ]
    assert [(one.sid, one.cid) for one in found if not one.cid] == [("a", None)]
    assert repository.past_holders() == []


def test_pruning(repository: ContainerRepository, database: Database) -> None:
    """Findings that are long gone, and runs of which none is left, are removed with the history of their age."""
    record(repository, 0, finding("/old"), finding("/open"))
    for hour in (1, 2, 3):
        record(repository, hour, finding("/open"))
    done = Pruning(database).run(now=at(2) + timedelta(days=30))
    assert {name: number for name, number in done.rows.items() if name.startswith("audit")} == {
        "audit_finding": 1,
        "audit_run": 2,
    }
    assert [*seen(repository)] == ["/open"]
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit_run")) == 2
