"""Commits whose answer is lost: what became of them is looked up, and reported where it cannot be told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from persistdb import Database
from persistdb.engines import Timeouts
from persistdb.errors import CommitUnknown, NotFound
from persistdb.records import Mount, SandboxWrite
from persistdb.store import retention
from persistdb.store.repository import ContainerRepository
from tests.conftest import POSTGRESQL
from tests.servers import HUSH, PostgreSQL, Proxy, Server
from tests.servers.proxy import Cut
from tests.store.faults import just_before
from tests.store.in_step import database_for_tasks, repository_for_tasks, used
from tests.store.samples import SANDBOX, container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# what the look for a lost commit begins with
LOOK = r"SELECT sandbox\.id\s+FROM sandbox"
COLORS = ("threads", "tasks")
CHANGED = {"a": container("new", state="stopped", mounts=[Mount()]), "b": container("b")}


@pytest.fixture
def repository(on_server: ContainerRepository) -> ContainerRepository:
    """Give a repository on a server."""
    return on_server


CALLS: dict[str, Callable[[ContainerRepository], object]] = {
    "save": lambda r: r.save("pod-1", "a", CHANGED["a"], revision=1),
    "save of less": lambda r: r.save("pod-1", "a", container(mounts=[])),
    "save of a new one": lambda r: r.save("pod-1", "new", container("new")),
    "save_sandbox": lambda r: r.save_sandbox(SANDBOX, CHANGED),
    "save_sandbox of a new one": lambda r: r.save_sandbox(sandbox("pod-3"), CHANGED),
    "save_sandbox of less": lambda r: r.save_sandbox(sandbox("pod-1"), {}),
    "save_many": lambda r: r.save_many([SandboxWrite(sid=s, containers=CHANGED) for s in ("pod-1", "pod-2")]),
    "transition": lambda r: r.transition("pod-1", "a", "stopped", expected="running"),
    "destroy_sandbox": lambda r: r.destroy_sandbox("pod-1"),
    "delete": lambda r: r.delete("pod-1", "a"),
}


def content(repository: ContainerRepository) -> dict[str, object]:
    """What is stored, without times."""
    return {
        one.record.sid: (
            one.record,
            one.revision,
            {cid: (held.record, held.revision) for cid, held in one.containers.items()},
        )
        for one in repository.load_sandboxes()
    }


@pytest.fixture
def through(
    server: Server, name: str, repository: ContainerRepository, proxy_to: Callable[[Server], Proxy], color: str
) -> Iterator[tuple[Proxy, ContainerRepository]]:
    """Give a repository whose connections go through a network that can be cut."""
    for sid in ("pod-1", "pod-2"):
        put(repository, sid, "a", "b")
    proxy = proxy_to(server)
    url = server.url(name, port=proxy.port)
    with Database(url, retries=5) as database:
        if color == "threads":
            yield proxy, ContainerRepository(database, host="node-1")
        else:
            with database_for_tasks(url, retries=5) as opened:
                yield proxy, repository_for_tasks(opened, "node-1", database)


@pytest.fixture
def after(sqlite_store: tuple[str, Database]) -> Callable[[Callable[[ContainerRepository], object]], dict[str, object]]:
    """Tell what a call makes of the same content where nothing goes wrong."""
    untouched = ContainerRepository(sqlite_store[1], host="node-1")
    for sid in ("pod-1", "pod-2"):
        put(untouched, sid, "a", "b")

    def make(call: Callable[[ContainerRepository], object]) -> dict[str, object]:
        call(untouched)
        return content(untouched)

    return make


@pytest.mark.parametrize("when", list(Cut), ids=["not arrived", "arrived"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_commit_that_is_cut(
    through: tuple[Proxy, ContainerRepository],
    repository: ContainerRepository,
    after: Callable[[Callable[[ContainerRepository], object]], dict[str, object]],
    call: Callable[[ContainerRepository], object],
    when: Cut,
) -> None:
    """A commit whose answer is lost is looked up, and the change is made once, whether it had arrived or not."""
    proxy, cut = through
    proxy.cut(_commit_of_a_transition(cut) if call is CALLS["transition"] else b"COMMIT", when)
    call(cut)
    assert content(repository) == after(call)
    assert cut.count() == repository.count()


@pytest.mark.parametrize("when", list(Cut), ids=["not arrived", "arrived"])
def test_a_creation_that_is_cut(
    through: tuple[Proxy, ContainerRepository],
    repository: ContainerRepository,
    after: Callable[[Callable[[ContainerRepository], object]], dict[str, object]],
    when: Cut,
) -> None:
    """A new container that may be one statement is made once, and its revision is known."""
    proxy, cut = through
    cut.save("pod-1", "first", container("first"))
    in_one = used(cut).backend.changes_in_one and used(cut).backend.changes_alone
    proxy.cut(b"INSERT INTO container" if in_one else b"COMMIT", when)
    revision = cut.save("pod-1", "new", container("new"))
    assert repository.get("pod-1", "new").revision == revision

    def both(untouched: ContainerRepository) -> None:
        untouched.save("pod-1", "first", container("first"))
        untouched.save("pod-1", "new", container("new"))

    assert content(repository) == after(both)


def _commit_of_a_transition(repository: ContainerRepository) -> bytes:
    # where it is one statement, that commits by itself
    return b"UPDATE container" if used(repository).backend.changes_alone else b"COMMIT"


@pytest.mark.parametrize("when", list(Cut), ids=["not arrived", "arrived"])
def test_a_commit_that_nobody_can_look_up(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository, when: Cut
) -> None:
    """A commit whose outcome cannot be looked up is reported as unknown, with what it would have changed."""
    proxy, cut = through
    # the server is away for good, and would be waited for as long as a call may take
    used(cut).timeouts = replace(used(cut).timeouts, call=2)
    proxy.cut(_commit_of_a_transition(cut), when)
    with (
        just_before(used(cut), "UPDATE container", proxy.refuse),
        pytest.raises(CommitUnknown) as caught,
    ):
        cut.transition("pod-1", "a", "stopped", expected="running")
    assert list(caught.value.refs) == ["pod-1/a"]
    assert "pod-1/a" in str(caught.value)
    assert HUSH not in str(caught.value)
    proxy.refuse(False)
    assert cut.get("pod-1", "a").revision in (1, 2)
    cut.save("pod-1", "a", CHANGED["a"])


@pytest.fixture
def overwritten(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository
) -> Iterator[ContainerRepository]:
    """Give a repository whose next commit arrives without an answer, and is overwritten before it is looked up."""
    proxy, cut = through
    proxy.cut(b"COMMIT", Cut.AFTER)

    def overwrite() -> None:
        # the commit that is about to be looked up may be on its way still
        while repository.get("pod-1", "a").revision == 1:
            pass
        repository.save("pod-1", "a", container("mine"))

    with just_before(used(cut), LOOK, overwrite):
        yield cut


def test_a_commit_that_another_overwrote(overwritten: ContainerRepository, repository: ContainerRepository) -> None:
    """A commit that is looked up after another change of the same is told by its event, and not made again."""
    overwritten.save("pod-1", "a", CHANGED["a"])
    assert repository.get("pod-1", "a").record == container("mine")
    assert repository.get("pod-1", "a").revision == 3


def test_a_commit_that_another_overwrote_without_history(
    overwritten: ContainerRepository, repository: ContainerRepository
) -> None:
    """Where no history is kept, such a commit is reported as unknown."""
    retention.set_seconds(repository.database, 0)
    with pytest.raises(CommitUnknown):
        overwritten.save("pod-1", "a", CHANGED["a"])
    assert repository.get("pod-1", "a").record == container("mine")


def test_a_creation_that_another_changed(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository
) -> None:
    """A new container whose answer is lost, and which another changes before it is looked up, has its own revision."""
    proxy, cut = through
    first = cut.save("pod-1", "first", container("first"))
    backend = used(cut).backend
    proxy.cut(b"INSERT INTO container" if backend.changes_in_one and backend.changes_alone else b"COMMIT", Cut.AFTER)

    def change() -> None:
        # the creation may be on its way still
        while not repository.exists("pod-1", "new"):
            pass
        repository.save("pod-1", "new", container("new", state="stopped"))

    with just_before(used(cut), LOOK, change):
        assert cut.save("pod-1", "new", container("new")) == first + 1
    assert repository.get("pod-1", "new").revision == first + 2


@pytest.mark.parametrize("when", list(Cut), ids=["not arrived", "arrived"])
def test_a_creation_in_vain_that_is_cut(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository, when: Cut
) -> None:
    """A save whose creation of a container is lost, because it is there already, changes it."""
    proxy, cut = through
    cut.save("pod-1", "first", container("first"))
    backend = used(cut).backend
    proxy.cut(b"INSERT INTO container" if backend.changes_in_one and backend.changes_alone else b"COMMIT", when)
    assert cut.save("pod-1", "a", CHANGED["a"]) == 2
    assert repository.get("pod-1", "a").record == CHANGED["a"]


@pytest.mark.parametrize("server", [POSTGRESQL], indirect=True)  # elsewhere it ends without a commit
def test_a_creation_without_a_sandbox_that_is_cut(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository
) -> None:
    """A save whose creation of a container is lost, and whose sandbox is not there, says the latter."""
    proxy, cut = through
    cut.save("pod-1", "first", container("first"))
    proxy.cut(b"INSERT INTO container", Cut.AFTER)
    with pytest.raises(NotFound):
        cut.save("pod-9", "a", CHANGED["a"])


def test_a_creation_that_another_makes_first(
    postgresql_server: PostgreSQL, postgresql_url: str, proxy_to: Callable[[Server], Proxy]
) -> None:
    """A creation that did not arrive, and is too late when it is sent again, changes what another has created."""
    server, name = postgresql_server, str(make_url(postgresql_url).database)
    proxy = proxy_to(server)
    # through a pooler a creation is a transaction, so that its answer may come, and its commit be lost
    pooled = make_url(server.url(name, port=proxy.port)).update_query_dict({"pooler": "transaction"})
    with (
        Database(postgresql_url) as direct,
        Database(pooled.render_as_string(hide_password=False), retries=5) as database,
    ):
        other, cut = (ContainerRepository(each, host="node-1") for each in (direct, database))
        put(other, "pod-1", "a")
        cut.save("pod-1", "first", container("first"))
        proxy.cut(b"COMMIT", Cut.BEFORE)
        sent = iter((lambda: None, lambda: other.save("pod-1", "new", container("theirs"))))
        with just_before(database, "WITH found", lambda: next(sent)(), times=2):
            revision = cut.save("pod-1", "new", container("new", state="stopped"))
        found = other.get("pod-1", "new")
        assert (found.record, found.revision) == (container("new", state="stopped"), revision)


def test_a_commit_behind_the_clock(through: tuple[Proxy, ContainerRepository], repository: ContainerRepository) -> None:
    """An event that has not the time of a change may be another's: then the change is reported as unknown."""
    proxy, cut = through
    with repository.database.engine.begin() as connection:
        connection.execute(text("UPDATE container SET updated_at = '2099-01-01 00:00:00'"))
    proxy.cut(b"COMMIT", Cut.BEFORE)
    theirs = container("theirs", state="stopped")

    def change() -> None:
        repository.save("pod-1", "a", theirs)

    with just_before(used(cut), LOOK, change), pytest.raises(CommitUnknown):
        cut.save("pod-1", "a", container("mine", state="stopped"))
    assert repository.get("pod-1", "a").record == theirs


