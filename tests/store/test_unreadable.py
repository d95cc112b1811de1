"""A container or sandbox that no record can hold is named with its IDs, and stops nothing else."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import Ambiguous, Conflict, Unreadable
from persistdb.filters import Filter
from persistdb.records import SandboxWrite
from persistdb.store.repository import ContainerRepository

from . import spoil
from .fixtures import HOST
from .samples import container, put, records, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import Database

COLORS = ("threads", "tasks")


@pytest.fixture(params=spoil.params(spoil.CONTAINERS))
def spoilt(request: pytest.FixtureRequest) -> ContainerRepository:
    """Store three sandboxes, and spoil pod-2/b of pod-2's three containers, in each way."""
    engine, kind = request.param
    repository = ContainerRepository(request.getfixturevalue(f"{engine}_store")[1], host=HOST)
    put(repository, "pod-1", "a")
    put(repository, "pod-2", "a", "b", "c")
    put(repository, "pod-3", "a")
    spoil.container(repository.database, "pod-2", "b", kind)
    return repository


@pytest.fixture(params=spoil.params(spoil.SANDBOXES))
def spoilt_sandbox(request: pytest.FixtureRequest) -> ContainerRepository:
    """Store three sandboxes, and spoil the own row of pod-2, in each way."""
    engine, kind = request.param
    repository = ContainerRepository(request.getfixturevalue(f"{engine}_store")[1], host=HOST)
    put(repository, "pod-1", "a")
    put(repository, "pod-2", "a", "b")
    put(repository, "pod-3", "a")
    spoil.sandbox(repository.database, "pod-2", kind)
    return repository


GOOD = ["pod-1/a", "pod-2/a", "pod-2/c", "pod-3/a"]


def test_what_is_asked_for(spoilt: ContainerRepository) -> None:
    """A get, load or look-up of it raises Unreadable with host, sid and cid, the remedy and the reason."""
    reads: list[Callable[[], object]] = [
        lambda: spoilt.get("pod-2", "b"),
        lambda: spoilt.load_sandbox("pod-2"),
        lambda: spoilt.look_up("pod-2/b"),
        lambda: spoilt.look_up("b", all_hosts=True),
    ]
    for read in reads:
        with pytest.raises(Unreadable) as caught:
            read()
        error = caught.value
        assert (error.host, error.sid, error.cid, error.ref) == (HOST, "pod-2", "b", "pod-2/b")
        assert error.detail
        assert "ContainerRepository.delete('pod-2', 'b')" in str(error)
        assert f"persistdb --host {HOST} rm pod-2/b" in error.on_command_line()
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_others(spoilt: ContainerRepository) -> None:
    """Every other container and sandbox is read as before, also by a look-up for which it is a candidate."""
    for ref in GOOD:
        assert spoilt.get(*ref.split("/")).record == container(ref.replace("/", "-"))
        assert spoilt.look_up(ref).cid == ref[-1]
    assert spoilt.look_up("pod-2/c").cid == "c"
    with pytest.raises(Ambiguous):
        spoilt.look_up("a")
    assert sorted(spoilt.load_sandbox("pod-1").containers) == ["a"]


@pytest.mark.parametrize("batch", [1, 2, 200])
def test_iterate(spoilt: ContainerRepository, batch: int) -> None:
    """An iteration yields the others and gives it to the function; without one it raises."""
    faults: list[Unreadable] = []
    yielded = [f"{one.sid}/{one.cid}" for one in spoilt.iterate(batch=batch, on_unreadable=faults.append)]
    assert sorted(yielded) == GOOD
    assert [fault.ref for fault in faults] == ["pod-2/b"]
    with pytest.raises(Unreadable, match="pod-2/b"):
        list(spoilt.iterate(batch=batch))
    filtered = spoilt.iterate(Filter("sid", "pod-2"), all_hosts=True, on_unreadable=faults.append)
    assert {one.cid for one in filtered} == {"a", "c"}
    assert len(faults) == 2


