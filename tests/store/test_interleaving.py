"""What others commit between the statements of one change: it is seen, or the change is made again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from persistdb import Database
from persistdb.records import SandboxWrite
from persistdb.schema.history import ContainerLifetime, SandboxHistory, SandboxLifetime
from persistdb.schema.tables import Container, Mount, Sandbox
from persistdb.store.check import find_faults
from persistdb.store.repository import ContainerRepository
from tests.conftest import MARIADB, POSTGRESQL

from .faults import just_before
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from persistdb.store.transaction import Transaction
    from tests.servers import Server

# what reads a sandbox as a whole; a sandbox's ID comes first where it is locked, or where only one container is read
READ_WHOLE = r"SELECT\s+(?!sandbox\.id)"


@pytest.fixture
def repository(on_server: ContainerRepository) -> ContainerRepository:
    """Give a repository on a server."""
    return on_server


@pytest.fixture
def other(server: Server, name: str) -> Iterator[ContainerRepository]:
    """Give another's repository for the same host."""
    with Database(server.url(name)) as database:
        yield ContainerRepository(database, host="node-1")


def test_another_saves_the_same_shorter_list(repository: ContainerRepository, other: ContainerRepository) -> None:
    """Who saves what another has saved just before is given the revision that the other's save led to."""
    put(repository, "pod-1", "a")
    shorter = container("pod-1-a", mounts=[])
    with just_before(repository.database, READ_WHOLE, lambda: other.save("pod-1", "a", shorter)):
        assert repository.save("pod-1", "a", shorter) == 2
    assert repository.get("pod-1", "a").revision == 2


def test_a_sandbox_that_is_created_while_it_is_destroyed(
    repository: ContainerRepository, other: ContainerRepository
) -> None:
    """A sandbox that another creates while it is destroyed is destroyed with a record of it."""
    with just_before(repository.database, "DELETE FROM sandbox", lambda: put(other, "pod-1", "a")):
        assert repository.destroy_sandbox("pod-1") is True
    assert [(one.kind, one.cid) for one in other.events()] == [
        ("created", None),
        ("created", "a"),
        ("removed", "a"),
        ("removed", None),
    ]
    with repository.database.session() as session:
        for kind in (SandboxLifetime, ContainerLifetime):
            assert session.scalars(select(kind)).one().removed_at is not None
    assert find_faults(repository.database) == []


# --- the numbers of sandboxes' own rows


def a_swap(work: Transaction) -> None:
    """Replace the sandbox's one container by another: what the sum of revisions loses and gains is the same."""
    work.save_sandbox(sandbox("pod-1", state="stopped", cgroup_path="/changed"), {"db": container("db")})


def an_edit(work: Transaction) -> None:
    """Do the same by one flush of a session's objects."""
    row = work.session.scalars(select(Sandbox).where(Sandbox.sid == "pod-1")).one()
    web = work.session.scalars(select(Container)).one()
    row.state, row.cgroup_path = "stopped", "/changed"
    work.session.delete(web)
    texts = dict.fromkeys(("source", "destination", "type", "host_path", "block_device_id"), "")
    root = Mount(position=0, is_rootfs=True, read_only=False, mounted=False, **texts)
    db = Container(cid="db", state="running", cgroup_path="", bundle_path="", layout="", mounts=[root])
    work.session.add(db)
    db.sandbox_id = row.id


def two_steps(work: Transaction) -> None:
    """Do the same in two steps, of which each changes the number."""
    work.save_sandbox(sandbox("pod-1", state="stopped", cgroup_path="/changed"), {})
    work.save("pod-1", "db", container("db"))


ALL = ("pod-1", "pod-2", "pod-3", "pod-4", "pod-5")
SWAPS = pytest.mark.parametrize("swap", [a_swap, an_edit, two_steps])