def _change(repository: ContainerRepository) -> int:
    return repository.save("pod-1", "a", CHANGED["a"])


def _create(repository: ContainerRepository) -> int:
    return repository.save("pod-1", "new", container("new"))


def _create_sandbox(repository: ContainerRepository) -> None:
    repository.save_sandbox(sandbox("pod-3"), CHANGED)


def _remake(repository: ContainerRepository) -> None:
    repository.destroy_sandbox("pod-1")
    put(repository, "pod-1", "a")


def _destroy(repository: ContainerRepository) -> None:
    repository.destroy_sandbox("pod-1")


MADE_AND_GONE: dict[str, tuple[Callable[[ContainerRepository], object], Callable[[ContainerRepository], object]]] = {
    "new, removed": (_create, lambda r: r.delete("pod-1", "new")),
    "new, destroyed": (_create, _destroy),
    "new, its sandbox made again": (_create, _remake),
    "new sandbox, destroyed": (_create_sandbox, lambda r: r.destroy_sandbox("pod-3")),
    "sandbox changed, destroyed": (
        lambda r: r.save_sandbox(sandbox("pod-4", state="changed")),
        lambda r: r.destroy_sandbox("pod-4"),
    ),
    "changed, removed": (_change, lambda r: r.delete("pod-1", "a")),
    "changed, destroyed": (_change, _destroy),
    "changed, made again": (_change, _remake),
}


