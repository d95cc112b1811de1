"""Round trips: each method's statements are counted, for over a network they are what a call costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb.errors import AlreadyExists, Conflict, NotFound, StateMismatch
from persistdb.filters import Filter, parse
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxWrite
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, container, put, records, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import Database
    from tests.servers import Statements

MANY = container(
    "t-0",
    mounts=[Mount(destination=f"/{i}") for i in range(50)],
    device_maps=[DeviceMap(id=str(i)) for i in range(20)],
    processes=[Process(token=f"t-{i}", pid=i) for i in range(20)],
)


def grown(token: str) -> ContainerState:
    """The container of this token, with another state, other children, and one more of each kind."""
    full = container(token)
    return container(
        state="",
        mounts=[Mount(destination=token), *full.mounts],
        device_maps=[DeviceMap(id=token), *full.device_maps],
        processes=[*full.processes, Process(token=f"{token}+")],
    )


@pytest.fixture
def full(repository: ContainerRepository) -> ContainerRepository:
    """Fill a repository with sandboxes of many containers, one of them with many children."""
    for sid in ("pod-1", "pod-2"):
        containers = {f"c{i}": container(f"c{i}") for i in range(20)}
        repository.save_sandbox(sandbox(sid), {**containers, f"{sid}-many": MANY})
    return repository


READS: dict[str, Callable[[ContainerRepository], object]] = {
    "get": lambda r: r.get("pod-1", "pod-1-many"),
    "exists": lambda r: r.exists("pod-1", "c1"),
    "load_sandbox": lambda r: r.load_sandbox("pod-1"),
    "sandbox_ids": lambda r: r.sandbox_ids(),
    "find": lambda r: r.find(),
    "find with filters": lambda r: r.find(
        *map(parse, ["state=running", "destination=/7", "token=t-*", "pid!=-1", "sid=pod-1", "since=1h"])
    ),
    "page of find": lambda r: r.find(sort="-updated", limit=10, offset=10),
    "find on all hosts": lambda r: r.find(all_hosts=True),
    "page of summaries": lambda r: r.summaries(sort="-updated", limit=10, offset=10),
    "count": lambda r: r.count(Filter("destination", "/7")),
    "iterate": lambda r: list(r.iterate()),
    "load_sandboxes": lambda r: list(r.load_sandboxes()),
    "look_up": lambda r: r.look_up("pod-1-m"),
    "look_up in a sandbox": lambda r: r.look_up("pod-1/c7"),
    "look_up on all hosts": lambda r: r.look_up("pod-1-m", all_hosts=True),
    "look_up in a sandbox on all hosts": lambda r: r.look_up("pod-1/c7", all_hosts=True),
}


def test_repositories_share_statements(database: Database) -> None:
    """The repositories on one database share what is compiled: one for another host costs nothing."""
    first, second = (ContainerRepository(database, host=host) for host in ("node-1", "node-2"))
    assert first._compiled is second._compiled


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_is_one_statement(
    full: ContainerRepository, sent: Statements, read: Callable[[ContainerRepository], object]
) -> None:
    """Every read is one statement, however many containers and children there are."""
    assert read(full)
    assert sent.round_trips == 1, sent.texts
    assert sent.texts[0].lstrip().startswith("SELECT")


def test_a_read_of_nothing_is_one_statement(repository: ContainerRepository, sent: Statements) -> None:
    """Not to find something takes one statement, too; what is looked up may be a name, which takes one more."""
    for read, number in (
        (lambda: repository.get("x", "y"), 1),
        (lambda: repository.load_sandbox("x"), 1),
        (lambda: repository.look_up("x"), 2),
    ):
        sent.clear()
        with pytest.raises(NotFound):
            read()
        assert sent.round_trips == number, sent.texts


@pytest.mark.parametrize(("batch", "pages"), [(1, 43), (10, 5), (21, 3), (42, 2), (43, 1)])
def test_an_iteration_is_a_statement_a_page(
    full: ContainerRepository, sent: Statements, batch: int, pages: int
) -> None:
    """An iteration sends a statement for each page, and knows the last one by its not being full."""
    assert len(list(full.iterate(batch=batch))) == 42
    assert sent.round_trips == pages


def test_a_new_repository_is_one_statement(repository: ContainerRepository, sent: Statements) -> None:
    """The version of a database's schema is looked at once, with one statement."""
    repository.database.prepared = False
    for _ in range(3):
        ContainerRepository(repository.database, host="node-2")
    assert sent.round_trips == 1, sent.texts