def versions(repository: ContainerRepository) -> list[tuple[int, str | None]]:
    """The revisions and states of a sandbox's past versions, once it is clear that none overlaps the next."""
    with repository.database.session() as session:
        row = session.scalars(select(Sandbox).where(Sandbox.sid == "pod-1")).one()
        of_it = select(SandboxHistory).where(SandboxHistory.sandbox_id == row.id)
        rows = session.scalars(of_it.order_by(SandboxHistory.valid_to)).all()
        begun = [*(each.valid_from for each in rows[1:]), row.updated_at]
        assert [each.valid_to for each in rows] == begun
        return [(each.revision, each.state) for each in rows]


@pytest.fixture
def web(repository: ContainerRepository) -> ContainerRepository:
    """Store a sandbox with one container: the number of the sandbox's own row is 0 then."""
    repository.save_sandbox(sandbox("pod-1", state="running"))
    repository.save("pod-1", "web", container("web"))
    return repository


def check_versions(repository: ContainerRepository) -> None:
    """Look whether each version is there once, the other's too."""
    past = versions(repository)
    numbers = [revision for revision, _ in past]
    assert numbers == sorted(set(numbers))
    assert past[-1][1] == "stopped"
    assert repository.load_sandbox("pod-1").revision > numbers[-1]


@SWAPS
@pytest.mark.parametrize(
    "save",
    [
        lambda web: web.save("pod-1", "new", container("new")),
        lambda web: web.save_sandbox(sandbox("pod-1", state="paused")),
        lambda web: web.save_many([SandboxWrite(sid=sid, record=sandbox(sid, state="paused")) for sid in ALL]),
    ],
    ids=["a new container", "own values", "many"],
)
def test_containers_swapped_before_a_save_writes(
    web: ContainerRepository,
    other: ContainerRepository,
    swap: Callable[[Transaction], None],
    save: Callable[[ContainerRepository], object],
) -> None:
    """A save is made again if another swaps containers just before it writes: no version is lost."""

    def act() -> None:
        with other.transaction() as work:
            swap(work)

    for sid in ALL[1:]:
        put(web, sid)
    web.save("pod-1", "web", container("web", state="paused"))  # after that no creation is expected
    with just_before(web.database, "INSERT INTO sandbox_history", act):
        save(web)
    check_versions(web)


@SWAPS
@pytest.mark.parametrize("server", [POSTGRESQL], indirect=True)
@pytest.mark.parametrize("expected", [True, False], ids=["in one statement", "in several"])
def test_containers_swapped_while_a_creation_waits(
    web: ContainerRepository,
    other: ContainerRepository,
    server: Server,
    swap: Callable[[Transaction], None],
    expected: bool,
) -> None:
    """A creation that waits for another who swaps containers is made again: no version is lost."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
    if not expected:
        web.save("pod-1", "web", container("web", state="paused"))
    with ThreadPoolExecutor(1) as pool:
        with other.transaction() as work:
            swap(work)
            work.session.flush()
            creating = pool.submit(web.save, "pod-1", "new", container("new"))
            while server.execute(waiting)[0][0] == 0:
                pass
        creating.result()
    check_versions(web)


# --- changes of state


@pytest.mark.parametrize("server", [MARIADB], indirect=True)
@pytest.mark.parametrize("statement", ["INSERT INTO container_history", "INSERT INTO event", "UPDATE container"])
def test_a_container_that_is_created_while_it_is_moved(
    web: ContainerRepository, other: ContainerRepository, statement: str
) -> None:
    """A container that another creates between the statements of its change is changed with a record of that."""
    with just_before(web.database, statement, lambda: put(other, "pod-1", "a")):
        web.transition("pod-1", "a", "stopped", expected="running")
    told = [(one.kind, one.revision, one.new_state) for one in other.events() if one.cid == "a"]
    assert [(kind, state) for kind, _, state in told] == [("created", "running"), ("state", "stopped")]
    kept = [(one.container.revision, one.container.record.state) for one in other.history("pod-1", "a")]
    assert kept == [(revision, state) for _, revision, state in told]
    assert find_faults(web.database) == []