@pytest.mark.parametrize(("call", "then"), MADE_AND_GONE.values(), ids=MADE_AND_GONE)
def test_a_commit_of_what_is_gone(
    through: tuple[Proxy, ContainerRepository],
    repository: ContainerRepository,
    call: Callable[[ContainerRepository], object],
    then: Callable[[ContainerRepository], object],
) -> None:
    """What was saved, and has gone before its commit is looked up, is not saved again: its event tells."""
    put(repository, "pod-4", "a")  # its own number is 0, as if it was new
    proxy, cut = through
    proxy.cut(b"COMMIT", Cut.AFTER)
    left: list[dict[str, object]] = []

    def go() -> None:
        # the commit may be on its way still
        while content(repository) == before:
            pass
        then(repository)
        left.append(content(repository))

    before = content(repository)
    with just_before(used(cut), LOOK, go):
        call(cut)
    assert [content(repository)] == left


def test_a_commit_of_what_was_made_again_without_history(
    through: tuple[Proxy, ContainerRepository], repository: ContainerRepository
) -> None:
    """Where no history is kept, a container at the revision before is not taken for the same if it is younger."""
    retention.set_seconds(repository.database, 0)
    proxy, cut = through
    proxy.cut(b"COMMIT", Cut.AFTER)

    def go() -> None:
        while repository.get("pod-1", "a").revision == 1:
            pass
        _remake(repository)

    with just_before(used(cut), LOOK, go), pytest.raises(CommitUnknown):
        _change(cut)
    assert repository.get("pod-1", "a").revision == 1