WRITES: dict[str, tuple[int, Callable[[ContainerRepository], object]]] = {
    "transition": (3, lambda r: r.transition("pod-1", "c1", "paused", expected="running")),
    "destroy_sandbox": (13, lambda r: r.destroy_sandbox("pod-1")),
    "destroy_sandbox of nothing": (13, lambda r: r.destroy_sandbox("pod-3")),
    "delete": (10, lambda r: r.delete("pod-1", "c1")),
    "delete of nothing": (1, lambda r: r.delete("pod-1", "x")),
    "save of the same": (1, lambda r: r.save("pod-1", "c1", container("c1"))),
    "save of a state": (4, lambda r: r.save("pod-1", "c1", container("c1", state="stopped"))),
    "save of everything": (10, lambda r: r.save("pod-1", "c1", grown("c1"))),
    # its row comes back with its annotations, of which the sandbox's document is read
    "save of less": (12, lambda r: r.save("pod-1", "pod-1-many", container("c21"))),
    "save of a new one": (9, lambda r: r.save("pod-1", "new", container("new"))),
    "save of a new sandbox": (9, lambda r: r.save_sandbox(sandbox("pod-3"), {"a": container("a"), "b": MANY})),
    "save of an empty sandbox": (4, lambda r: r.save_sandbox(sandbox("pod-3"), {})),
}


def own_lock(repository: ContainerRepository) -> int:
    """Count what a change of state sends besides: MariaDB locks by a statement of its own, in the same compound one."""
    return 1 if repository.database.backend.name == "mariadb" else 0


@pytest.mark.parametrize(("most", "write"), WRITES.values(), ids=WRITES)
def test_writes(
    full: ContainerRepository, sent: Statements, most: int, write: Callable[[ContainerRepository], object]
) -> None:
    """A write of one thing takes a few statements, and no more for a container with many children."""
    if write is WRITES["transition"][1]:
        most += own_lock(full)
    write(full)
    assert 1 <= sent.round_trips <= most, sent.texts


def test_a_save_of_the_same_sandbox_is_one_statement(full: ContainerRepository, sent: Statements) -> None:
    """A sandbox that has not changed is read and not written, whatever is in it."""
    found = full.load_sandbox("pod-1")
    sent.clear()
    full.save_sandbox(found.record, {cid: one.record for cid, one in found.containers.items()})
    assert sent.round_trips == 1, sent.texts


@pytest.mark.parametrize("number", [1, 100])
def test_the_worst_save_of_a_sandbox(repository: ContainerRepository, sent: Statements, number: int) -> None:
    """A save that changes all there is, of any number of containers and children, takes twenty statements at most."""
    before = {f"{what}{i}": container(f"{what}{i}") for i in range(number) for what in ("goes", "is cut", "grows")}
    repository.save_sandbox(SANDBOX, before)
    after = {}
    for i in range(number):
        after[f"is cut{i}"] = container(f"goes{i}", mounts=[])
        after[f"grows{i}"] = grown(f"grows{i}")
        after[f"comes{i}"] = container(processes=[Process(token=f"{i}-{j}") for j in range(20)])
    sent.clear()
    repository.save_sandbox(sandbox("pod-1", state="stopped"), after)
    assert sent.round_trips <= 20, sent.texts
    assert records(repository, "pod-1") == after


