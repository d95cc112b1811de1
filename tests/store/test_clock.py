"""Clocks that were set back: a row that was created later than now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text, update

from persistdb.errors import NotFound
from persistdb.schema import tables
from persistdb.store import encoding
from persistdb.store.encoding import utc_text

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import ContainerRepository

_TEXTS = ("source", "destination", "type", "host_path", "block_device_id")
LATER = datetime(2100, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

CHANGES: dict[str, Callable[[ContainerRepository], object]] = {
    "save": lambda repository: repository.save("pod-1", "a", container("a", state="stopped")),
    "save of shorter lists": lambda repository: repository.save("pod-1", "a", container("a", mounts=[])),
    "save of a new container": lambda repository: repository.save("pod-1", "b", container("b")),
    "save of a sandbox": lambda repository: repository.save_sandbox(
        sandbox("pod-1", state="stopped"), {"a": container("a", state="stopped")}
    ),
    "delete": lambda repository: repository.delete("pod-1", "a"),
    "transition": lambda repository: repository.transition("pod-1", "a", "stopped", expected="running"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_never_updated_before_created(
    repository: ContainerRepository, change: Callable[[ContainerRepository], object]
) -> None:
    """Where the clock was set back since a row was created, a change is stamped with the time of the creation."""
    put(repository, "pod-1", "a")
    with repository.database.session(write=True) as session:
        for table in (tables.Sandbox, tables.Container):
            session.execute(update(table).values(created_at=LATER, updated_at=LATER))
    change(repository)
    with repository.database.session() as session:
        for table in (tables.Sandbox, tables.Container):
            for row in session.scalars(select(table)):
                assert row.updated_at >= row.created_at


def _set(repository: ContainerRepository, *assignments: str) -> None:
    """Set times to the later one, as a clock that was set back since has left them."""
    value = f"'{utc_text(LATER)}" + ("+00:00'" if repository.database.backend.name == "postgresql" else "'")
    with repository.database.engine.begin() as connection:
        for assignment in assignments:
            connection.execute(text(f"UPDATE {assignment} = {value}"))


def _add(repository: ContainerRepository) -> None:
    with repository.database.session(write=True) as session:
        home = session.scalars(select(tables.Sandbox)).one()
        empty = dict.fromkeys(("cgroup_path", "bundle_path", "layout"), "")
        rootfs = tables.Mount(position=0, is_rootfs=True, **dict.fromkeys(_TEXTS, ""), read_only=False, mounted=False)
        session.add(tables.Container(sandbox=home, cid="b", state="running", mounts=[rootfs], **empty))


CREATIONS: dict[str, Callable[[ContainerRepository], object]] = {
    "save": lambda repository: repository.save("pod-1", "b", container("b")),
    "save after another": lambda repository: [repository.save("pod-1", cid, container(cid)) for cid in ("c", "b")],
    "save of a sandbox": lambda repository: put(repository, "pod-1", "a", "b"),
    "object of a session": _add,
}


@pytest.mark.parametrize("create", CREATIONS.values(), ids=CREATIONS)
def test_never_created_before_its_sandbox(
    repository: ContainerRepository, create: Callable[[ContainerRepository], object]
) -> None:
    """A container that is added where the clock was set back begins with its sandbox, and is found from then on."""
    put(repository, "pod-1", "a")
    _set(repository, "sandbox SET updated_at", "sandbox SET created_at", "sandbox_lifetime SET created_at")
    create(repository)
    new = repository.get("pod-1", "b")
    assert (new.created_at, new.updated_at) == (LATER, LATER)
    assert repository.get("pod-1", "b", at=LATER) == new
    assert [event.at for event in repository.events() if event.cid == "b"] == [LATER]


def test_never_removed_before_what_is_in_it(repository: ContainerRepository) -> None:
    """A sandbox that is removed where the clock was set back ends with the last of its containers."""
    put(repository, "pod-1", "a", "b")
    before = repository.load_sandbox("pod-1")
    _set(repository, "container SET updated_at")
    repository.destroy_sandbox("pod-1")
    assert {event.at for event in repository.events() if event.kind == "removed"} == {LATER}
    last = repository.load_sandbox("pod-1", at=LATER - timedelta(microseconds=1))
    assert last.record == before.record
    assert {cid: one.record for cid, one in last.containers.items()} == {
        cid: one.record for cid, one in before.containers.items()
    }


def test_a_revision_that_no_time_has(repository: ContainerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox is not found in a revision at which it was, by its times, never what they make of it."""
    put(repository, "pod-1", "a", "b")
    with monkeypatch.context() as clock:
        clock.setattr(encoding, "time_ns", lambda: time_ns() + 3600 * 10**9)
        repository.transition("pod-1", "a", "stopped", expected="running")
    assert repository.load_sandbox("pod-1").revision == 2
    repository.transition("pod-1", "b", "stopped", expected="running")
    last = repository.load_sandbox("pod-1")
    assert repository.load_sandbox("pod-1", revision=last.revision) == last
    with pytest.raises(NotFound, match="revision 2 of sandbox"):
        repository.load_sandbox("pod-1", revision=2)
