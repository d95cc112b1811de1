"""A container that is created in one round trip, where the engine can: it leaves what a save with several does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from persistdb.errors import AlreadyExists, Conflict, NotFound
from persistdb.records import Origin, Process
from persistdb.schema import names
from persistdb.store import retention
from persistdb.store.repository import ContainerRepository
from tests.conftest import POSTGRESQL

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from persistdb import Database
    from tests.servers.statements import Statements

TABLES = (*names.TABLES, *names.HISTORY)
# what differs from call to call
_TIMES = {"at", "created_at", "updated_at", "valid_from", "valid_to", "transaction_id"}


@pytest.fixture
def expecting(repository: ContainerRepository) -> ContainerRepository:
    """Give a repository whose last save created a container, so that it takes the next one for the same."""
    put(repository, "pod-1", "a")
    repository.save("pod-1", "first", container("first"))
    return repository


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all rows but for their times."""
    found = {}
    with database.engine.connect() as connection:
        for table in TABLES:
            result = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()
            kept = [{name: value for name, value in row.items() if name not in _TIMES} for row in result]
            found[table] = sorted(kept, key=repr)
    return found


def test_it_has_the_next_revision(expecting: ContainerRepository) -> None:
    """A new container after a new one has the next revision of its sandbox."""
    before = expecting.load_sandbox("pod-1").revision
    assert expecting.save("pod-1", "new", container("new")) == before + 1


@pytest.mark.parametrize("store", [POSTGRESQL], indirect=True)
def test_it_is_one_round_trip(expecting: ContainerRepository, sent: Statements) -> None:
    """A new container after a new one is one statement, which commits on its own, on PostgreSQL."""
    sent.clear()
    expecting.save("pod-1", "new", container("new"))
    assert (sent.round_trips, sent.begins, sent.commits) == (1, 0, 0)