@pytest.mark.parametrize(("sandboxes", "each"), [(1, 1000), (100, 10), (1000, 1)])
def test_a_bulk_save(repository: ContainerRepository, sent: Statements, sandboxes: int, each: int) -> None:
    """A thousand containers are saved with thirty statements at the most: new, unchanged, or all changed."""

    def writes(**changes: object) -> list[SandboxWrite]:
        return [
            SandboxWrite(
                sid=f"pod-{s}",
                record=sandbox(f"pod-{s}", state=str(len(changes))),
                containers={f"c{c}": container(f"c{c}", **changes) for c in range(each)},
            )
            for s in range(sandboxes)
        ]

    for wanted in (writes(), writes(), writes(state="", mounts=[Mount()], cgroup_path="/other")):
        sent.clear()
        assert repository.save_many(wanted) == sandboxes
        assert sent.round_trips <= 30, sent.texts
    assert repository.count(parse("cgroup=/other")) == 1000


def test_errors_cost_little(full: ContainerRepository, sent: Statements) -> None:
    """To be refused takes no more than one statement to see it and one to say why."""
    for error, most, call in (
        (StateMismatch, 4 + own_lock(full), lambda: full.transition("pod-1", "c1", "running", expected="paused")),
        (NotFound, 4 + own_lock(full), lambda: full.transition("pod-1", "x", "running", expected="paused")),
        (NotFound, 1, lambda: full.save("pod-3", "x", container())),
        (Conflict, 1, lambda: full.save("pod-1", "c1", container(), revision=7)),
        (Conflict, 1, lambda: full.save_sandbox(sandbox("pod-1"), {}, revision=7)),
        (AlreadyExists, 1, lambda: full.save_sandbox(sandbox("pod-1"), {"a": container("x"), "b": container("x")})),
    ):
        sent.clear()
        with pytest.raises(error):
            call()
        assert 1 <= sent.round_trips <= most, sent.texts


def test_statements_are_few_for_a_life(repository: ContainerRepository, sent: Statements) -> None:
    """The ten saves of a container's life, as Kata makes them, take six statements each on the average."""
    put(repository, "pod-1", "pod-1")
    sent.clear()
    states = ["ready", "ready", "running", "running", "running", "paused", "running", "running", "stopped", "stopped"]
    for state in states:
        repository.save_sandbox(sandbox("pod-1", state=state), {"pod-1": container("pod-1", state=state)})
    assert sent.round_trips <= 6 * len(states), sent.texts


@pytest.mark.parametrize("changed", [1, 2, 3])
def test_few_rows_are_updated_without_a_join(repository: ContainerRepository, sent: Statements, changed: int) -> None:
    """One row or two are kept and updated by a statement each, for servers plan joins each time; more are joined.

    On MariaDB, where an update that joins is one of several tables, some more are updated by a statement each.
    """
    put(repository, "pod-1", "a", "b", "c")
    sent.clear()
    wanted = {cid: container(f"pod-1-{cid}", state="stopped") for cid in ("a", "b", "c")[:changed]}
    wanted |= {cid: container(f"pod-1-{cid}") for cid in ("a", "b", "c")[changed:]}
    repository.save_sandbox(sandbox("pod-1", state="'"), wanted)
    updated = [each.partition(" SET ")[0] for each in sent.texts if each.startswith("UPDATE container")]
    kept = [each for each in sent.texts if each.startswith("INSERT INTO container_history")]
    assert len(kept) == (changed if changed < 3 else 1)
    if repository.database.backend.name == "mariadb":
        assert updated == ["UPDATE container"] * changed
    else:
        assert len(updated) == len(kept)
    assert [" JOIN " in each for each in kept] == [changed > 2] * len(kept)
    assert records(repository, "pod-1") == wanted
    assert repository.load_sandbox("pod-1").record.state == "'"
