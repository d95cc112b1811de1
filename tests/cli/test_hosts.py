"""``hosts rm``: a host that is gone is counted, and removed where that is confirmed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.store.claim import Claim
from tests.store.audits import audit
from tests.store.samples import age, put

if TYPE_CHECKING:
    from .program import Program

LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def fleet(persistdb: Program) -> Program:
    """Store two hosts, of which one is of long ago."""
    with persistdb.repository("node-2") as repository:
        put(repository, "pod-1", "a", "b")
        repository.mark_seen(["pod-1"], source="/run/vc/sbs", at=LONG_AGO)
        audit(repository.database, "node-2", ("missing-mount", "/srv/data"), at=LONG_AGO)
        age(repository.database, LONG_AGO)
    with persistdb.repository("node-1") as repository:
        put(repository, "pod-1", "a")
    return persistdb


def test_a_host_is_counted_first(fleet: Program) -> None:
    """Without --yes it is said what would go, and how to remove it; nothing goes, and the status is 3."""
    done = fleet("hosts", "rm", "node-2")
    assert (done.status, done.out) == (
        3,
        "host node-2: 1 sandbox with 2 containers, 1 audit, 1 finding; last heard of at 2026-01-31T12:00:00Z\n",
    )
    assert done.err.endswith("hosts rm node-2 --yes\n")
    assert [row["host"] for row in fleet("hosts", "-o", "json").rows] == ["node-1", "node-2"]


def test_a_host_is_removed(fleet: Program) -> None:
    """With --yes it goes, each sandbox with a line and its events with the cause and the reason; others stay."""
    done = fleet("hosts", "rm", "node-2", "--yes", "--reason", "scrapped")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "removed sandbox pod-1",
        "removed host node-2: 1 sandbox with 2 containers, 1 audit, 1 finding",
    ]
    assert [row["host"] for row in fleet("hosts", "-o", "json").rows] == ["node-1"]
    events = fleet("events", "--host", "node-2", "--kind", "removed", "-o", "{{.cid}} {{.cause}} {{.reason}}")
    assert {"a rm scrapped", "b rm scrapped"} <= set(events.out.splitlines())
    again = fleet("hosts", "rm", "node-2", "--yes")
    assert (again.status, again.err) == (3, "persistdb: no host 'node-2'\n")


def test_a_host_of_lately_is_kept(fleet: Program) -> None:
    """A host that was heard of in the last hour takes --allow-recent, which the message names."""
    refused = fleet("hosts", "rm", "node-1", "--yes")
    assert (refused.status, refused.out) == (3, "")
    assert "host 'node-1' was heard of at " in refused.err
    assert "--allow-recent" in refused.err
    assert fleet("hosts", "rm", "node-1", "--yes", "--allow-recent").status == 0
    assert [row["host"] for row in fleet("hosts", "-o", "json").rows] == ["node-2"]


def test_a_watched_host_is_kept(fleet: Program) -> None:
    """A host that a watcher follows is not removed, and the watcher is named."""
    with fleet.repository("node-2") as repository:
        claim = Claim(repository)
        try:
            done = fleet("hosts", "rm", "node-2", "--yes", "--allow-recent")
        finally:
            claim.release()
    assert (done.status, "watched already, by process" in done.err) == (3, True)
    with Database(fleet.url) as database, database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sandbox").scalar_one() == 2


@pytest.mark.parametrize("words", [["rm"], ["rm", ""], ["rm", "a", "b"], ["rm", "n" * 256]])
def test_wrong_arguments(fleet: Program, words: list[str]) -> None:
    """No name, two, or one that no host can have is misuse."""
    assert fleet("hosts", *words).status == 2


def test_nothing_is_created(absent: Program) -> None:
    """A database that is not there is not created for it."""
    assert absent("hosts", "rm", "node-1", "--yes").status == 3
