"""The removal of a host that is gone: all of it goes but its history, and nothing of another host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from persistdb import AlreadyWatched, ContainerRepository, HostInUse, Machine, NotFound
from persistdb.schema.core import METADATA, host, sandbox
from persistdb.schema.core_audit import audit_finding, audit_run
from persistdb.store.claim import Claim
from persistdb.store.hosts import RECENT, HostRemoval, StoredHost

from .audits import audit
from .samples import age, put

if TYPE_CHECKING:
    from persistdb import Database

LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)
ELSEWHERE = "node-2"


def counted(database: Database, name: str) -> dict[str, int]:
    """Count what is stored of a host, by table."""
    columns = (sandbox.c.host, host.c.name, audit_run.c.host, audit_finding.c.host)
    with database.engine.connect() as connection:
        return {
            str(column.table.name): connection.execute(select(func.count()).where(column == name)).scalar_one()
            for column in columns
        }


def fill(repository: ContainerRepository) -> None:
    """Store two sandboxes of a host, with an audit, which was seen long ago."""
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "c")
    repository.mark_seen(["pod-1"], source="/run/vc/sbs", at=LONG_AGO, machine=Machine(boot_id="2f1c", kernel="6.1"))
    audit(repository.database, repository.host, ("missing-mount", "/srv/data"), at=LONG_AGO)


@pytest.fixture
def other(repository: ContainerRepository) -> ContainerRepository:
    """A second host, which has the same."""
    other = ContainerRepository(repository.database, host=ELSEWHERE)
    for each in (repository, other):
        fill(each)
    age(repository.database, LONG_AGO)
    return other


def test_a_host_goes(repository: ContainerRepository, other: ContainerRepository) -> None:
    """A host's sandboxes, audits and sightings go, with an event for each container; another host's stay."""
    database, gone = repository.database, []
    before = counted(database, ELSEWHERE)
    removal = HostRemoval(repository.acting(cause="rm", reason="scrapped"))
    assert removal.stored() == StoredHost(2, 3, 1, 1, LONG_AGO)
    assert removal.run(progress=gone.append) == StoredHost(2, 3, 1, 1, LONG_AGO)
    assert gone == ["pod-1", "pod-2"]
    assert set(counted(database, repository.host).values()) == {0}
    assert counted(database, ELSEWHERE) == before
    assert other.count() == 3
    removed = [event for event in repository.events(kinds=["removed"]) if event.cid is not None]
    assert {(event.host, event.sid, event.cid, event.cause, event.reason) for event in removed} == {
        (repository.host, sid, cid, "rm", "scrapped") for sid, cid in (("pod-1", "a"), ("pod-1", "b"), ("pod-2", "c"))
    }
    with pytest.raises(NotFound, match="no host 'node-1'"):
        removal.stored()
    with pytest.raises(NotFound):
        removal.run()


@pytest.mark.usefixtures("other")
def test_history_stays(repository: ContainerRepository) -> None:
    """What a host had can be asked for at a time before it was removed."""
    before = datetime.now(UTC)
    HostRemoval(repository).run()
    assert repository.count() == 0
    assert {one.cid for one in repository.find(at=before)} == {"a", "b", "c"}


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize("sign", ["import", "save", "audit"])
def test_a_host_of_lately_stays(repository: ContainerRepository, sign: str) -> None:
    """A host that was imported, saved or audited in the last hour is removed only where that is allowed."""
    lately = datetime.now(UTC).replace(microsecond=0)
    if sign == "import":
        repository.mark_seen([], source="/run/vc/sbs", at=lately)
    elif sign == "audit":
        audit(repository.database, repository.host, at=lately)
    else:
        repository.transition("pod-1", "a", "paused", expected="running")
    before = counted(repository.database, repository.host)
    with pytest.raises(HostInUse) as caught:
        HostRemoval(repository).run()
    assert caught.value.host == repository.host
    assert caught.value.last_heard >= lately
    assert "allow_recent=True" in str(caught.value)
    assert "--allow-recent" in caught.value.on_command_line()
    assert counted(repository.database, repository.host) == before
    HostRemoval(repository).run(allow_recent=True)
    assert set(counted(repository.database, repository.host).values()) == {0}


def test_an_hour_is_long_enough(repository: ContainerRepository) -> None:
    """A host of which only a sighting is stored, older than an hour, goes."""
    repository.mark_seen([], source="/run/vc/sbs", at=datetime.now(UTC) - RECENT - timedelta(minutes=1))
    assert HostRemoval(repository).run()[:4] == (0, 0, 0, 0)
    assert counted(repository.database, repository.host)["host"] == 0


def test_a_watched_host_stays(repository: ContainerRepository, other: ContainerRepository) -> None:
    """While a watcher follows a host it is not removed, whatever is allowed; another host is."""
    claim = Claim(repository)
    try:
        with pytest.raises(AlreadyWatched):
            HostRemoval(repository).run(allow_recent=True)
        HostRemoval(other).run()
    finally:
        claim.release()
    assert (repository.count(), other.count()) == (3, 0)
    HostRemoval(repository).run()
    assert repository.count() == 0


def test_no_table_of_a_host_is_forgotten() -> None:
    """Each table with a column for the host's name is one that goes with the host, or its history, or a lock."""
    named = {table.name for table in METADATA.sorted_tables if {"host"} & set(table.c.keys())}
    assert named == {"sandbox", "audit_run", "audit_finding", "event", "sandbox_lifetime", "lease"}