def of_sandbox(database: Database, sid: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a sandbox in all tables, with IDs and times as their ranks, and without its own ID."""
    with database.engine.connect() as connection:
        found = {table: connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all() for table in TABLES}
    (home,) = [row["id"] for row in found["sandbox_lifetime"] if row["sid"] == sid]
    cids = sorted(row["id"] for row in found["container_lifetime"] if row["sandbox_id"] == home)
    of_own = {"sandbox": [home], "sandbox_lifetime": [home], "container": cids, "container_lifetime": cids}
    own: dict[str, list[dict[str, Any]]] = {}
    for table, given in found.items():
        if table in of_own:
            own[table] = [{**row, "id": of_own[table].index(row["id"])} for row in given if row["id"] in of_own[table]]
        else:
            its = [row for row in given if row.get("container_id") in cids or row.get("sandbox_id") == home]
            own[table] = [{name: value for name, value in row.items() if name != "id"} for row in its]
    times = _TIMES - {"transaction_id"}
    ranks = sorted({row[name] for each in own.values() for row in each for name in times & row.keys() if row[name]})
    for each in own.values():
        for row in each:
            row.pop("transaction_id", None)
            row.pop("sid", None)
            row |= {name: ranks.index(row[name]) for name in times & row.keys() if row[name]}
            row |= {"sandbox_id": 0} if "sandbox_id" in row else {}
            row |= {"container_id": cids.index(row["container_id"])} if row.get("container_id") else {}
        each.sort(key=repr)
    return own


def test_it_writes_what_several_statements_write(expecting: ContainerRepository) -> None:
    """The rows of all tables are those of saves by repositories that expect no new container."""
    database, new = expecting.database, (container("new"), container(state="", mounts=[], device_maps=[]))
    expects = expecting.acting(actor="somebody", reason="because")
    expects.save("pod-1", "other", container("other"))  # its writer is another one, which has to learn first
    for sid in ("pod-2", "pod-3"):
        expecting.save_sandbox(sandbox(sid, state="running"), {"a": container("a")})
    for number, record in enumerate(new):
        other = ContainerRepository(database, host="node-1", actor="somebody", reason="because")
        revision = other.save("pod-2", f"new-{number}", record)
        assert expects.save("pod-3", f"new-{number}", record) == revision
    several = of_sandbox(database, "pod-2")
    assert of_sandbox(database, "pod-3") == several
    assert [len(several[table]) for table in ("container", "container_lifetime", "event")] == [3, 3, 4]
    *_, told = expecting.events(kinds=["created"])
    assert (told.sid, told.cid, told.revision, told.new_state) == ("pod-3", "new-1", revision, "")
    assert (told.actor, told.reason, told.cause) == ("somebody", "because", "api")
    assert expecting.load_sandbox("pod-3").revision == revision


def test_what_is_there_is_saved(expecting: ContainerRepository) -> None:
    """A container that is there is changed, at the revision that is asked for, and one of no sandbox is NotFound."""
    assert expecting.save("pod-1", "a", container("a", state="stopped")) == 2
    expecting.save("pod-1", "b", container("b"))
    with pytest.raises(Conflict):
        expecting.save("pod-1", "a", container("a"), revision=0)
    expecting.save("pod-1", "c", container("c"))
    with pytest.raises(NotFound):
        expecting.save("pod-9", "a", container("a"))


def test_a_token_that_is_taken(expecting: ContainerRepository) -> None:
    """A token of another container is AlreadyExists, and nothing is stored."""
    expecting.save("pod-1", "b", container("b", processes=[Process(token="t")]))
    with pytest.raises(AlreadyExists):
        expecting.save("pod-1", "c", container("c", processes=[Process(token="t")]))
    assert not expecting.exists("pod-1", "c")


def test_what_the_sandbox_says_of_it(expecting: ContainerRepository) -> None:
    """What the sandbox's document says of a new container is read first."""
    config = '{"ID":"web","Annotations":{"io.kubernetes.cri.container-name":"nginx"}}'
    document = '{"Config":{"ContainerConfigs":[' + config + "]}}"
    expecting.save_sandbox(sandbox("pod-4", document=document))
    expecting.save("pod-1", "b", container("b"))
    expecting.save("pod-4", "web", container("web"))
    (found,) = expecting.summaries("name=nginx")
    assert found.cid == "web"


def test_what_its_own_files_say(expecting: ContainerRepository) -> None:
    """The annotations of its own files are stored."""
    document = '{"state.json":{"config":{"labels":["io.kubernetes.cri.container-name=nginx"]}}}'
    expecting.save("pod-1", "web", container("web"), origin=Origin(layout="runc", document=document))
    (found,) = expecting.summaries("name=nginx")
    assert (found.cid, found.runtime) == ("web", "runc")


def test_without_history(expecting: ContainerRepository) -> None:
    """Nothing is recorded where nothing is to be."""
    retention.set_seconds(expecting.database, 0)
    before = rows(expecting.database)
    expecting.save("pod-1", "new", container("new"))
    after = rows(expecting.database)
    assert all(after[table] == before[table] for table in names.HISTORY)


def test_many_at_once(expecting: ContainerRepository) -> None:
    """Whoever else creates in the same sandbox, each new container counts once in its revision, and none is lost."""
    threads, each = 4, 6
    before = expecting.load_sandbox("pod-1").revision

    def create(number: int) -> list[int]:
        repository = ContainerRepository(expecting.database, host=expecting.host)
        return [repository.save("pod-1", f"c{number}-{i}", container(f"c{number}-{i}")) for i in range(each)]

    with ThreadPoolExecutor(threads) as pool:
        revisions = sorted(revision for found in pool.map(create, range(threads)) for revision in found)
    assert revisions == list(range(before + 1, before + 1 + threads * each))
    found = expecting.load_sandbox("pod-1")
    assert found.revision == before + threads * each
    assert len(found.containers) == 2 + threads * each
    told = [event.revision for event in expecting.events(kinds=["created"]) if event.cid and event.cid[0] == "c"]
    assert sorted(told) == revisions