def test_a_commit_that_takes_long(
    postgresql_server: PostgreSQL, postgresql_url: str, proxy_to: Callable[[Server], Proxy]
) -> None:
    """A commit that is still on its way when it is looked up is reported as unknown: it may yet come about."""
    server, name = postgresql_server, str(make_url(postgresql_url).database)
    with Database(postgresql_url) as database:
        direct = ContainerRepository(database, host="node-1")
        put(direct, "pod-1", "a")
        for statement in SLOW_COMMIT:
            server.execute(statement, database=name)
        proxy = proxy_to(server)

        def lose() -> None:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while server.execute(waiting, database=name)[0][0] == 0:
                pass
            proxy.drop()

        with (
            Database(server.url(name, port=proxy.port), timeouts=Timeouts(busy=0.3), retries=3) as through,
            server._engine(name).connect() as holder,
            ThreadPoolExecutor(1) as pool,
        ):
            holder.execute(text("SELECT pg_advisory_lock(7)"))
            losing = pool.submit(lose)
            with pytest.raises(CommitUnknown):
                ContainerRepository(through, host="node-1").transition("pod-1", "a", "stopped", expected="running")
            losing.result()
            assert direct.get("pod-1", "a").record.state == "running"
            holder.execute(text("SELECT pg_advisory_unlock(7)"))
        while direct.get("pod-1", "a").record.state == "running":
            pass
        assert direct.get("pod-1", "a").revision == 2


SLOW_COMMIT = (
    """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
    AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON container DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait()
    """,
)
