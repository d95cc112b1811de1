"""Revision 0016: events may be of a host as a whole, and a downgrade loses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb.errors import EventsPruned, WouldLose
from persistdb.schema import migrate
from persistdb.schema.history import Event
from persistdb.store.repository import ContainerRepository
from tests.store.samples import put

from . import model

if TYPE_CHECKING:
    from persistdb import Database


def _add_gap(database: Database) -> int:
    gap = {"kind": "gap", "revision": 0, "at": model.MOMENT, "began_at": model.MOMENT, "host": "node-1"}
    with sa.orm.Session(database.engine) as session:
        event = Event(**gap, cause="watch", reason="database away")
        if database.backend.name == "postgresql":
            event.transaction_id = session.scalar(sa.text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"))
        session.add(event)
        session.commit()
        return event.id


def _events(database: Database) -> list[tuple[int, int | None, str]]:
    with database.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT id, sandbox_id, kind FROM event ORDER BY id"))
        return [(id_, sandbox, kind) for id_, sandbox, kind in rows]


def test_events_stay(database: Database) -> None:
    """A downgrade keeps the events of sandboxes as they are, says how many gaps it loses, and an upgrade comes back."""
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a")
    gap = _add_gap(database)
    repository.transition("pod-1", "a", "stopped", expected="running")
    before = _events(database)
    assert (gap, None, "gap") in before
    with pytest.raises(WouldLose) as caught:
        migrate.downgrade(database, "0015")
    assert {loss.place: loss.rows for loss in caught.value.losses} == {"event": 1}
    migrate.downgrade(database, "0015", allow_loss=True)
    kept = [event for event in before if event[0] != gap]
    assert _events(database) == kept
    migrate.upgrade(database)
    assert _events(database) == kept
    repository.delete("pod-1", "a")
    assert [kind for _, _, kind in _events(database)][-1] == "removed"


def test_a_consumer_that_has_read_a_gap(database: Database) -> None:
    """A consumer whose last event was a gap that a downgrade removed misses nothing: it begins again, or goes on."""
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a")
    _add_gap(database)
    feed = repository.events()
    assert [event.kind for event in feed][-1] == "gap"
    migrate.downgrade(database, "0015", allow_loss=True)
    migrate.upgrade(database)
    repository.transition("pod-1", "a", "stopped", expected="running")
    if database.backend.name == "postgresql":  # where a number never comes again
        assert [event.kind for event in repository.events(after=feed.cursor)] == ["state"]
    else:
        with pytest.raises(EventsPruned):
            list(repository.events(after=feed.cursor))
    assert [event.kind for event in repository.events()][-1] == "state"
