"""Revision 0014: the history of what is there begins, and a downgrade loses it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb.errors import WouldLose
from persistdb.schema import migrate
from persistdb.schema.history import ContainerLifetime, Event, Retention, SandboxLifetime
from persistdb.store.repository import ContainerRepository
from tests.store.samples import put

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database


@pytest.fixture
def upgraded(database: Database) -> Database:
    """A database of 0013 with rows, upgraded."""
    migrate.upgrade(database, "0013", host=model.HOST, moment=model.MOMENT)
    dumps.insert(database.engine, model.sample("0013"))
    migrate.upgrade(database, "0014")
    return database


def test_what_is_there_begins(upgraded: Database) -> None:
    """Each sandbox and container has a lifetime from its creation on, and an event of it, in the order of time."""
    rows = dumps.rows(upgraded.engine)
    homes = {row["id"]: row["sandbox_id"] for row in rows["container"]}
    born = [(row["created_at"], 0, row["id"], None, row["state"], 1) for row in rows["sandbox"]]
    born += [(r["created_at"], 1, r["sandbox_id"], r["id"], r["state"], r["revision"]) for r in rows["container"]]
    with sa.orm.Session(upgraded.engine) as session:
        # the columns that there were
        columns = [column for column in Event.__table__.c if column.name not in {"host", "began_at"}]
        events = session.execute(sa.select(*columns).order_by(Event.id)).all()
        found = [
            (e.at, e.container_id is not None, e.sandbox_id, e.container_id, e.new_state, e.revision) for e in events
        ]
        assert found == sorted(born, key=lambda one: (one[0], one[1], one[2], one[3] or 0))
        assert {(e.kind, e.old_state, e.cause, e.actor) for e in events} == {("created", None, "upgrade", None)}
        assert [e.transaction_id is not None for e in events] == [upgraded.backend.name == "postgresql"] * len(events)
        sandboxes = session.scalars(sa.select(SandboxLifetime).order_by(SandboxLifetime.id)).all()
        assert [(s.id, s.host, s.sid, s.created_at, s.removed_at) for s in sandboxes] == [
            (row["id"], row["host"], row["sid"], row["created_at"], None) for row in rows["sandbox"]
        ]
        containers = session.scalars(sa.select(ContainerLifetime)).all()
        assert {c.id: c.sandbox_id for c in containers} == homes
        assert all(c.removed_at is None for c in containers)


def test_the_setting(upgraded: Database) -> None:
    """History is kept for thirty days, and known from the upgrade on."""
    with sa.orm.Session(upgraded.engine) as session:
        (setting,) = session.scalars(sa.select(Retention)).all()
        assert (setting.id, setting.seconds, setting.pruned_id) == (1, 30 * 24 * 3600, 0)
        assert 0 <= (datetime.now(UTC) - setting.horizon).total_seconds() < 600


def test_a_downgrade(database: Database) -> None:
    """A downgrade says how many rows of history it loses, and an upgrade begins with what is there."""
    repository = ContainerRepository(database, host="node-1")
    put(repository, "pod-1", "a", "b")
    repository.transition("pod-1", "a", "stopped", expected="running")
    repository.delete("pod-1", "b")
    with pytest.raises(WouldLose) as caught:
        migrate.downgrade(database, "0013")
    lost = {loss.place: loss.rows for loss in caught.value.losses}
    assert lost["event"] == 5
    assert (lost["container_history"], lost["mount_history"], lost["sandbox_history"]) == (2, 4, 1)
    migrate.downgrade(database, "0013", allow_loss=True)
    migrate.upgrade(database)
    with sa.orm.Session(database.engine) as session:
        assert len(session.scalars(sa.select(Event)).all()) == 2
        (life,) = session.scalars(sa.select(ContainerLifetime)).all()
        assert life.cid == "a"
    assert repository.get("pod-1", "a").record.state == "stopped"