@pytest.mark.parametrize("batch", [1, 2, 3, 200])
@pytest.mark.parametrize("value", ["x'ff'", "CAST(x'61ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["container.cid", "sandbox.sid"])
def test_iterate_over_ids_that_are_no_text(
    sqlite_store: tuple[str, Database], column: str, value: str, batch: int
) -> None:
    """An iteration goes on behind an ID that is no text, and names its row."""
    repository = ContainerRepository(sqlite_store[1], host=HOST)
    for sid in ("pod-1", "pod-2", "pod-3"):
        put(repository, sid, "a", "b")
    table, _, name = column.partition(".")
    where = "cid = 'a' AND sandbox_id = 2" if table == "container" else "id = 2"
    with repository.database.writer.begin() as connection:
        assert connection.exec_driver_sql(f"UPDATE {table} SET {name} = {value} WHERE {where}").rowcount == 1
    faults: list[Unreadable] = []
    yielded = [f"{one.sid}/{one.cid}" for one in repository.iterate(batch=batch, on_unreadable=faults.append)]
    good = ["pod-1/a", "pod-1/b", *(["pod-2/b"] if table == "container" else []), "pod-3/a", "pod-3/b"]
    assert sorted(yielded) == good
    assert len(faults) == 6 - len(good)


def test_find(spoilt: ContainerRepository) -> None:
    """A list leaves it out, in order, and gives it to the function; without one it raises."""
    faults: list[Unreadable] = []
    assert [f"{one.sid}/{one.cid}" for one in spoilt.find(on_unreadable=faults.append)] == GOOD
    page = spoilt.find(sort="-sid", limit=3, offset=1, all_hosts=True, on_unreadable=faults.append)
    assert [f"{one.sid}/{one.cid}" for one in page] == ["pod-2/c", "pod-2/a"]
    assert [(fault.host, fault.ref) for fault in faults] == [(HOST, "pod-2/b")] * 2
    with pytest.raises(Unreadable, match="pod-2/b"):
        spoilt.find()
    assert len(spoilt.find(Filter("sid", "pod-1"))) == 1


def test_summaries(spoilt: ContainerRepository) -> None:
    """A list of summaries has each container whose summary can be made, and names every other one."""
    faults: list[Unreadable] = []
    listed = [f"{one.sid}/{one.cid}" for one in spoilt.summaries(on_unreadable=faults.append)]
    assert [ref for ref in listed if ref != "pod-2/b"] == GOOD
    assert ["pod-2/b"] * ("pod-2/b" not in listed) == [fault.ref for fault in faults]


def test_sandboxes(spoilt: ContainerRepository) -> None:
    """All other sandboxes are loaded, and the container is named."""
    for batch in (1, 2, 100):
        faults: list[Unreadable] = []
        loaded = [one.record.sid for one in spoilt.load_sandboxes(batch=batch, on_unreadable=faults.append)]
        assert loaded == ["pod-1", "pod-3"]
        assert [fault.ref for fault in faults] == ["pod-2/b"]
    with pytest.raises(Unreadable, match="pod-2/b"):
        list(spoilt.load_sandboxes())


def test_saving_its_sandbox(spoilt: ContainerRepository) -> None:
    """A save of the whole sandbox replaces it, alone and in a batch with others."""
    before = spoilt.get("pod-2", "a").revision
    wanted = {cid: container(f"pod-2-{cid}") for cid in "abc"}
    revision = spoilt.save_sandbox(sandbox("pod-2"), wanted)
    assert records(spoilt, "pod-2") == wanted
    loaded = spoilt.load_sandbox("pod-2")
    assert loaded.revision == revision
    assert loaded.containers["a"].revision == before
    assert loaded.containers["b"].revision > before
    assert spoilt.save_sandbox(sandbox("pod-2"), wanted) == revision


def test_saving_a_batch(spoilt: ContainerRepository) -> None:
    """A bulk save of it and others stores them all."""
    writes = [
        SandboxWrite(sid=f"pod-{i}", record=sandbox(f"pod-{i}"), containers={"b": container(f"new-{i}")})
        for i in range(1, 5)
    ]
    assert spoilt.save_many(writes) == 4
    assert [list(one.containers) for one in spoilt.load_sandboxes()] == [["b"]] * 4


def test_keeping_it(spoilt: ContainerRepository) -> None:
    """A save that keeps it leaves it as it is, and changes the rest."""
    spoilt.save_many([SandboxWrite(sid="pod-2", containers={"a": container()}, keep=frozenset("bc"))])
    assert spoilt.get("pod-2", "a").record == container()
    assert spoilt.exists("pod-2", "c")
    with pytest.raises(Unreadable):
        spoilt.get("pod-2", "b")


def test_saving_it(spoilt: ContainerRepository) -> None:
    """A save of the container alone replaces it, and leaves the others."""
    with pytest.raises(Conflict):
        spoilt.save("pod-2", "b", container("new"), revision=7)
    revision = spoilt.save("pod-2", "b", container("new"))
    saved = spoilt.get("pod-2", "b")
    assert (saved.record, saved.revision) == (container("new"), revision)
    assert records(spoilt, "pod-2") == {
        "a": container("pod-2-a"),
        "b": container("new"),
        "c": container("pod-2-c"),
    }
    assert spoilt.save("pod-2", "b", container("newer"), revision=revision) == revision + 1


def test_saving_another_container(spoilt: ContainerRepository) -> None:
    """Other containers of its sandbox are saved, added and moved to another state."""
    spoilt.save("pod-2", "a", container("other"))
    spoilt.save("pod-2", "d", container("added"))
    spoilt.transition("pod-2", "c", "paused", expected="running")
    assert {one.cid for one in spoilt.find(Filter("sid", "pod-2"), on_unreadable=lambda _: None)} == set("acd")


def test_removing_it(spoilt: ContainerRepository) -> None:
    """It is found by an abbreviated ID and removed, alone or with its sandbox."""
    assert spoilt.look_up_ids("b") == (HOST, "pod-2", "b")
    assert spoilt.look_up_ids("pod-2/b", all_hosts=True) == (HOST, "pod-2", "b")
    assert spoilt.delete("pod-2", "b")
    assert not spoilt.delete("pod-2", "b")
    assert sorted(spoilt.load_sandbox("pod-2").containers) == ["a", "c"]
    assert spoilt.destroy_sandbox("pod-2")


def test_destroying_its_sandbox(spoilt: ContainerRepository) -> None:
    """Its sandbox is destroyed with it."""
    assert spoilt.destroy_sandbox("pod-2")
    assert spoilt.sandbox_ids() == ["pod-1", "pod-3"]


def test_a_sandbox(spoilt_sandbox: ContainerRepository) -> None:
    """A sandbox whose own row no record can hold is named, and the others are loaded."""
    with pytest.raises(Unreadable) as caught:
        spoilt_sandbox.load_sandbox("pod-2")
    assert (caught.value.host, caught.value.sid, caught.value.cid) == (HOST, "pod-2", None)
    assert f"persistdb --host {HOST} rm --sandbox pod-2" in caught.value.on_command_line()
    faults: list[Unreadable] = []
    loaded = list(spoilt_sandbox.load_sandboxes(on_unreadable=faults.append))
    assert [one.record.sid for one in loaded] == ["pod-1", "pod-3"]
    assert [fault.ref for fault in faults] == ["pod-2"]
    assert len(spoilt_sandbox.find()) == 4
    assert spoilt_sandbox.destroy_sandbox("pod-2")
    assert len(list(spoilt_sandbox.load_sandboxes())) == 2


def test_saving_such_a_sandbox(spoilt_sandbox: ContainerRepository) -> None:
    """A save of the whole sandbox replaces it; one that keeps a part of it raises Unreadable, and writes nothing."""
    kept = SandboxWrite(sid="pod-2", containers={"c": container("c")}, keep=frozenset("ab"))
    at_a_revision = SandboxWrite(sid="pod-2", record=sandbox("pod-2"), containers={}, revision=1)
    for refused in (kept, at_a_revision, SandboxWrite(sid="pod-2", record=sandbox("pod-2"))):
        with pytest.raises(Unreadable, match="pod-2"):
            spoilt_sandbox.save_many([refused])
    assert len(spoilt_sandbox.find()) == 4
    wanted = {"b": container("new")}
    revision = spoilt_sandbox.save_sandbox(sandbox("pod-2"), wanted)
    assert records(spoilt_sandbox, "pod-2") == wanted
    assert spoilt_sandbox.load_sandbox("pod-2").revision == revision
