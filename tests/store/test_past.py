"""What was: containers and sandboxes as they were at a time, or in a revision."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from sqlalchemy import text

from persistdb.errors import Ambiguous, BeforeHorizon, HistoryOff, InvalidValue, NotFound, Unreadable
from persistdb.records import (
    Changes,
    Container,
    ContainerState,
    DeviceMap,
    Mount,
    Origin,
    Process,
    Sandbox,
    TextChange,
    Version,
)
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from persistdb import Database
    from tests.servers import Statements

COLORS = ("threads", "tasks")
_MOMENT = timedelta(microseconds=1)
_LATER = datetime(2999, 1, 1, tzinfo=UTC)


class Was(NamedTuple):
    """A container as it was found, and the time until which it was so; ``None`` if it still is."""

    found: Container
    until: datetime | None


def _changed(**values: object) -> ContainerState:
    return container("a", **values)


def _lived(repository: ContainerRepository) -> list[Was]:
    """Let a container live: changes of its state, of its lists, and of its texts; return it after each."""
    found: list[Container] = []

    def note() -> None:
        found.append(repository.get("pod-1", "a"))

    full = _changed()
    repository.save_sandbox(
        SANDBOX, {"a": full, "b": container("b")}, origins={"a": Origin(layout="2.2", extra='{"x":1}')}
    )
    note()
    repository.transition("pod-1", "a", "paused", expected="running")
    note()
    repository.transition("pod-1", "a", "stopped", expected="paused")
    note()
    grown = [*full.mounts, Mount(source="/new", destination="/new")]
    repository.save("pod-1", "a", _changed(state="stopped", mounts=grown))
    note()
    repository.transition("pod-1", "a", "running", expected="stopped")
    note()
    repository.save("pod-1", "a", _changed(mounts=grown[1:], device_maps=full.device_maps[:1]))
    note()
    repository.save("pod-1", "a", _changed(mounts=[], device_maps=[], processes=[Process(token="exec", pid=7)]))
    note()
    repository.save("pod-1", "a", _changed(bundle_path="/elsewhere"), origin=Origin(layout="3.28", document="{}"))
    note()
    return [Was(one, other.updated_at) for one, other in itertools.pairwise(found)] + [Was(found[-1], None)]


def _times(was: Was) -> list[datetime]:
    """Return the first and the last time at which it was so."""
    return [was.found.updated_at, _LATER if was.until is None else was.until - _MOMENT]


def test_each_version(repository: ContainerRepository) -> None:
    """A container comes back as it was, with all that belonged to it, from each change on until the next."""
    for was in _lived(repository):
        for at in _times(was):
            assert repository.get("pod-1", "a", at=at) == was.found
        assert repository.get("pod-1", "a", revision=was.found.revision) == was.found


def test_before_it_was_there(repository: ContainerRepository) -> None:
    """A container was not there before it was created, which its sandbox may have been."""
    put(repository, "pod-1", "a")
    repository.save("pod-1", "b", container("b"))
    created = repository.get("pod-1", "b").created_at
    with pytest.raises(NotFound):
        repository.get("pod-1", "b", at=created - _MOMENT)
    assert list(repository.load_sandbox("pod-1", at=created - _MOMENT).containers) == ["a"]
    with pytest.raises(NotFound):
        repository.load_sandbox("pod-1", at=repository.get("pod-1", "a").created_at - _MOMENT)


def test_after_it_was_removed(repository: ContainerRepository) -> None:
    """A container that was removed, with its sandbox or alone, comes back as it was until then."""
    put(repository, "pod-1", "a", "b")
    first, second = repository.get("pod-1", "a"), repository.get("pod-1", "b")
    repository.delete("pod-1", "a")
    whole = repository.load_sandbox("pod-1")
    repository.destroy_sandbox("pod-1")
    assert repository.get("pod-1", "a", at=first.updated_at) == first
    assert repository.get("pod-1", "b", revision=second.revision) == second
    assert repository.load_sandbox("pod-1", at=whole.updated_at) == whole
    for cid in "ab":
        with pytest.raises(NotFound):
            repository.get("pod-1", cid, at=_LATER)
    with pytest.raises(NotFound):
        repository.load_sandbox("pod-1", at=_LATER)


def test_made_again_under_its_id(repository: ContainerRepository) -> None:
    """A container that was removed and made again is told apart from the one before, by its time of creation."""
    put(repository, "pod-1", "a")
    first = repository.get("pod-1", "a")
    repository.delete("pod-1", "a")
    repository.save("pod-1", "a", container("other", state="ready"))
    second = repository.get("pod-1", "a")
    assert repository.get("pod-1", "a", at=first.created_at) == first
    assert repository.get("pod-1", "a", at=second.created_at) == second
    assert repository.get("pod-1", "a", revision=first.revision) == first
    versions = list(repository.history("pod-1", "a"))
    assert [one.container for one in versions] == [first, second]
    assert [(one.removed, one.valid_to is None, one.changes) for one in versions] == [
        (True, False, Changes()),
        (False, True, Changes()),
    ]


def test_sandboxes(repository: ContainerRepository) -> None:
    """A sandbox comes back with the containers that it had, at each time and in each revision."""
    found: list[Sandbox] = []

    def note() -> None:
        found.append(repository.load_sandbox("pod-1"))

    repository.save_sandbox(SANDBOX, {"a": container("a"), "b": container("b")})
    note()
    repository.transition("pod-1", "a", "stopped", expected="running")
    note()
    repository.save_sandbox(msgspec.structs.replace(SANDBOX, state="paused"))
    note()
    repository.delete("pod-1", "b")
    note()
    repository.save("pod-1", "c", container("c"))
    note()
    repository.save_sandbox(
        msgspec.structs.replace(SANDBOX, document="{}", cgroup_path="/x"), {"c": container("c", mounts=[])}
    )
    note()
    for one in found:
        assert repository.load_sandbox("pod-1", revision=one.revision) == one
        began = max([one.updated_at, *(each.updated_at for each in one.containers.values())])
        if one is not found[3]:  # a removal leaves no time behind in what is left
            assert repository.load_sandbox("pod-1", at=began) == one
    with pytest.raises(NotFound, match="revision 999 of sandbox"):
        repository.load_sandbox("pod-1", revision=999)


def test_lists(repository: ContainerRepository) -> None:
    """Filters, orders and pages are of what was at the time."""
    blue, green = DeviceMap(id="blue"), DeviceMap(id="green")
    for i in range(5):
        put(repository, f"pod-{i}", "a", "b", device_maps=[blue], state="ready")
    then = max(one.updated_at for one in repository.find())
    was = list(repository.find(sort="cid"))
    repository.save("pod-1", "a", container("pod-1-a", device_maps=[green]))
    repository.transition("pod-2", "a", "running", expected="ready")
    repository.delete("pod-3", "a")
    repository.destroy_sandbox("pod-4")
    repository.save_sandbox(sandbox("pod-9"), {"z": container("z", device_maps=[blue], state="ready")})
    for question in ([], ["device=blue"], ["state=ready"], ["device=blue", "state!=running"], ["type=proc"]):
        assert list(repository.find(*question, sort="cid", at=then)) == was
        assert sorted(repository.iterate(*question, at=then, batch=3), key=lambda one: (one.cid, one.sid)) == was
        assert repository.count(*question, at=then) == len(was)
    assert list(repository.find("device=green", at=then)) == []
    assert [one.sid for one in repository.find("device=green", at=_LATER)] == ["pod-1"]
    assert list(repository.find("sid=pod-4", "cid=a*", at=then, all_hosts=True)) == [was[4]]
    page = repository.summaries(sort="-devices", at=then, limit=4)
    rest = repository.summaries(sort="-devices", at=then, after=page.cursor)
    assert sorted((one.cid, one.sid) for one in (*page, *rest)) == [(one.cid, one.sid) for one in was]
    assert [one.sid for one in repository.iterate("cid=a", sort="sid", at=then, batch=2)] == [
        f"pod-{i}" for i in range(5)
    ]


def test_no_join_is_added_to_what_is(repository: ContainerRepository, sent: Statements) -> None:
    """What is asked of what is, and not of what was, names no table of history."""
    put(repository, "pod-1", "a")
    sent.clear()
    repository.get("pod-1", "a")
    repository.load_sandbox("pod-1")
    repository.find("device=drive-1")
    list(repository.iterate())
    assert sent.texts
    assert not [one for one in sent.texts if "_history" in one or "_lifetime" in one]


def test_history(repository: ContainerRepository) -> None:
    """All versions come, the first one first, each with its end and what differs from the one before."""
    lived = _lived(repository)
    for batch in (1, 3, 200):
        versions = list(repository.history("pod-1", "a", batch=batch))
        assert [(one.container, one.valid_to, one.removed) for one in versions] == [(*was, False) for was in lived]
    full = container("a")
    new, (proc, data, tmp) = Mount(source="/new", destination="/new"), full.mounts
    exec_ = Process(token="exec", pid=7)
    assert [one.changes for one in versions] == [
        Changes(),
        Changes(texts=[TextChange(field="state", old="running", new="paused")]),
        Changes(texts=[TextChange(field="state", old="paused", new="stopped")]),
        Changes(mounts_added=[new]),
        Changes(texts=[TextChange(field="state", old="stopped", new="running")]),
        Changes(mounts_removed=[proc], devices_removed=full.device_maps[1:]),
        Changes(
            mounts_removed=[data, tmp, new],
            devices_removed=full.device_maps[:1],
            processes_removed=full.processes,
            processes_added=[exec_],
        ),
        Changes(
            texts=[
                TextChange(field="bundle_path", old=full.bundle_path, new="/elsewhere"),
                TextChange(field="layout", old="2.2", new="3.28"),
                TextChange(field="extra", old='{"x":1}', new=None),
                TextChange(field="document", old=None, new="{}"),
            ],
            mounts_added=full.mounts,
            devices_added=full.device_maps,
            processes_removed=[exec_],
            processes_added=full.processes,
        ),
    ]
    assert [Version.from_json(one.to_json()) for one in versions] == versions


def test_history_of_what_never_was(repository: ContainerRepository) -> None:
    """A container that never was has no history, which is an error."""
    put(repository, "pod-1", "a")
    with pytest.raises(NotFound):
        next(iter(repository.history("pod-1", "b")))
    with pytest.raises(InvalidValue):
        next(iter(repository.history("pod-1", "a", batch=0)))


def _retain(database: Database, assignment: str, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE retention SET {assignment}"), values)


@pytest.fixture
def kept(database: Database) -> Sequence[object]:
    """Put back how long history is kept."""
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT seconds, horizon FROM retention")).one()
    yield row
    _retain(database, "seconds = :seconds, horizon = :horizon", seconds=row[0], horizon=row[1])


def test_before_the_horizon(repository: ContainerRepository, database: Database, kept: Sequence[object]) -> None:
    """A time before the horizon is an error that names it, never an answer that nothing was there."""
    put(repository, "pod-1", "a")
    early = datetime(2020, 1, 1, tzinfo=UTC)
    for ask in (
        lambda: repository.get("pod-1", "a", at=early),
        lambda: repository.load_sandbox("pod-1", at=early),
        lambda: repository.find(at=early),
        lambda: repository.count("state=running", at=early),
        lambda: list(repository.iterate(at=early)),
        lambda: list(repository.iterate(at=early, sort="cid")),
    ):
        with pytest.raises(BeforeHorizon, match="2020-01-01T00:00:00Z is before") as caught:
            ask()
        assert caught.value.at == early
        assert caught.value.horizon <= datetime.now(UTC)
    assert kept


def test_where_history_is_off(repository: ContainerRepository, database: Database, kept: Sequence[object]) -> None:
    """Where nothing is recorded, a question about what was is an error that says so."""
    put(repository, "pod-1", "a")
    _retain(database, "seconds = 0")
    for ask in (
        lambda: repository.get("pod-1", "a", at=_LATER),
        lambda: repository.get("pod-1", "a", revision=99),
        lambda: repository.load_sandbox("pod-1", at=_LATER),
        lambda: repository.load_sandbox("pod-1", revision=1),
        lambda: repository.find(at=_LATER),
        lambda: next(iter(repository.history("pod-1", "a"))),
    ):
        with pytest.raises(HistoryOff):
            ask()
    assert repository.get("pod-1", "a")
    assert kept


@pytest.mark.parametrize("at", ["2026-01-31", 5, datetime(2026, 1, 31)])  # noqa: DTZ001  refused
def test_no_time(repository: ContainerRepository, at: object) -> None:
    """What is no time, or a time without its zone, is refused."""
    for ask in (
        lambda: repository.get("pod-1", "a", at=at),  # type: ignore[arg-type]  # refused
        lambda: repository.load_sandbox("pod-1", at=at),  # type: ignore[arg-type]
        lambda: repository.find(at=at),  # type: ignore[arg-type]
        lambda: list(repository.iterate(at=at)),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidValue, match=r"^at: "):
            ask()


def test_a_time_and_a_revision(repository: ContainerRepository) -> None:
    """A time and a revision together are refused, and a revision that never was is not found."""
    put(repository, "pod-1", "a")
    with pytest.raises(InvalidValue, match="give one of them"):
        repository.get("pod-1", "a", at=_LATER, revision=1)
    with pytest.raises(InvalidValue, match="give one of them"):
        repository.load_sandbox("pod-1", at=_LATER, revision=1)
    with pytest.raises(NotFound, match="revision 7 of container 'pod-1/a'"):
        repository.get("pod-1", "a", revision=7)


def test_other_hosts(repository: ContainerRepository, database: Database) -> None:
    """What was on another host is not what was on this one."""
    put(repository, "pod-1", "a")
    other = ContainerRepository(database, host="node-2")
    other.save_sandbox(sandbox("pod-2"), {"b": container("b")})
    at = other.get("pod-2", "b").updated_at
    with pytest.raises(NotFound):
        repository.get("pod-2", "b", at=at)
    with pytest.raises(NotFound):
        other.load_sandbox("pod-1", at=at)
    assert [one.cid for one in repository.find(at=at)] == ["a"]
    assert [one.cid for one in repository.find(at=at, all_hosts=True)] == ["a", "b"]


def test_unreadable(repository: ContainerRepository, database: Database) -> None:
    """A version whose rows no record can hold is an error that names the container, and others are listed."""
    put(repository, "pod-1", "a", "b")
    then = repository.get("pod-1", "a").updated_at
    repository.save("pod-1", "a", container("pod-1-a", mounts=[]))
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM mount_history WHERE position = 0"))
        connection.execute(
            text(
                "DELETE FROM mount WHERE position = 0"
                " AND container_id = (SELECT max(id) FROM container WHERE cid = 'a')"
            )
        )
    with pytest.raises(Unreadable) as caught:
        repository.get("pod-1", "a", at=then)
    assert caught.value.ref == "pod-1/a"
    faults: list[Unreadable] = []
    assert [one.cid for one in repository.find(at=then, on_unreadable=faults.append)] == ["b"]
    assert [one.cid for one in repository.iterate(at=then, on_unreadable=faults.append)] == ["b"]
    assert [fault.ref for fault in faults] == ["pod-1/a"] * 2


def test_abbreviated_ids(repository: ContainerRepository) -> None:
    """An abbreviated ID is looked for among what was there at the time."""
    put(repository, "pod-1", "web-1", "web-2")
    then = repository.get("pod-1", "web-2").updated_at
    repository.delete("pod-1", "web-2")
    only = repository.look_up("web")
    assert only.cid == "web-1"
    with pytest.raises(Ambiguous):
        repository.look_up("web", at=then)
    assert repository.look_up("po/web-2", at=then).cid == "web-2"
    repository.destroy_sandbox("pod-1")
    assert repository.look_up_sandbox("po", at=then) == "pod-1"
    with pytest.raises(NotFound):
        repository.look_up_sandbox("po", at=_LATER)
    assert [list(one.containers) for one in repository.load_sandboxes(at=then)] == [["web-1", "web-2"]]


def test_all_sandboxes(repository: ContainerRepository) -> None:
    """A host's sandboxes come as they were, in pages; one that cannot be read is left out and named."""
    for i in range(5):
        put(repository, f"pod-{i}", "a")
    was = list(repository.load_sandboxes())
    then = max(one.containers["a"].updated_at for one in was)
    for i in range(0, 5, 2):
        repository.destroy_sandbox(f"pod-{i}")
    assert list(repository.load_sandboxes(at=then, batch=2)) == was
    assert list(repository.load_sandboxes(at=_LATER, batch=2)) == [was[1], was[3]]
