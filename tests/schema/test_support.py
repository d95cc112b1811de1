"""Programs of two revisions on one database: who may read and write it, and how a program notices that it may not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb import (
    Busy,
    ContainerRepository,
    Database,
    SchemaOutdated,
    SchemaTooNew,
)
from persistdb.schema import migrate, revisions, support, version
from persistdb.schema.check import check
from persistdb.schema.names import SUPPORT
from persistdb.schema.tables import Sandbox
from tests.conftest import MARIADB
from tests.store.samples import container, put, sandbox

from .newer import NEWER, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# where a change of the schema is not one transaction, and may end between two statements
on_mariadb = pytest.mark.parametrize("database_url", [MARIADB], indirect=True)


@pytest.fixture
def owner(database_url: str) -> Iterator[Database]:
    """The database as its migrator has it."""
    with Database(database_url) as database:
        migrate.upgrade(database)
        yield database


@pytest.fixture
def repository(owner: Database, database_url: str) -> Iterator[ContainerRepository]:
    """A program that has used the database, and keeps its connection."""
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "c1", "c2")
        yield repository


@pytest.mark.parametrize("revision", [each for each in revisions.history() if each.id >= support.FIRST], ids=str)
def test_each_revision_declares(revision: revisions.Revision) -> None:
    """A revision lets in no more old programs than the one before, and says so in as many words."""
    (source,) = (revisions.script_location() / "versions").glob(f"{revision.id}_*.py")
    assert {"MIN_READER", "MIN_WRITER"} <= {line.partition(" = ")[0] for line in source.read_text("utf-8").splitlines()}
    before = max((each for each in revisions.history() if each.id < revision.id), key=lambda each: each.id)
    assert before.min_reader <= revision.min_reader <= revision.min_writer <= revision.id
    assert before.min_writer <= revision.min_writer


def test_what_is_stored(owner: Database) -> None:
    """After each step, up or down, the database says what its revision declares; before, no more than its revision."""
    declared = {each.id: version.Support(each.id, each.min_reader, each.min_writer) for each in revisions.history()}
    known = [each for each in version.REVISIONS if each >= support.FIRST]
    for revision in [*known[-2::-1], "0010", *known]:
        (migrate.downgrade if revision < (version.current(owner) or "") else migrate.upgrade)(owner, revision)
        assert version.support(owner) == declared[revision]
    assert declared["0010"] == version.Support.of_one("0010")


def test_a_newer_database(owner: Database, repository: ContainerRepository) -> None:
    """A newer database that says so is read, written and checked, by programs that start and that run."""
    say(owner, NEWER, version.HEAD, version.HEAD)
    repository.save("pod-1", "c1", container(state="paused"))
    owner.close()
    other = ContainerRepository(owner, host="node-1")
    assert other.get("pod-1", "c1").record.state == "paused"
    other.transition("pod-1", "c1", "running", expected="paused")
    assert check(owner) == []


def _in_session(repository: ContainerRepository) -> None:
    with repository.database.session(write=True) as session:
        session.get_one(Sandbox, 1).state = "x"


def _in_bulk(repository: ContainerRepository) -> None:
    with repository.database.session(write=True) as session:
        session.execute(sa.update(Sandbox).values(state="x"))


def _in_transaction(repository: ContainerRepository) -> None:
    with repository.transaction() as work:
        work.save("pod-1", "c1", container(state="x"))


@pytest.mark.parametrize(
    "write",
    [
        lambda repository: repository.save("pod-1", "c1", container(state="x")),
        lambda repository: repository.save("pod-1", "c3", container()),
        lambda repository: repository.save_sandbox(sandbox("pod-2")),
        lambda repository: repository.save_sandbox(sandbox("pod-1", state="x")),
        lambda repository: repository.transition("pod-1", "c1", "stopped", expected="running"),
        lambda repository: repository.delete("pod-1", "c1"),
        lambda repository: repository.destroy_sandbox("pod-1"),
        _in_session,
        _in_bulk,
        _in_transaction,
    ],
)
def test_no_more_writes(
    owner: Database, repository: ContainerRepository, write: Callable[[ContainerRepository], object]
) -> None:
    """A program with an open connection cannot write to what was upgraded beyond it, and reads on."""
    before = repository.load_sandbox("pod-1")
    say(owner, NEWER, version.HEAD, NEWER)
    with pytest.raises(SchemaTooNew, match=f"lets programs of {NEWER} and later write it") as refused:
        write(repository)
    assert (refused.value.minimum, refused.value.access, refused.value.found) == (NEWER, "write", NEWER)
    assert repository.load_sandbox("pod-1") == before
    assert repository.sandbox_ids() == ["pod-1"]


def test_no_more_reads(owner: Database, repository: ContainerRepository) -> None:
    """A program that may not read is refused when it starts, and with the next connection that it opens."""
    say(owner, NEWER, NEWER, NEWER)
    owner.close()
    with pytest.raises(SchemaTooNew, match=f"lets programs of {NEWER} and later read it"):
        ContainerRepository(owner, host="node-1")
    repository.database.engine.dispose()
    for _ in range(2):
        with pytest.raises(SchemaTooNew):
            repository.get("pod-1", "c1")
    say(owner, version.HEAD, version.HEAD, version.HEAD)
    assert repository.get("pod-1", "c1").cid == "c1"


def test_an_error_leads_to_a_look(owner: Database, repository: ContainerRepository) -> None:
    """A read that fails because of an upgrade, or of a downgrade, says so."""
    with owner.writer.begin() as connection:
        connection.execute(sa.text("ALTER TABLE sandbox RENAME TO pod"))
    say(owner, NEWER, NEWER, NEWER)
    with pytest.raises(SchemaTooNew):
        repository.get("pod-1", "c1")
    say(owner, version.HEAD, version.HEAD, version.HEAD)
    with owner.writer.begin() as connection:
        connection.execute(sa.text("ALTER TABLE pod RENAME TO sandbox"))
    migrate.downgrade(owner, "0010", allow_loss=True)
    with pytest.raises(SchemaOutdated):
        repository.save("pod-1", "c1", container(state="x"))


def test_a_change_waits_for_writers(owner: Database, repository: ContainerRepository) -> None:
    """A change that old programs do not survive waits for their transactions, and lets no other begin."""
    closed = threading.Event()

    def close() -> None:
        with migrate.exclusive_connection(owner) as connection:
            support.close(owner, connection, NEWER)
            closed.set()
            connection.execute(sa.text(f"UPDATE {SUPPORT} SET min_writer = '{NEWER}'"))

    change = threading.Thread(target=close)
    with repository.transaction() as work:
        work.save("pod-1", "c1", container(state="paused"))
        change.start()
        assert not closed.wait(0.3)
        work.save("pod-1", "c2", container(state="paused"))
    change.join()
    assert closed.is_set()
    with pytest.raises(SchemaTooNew):
        repository.save("pod-1", "c1", container(state="x"))
    assert [each.record.state for each in repository.load_sandbox("pod-1").containers.values()] == ["paused"] * 2


def test_a_change_that_waits_in_vain(owner: Database, repository: ContainerRepository) -> None:
    """A change that gives up waiting for a transaction has changed nothing: programs go on writing."""
    with repository.database.writer.begin() as transaction:
        transaction.execute(sa.text(f"SELECT * FROM {SUPPORT}"))
        with pytest.raises(Busy), migrate.exclusive_connection(owner, wait=1) as connection:
            support.close(owner, connection, NEWER)
    repository.transition("pod-1", "c1", "paused", expected="running")


def test_an_interrupted_change(owner: Database, repository: ContainerRepository) -> None:
    """Where a change closed the database and did not come to its end, programs are told to start it again."""
    say(owner, version.HEAD, version.HEAD, version.CLOSED)
    with pytest.raises(Busy, match="start the same change again"):
        repository.save("pod-1", "c1", container(state="x"))
    assert repository.get("pod-1", "c1").record.state == "running"


@on_mariadb
def test_a_change_that_came_to_its_revision(owner: Database, repository: ContainerRepository) -> None:
    """A change that was interrupted when all but its last statement was done is over when it is started again."""
    before = version.support(owner)
    for again in (migrate.upgrade, lambda database: migrate.downgrade(database, version.HEAD)):
        say(owner, version.HEAD, version.HEAD, version.CLOSED + version.HEAD)
        again(owner)
        assert version.support(owner) == before
        repository.save("pod-1", "c1", container(state="x"))


@on_mariadb
def test_an_upgrade_after_an_interrupted_downgrade(owner: Database, repository: ContainerRepository) -> None:
    """A downgrade that has not come to its revision is to be started again: an upgrade does not seem to mend it."""
    say(owner, version.HEAD, version.HEAD, version.CLOSED + support.FIRST)
    with pytest.raises(Busy, match=f"downgrade to {support.FIRST} was interrupted"):
        migrate.upgrade(owner)
