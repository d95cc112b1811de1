"""Real faults of SQLite's file: a typed error, nothing half-written, and the next call works."""

from __future__ import annotations

import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import Database
from persistdb.engines import Timeouts
from persistdb.errors import (
    Busy,
    Corrupt,
    DatabaseError,
    LockNotHeld,
    LockTimeout,
    PersistDBError,
    ReadOnly,
    StorageFull,
    Unavailable,
)
from persistdb.records import Mount
from persistdb.store.repository import ContainerRepository

from .faults import just_before
from .samples import SANDBOX, container, dump, put, records, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHANGED = {"a": container("new", state="stopped", mounts=[Mount()]), "b": container("b")}
# What cannot be compressed is the same on a disk that compresses.
BIG = {"a": container(mounts=[Mount(source=secrets.token_urlsafe(3000)) for _ in range(50)])}


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    """Give a repository on an SQLite file."""
    return ContainerRepository(sqlite_store[1], host="node-1")


@pytest.fixture
def file(repository: ContainerRepository) -> Path:
    """Name its file."""
    return Path(str(repository.database.engine.url.database))


@pytest.fixture
def reopened(file: Path) -> Iterator[Callable[..., ContainerRepository]]:
    """Open the file again, as the next process does."""
    opened: list[Database] = []

    def reopen(options: str = "", **settings: float) -> ContainerRepository:
        url = f"sqlite:///file:{file}?uri=true&{options}" if options else f"sqlite:///{file}"
        opened.append(Database(url, timeouts=Timeouts(**settings), retries=1))
        return ContainerRepository(opened[-1], host="node-1")

    yield reopen
    for database in opened:
        database.close()


def fill(repository: ContainerRepository) -> None:
    """Save until it fails."""
    for number in range(1000):
        repository.save_sandbox(sandbox(f"full-{number}"), BIG)


# --- no space, no writing


def test_a_full_disk(small_disk: Callable[..., Path]) -> None:
    """On a full disk a save fails by type and leaves nothing, reads go on, and saves too when there is space again."""
    disk = small_disk("2M")
    reserve = disk / "reserve"
    reserve.write_bytes(bytes(512 << 10))
    with Database(f"sqlite:///{disk}/persistdb.db", retries=1) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        with pytest.raises(StorageFull):
            fill(repository)
        sids = repository.sandbox_ids()
        assert sids == sorted(["pod-1", *(f"full-{number}" for number in range(len(sids) - 1))])
        for sid in sids[:-1]:
            assert records(repository, sid) == BIG
        reserve.unlink()
        repository.save_sandbox(SANDBOX, CHANGED)
        assert records(repository, "pod-1") == CHANGED
    with Database(f"sqlite:///{disk}/persistdb.db") as database:
        assert records(ContainerRepository(database, host="node-1"), "pod-1") == CHANGED


def test_a_disk_that_is_full_from_the_start(small_disk: Callable[..., Path]) -> None:
    """On a disk without any space a new database is an error by type, and works when there is space."""
    disk = small_disk("256k")
    reserve = disk / "reserve"
    with pytest.raises(OSError, match="space"):
        reserve.write_bytes(bytes(1 << 20))
    with Database(f"sqlite:///{disk}/persistdb.db", retries=1) as database:
        with pytest.raises(StorageFull):
            ContainerRepository(database, host="node-1")
        reserve.unlink()
        disk.chmod(0o700)
    with Database(f"sqlite:///{disk}/persistdb.db", retries=1) as database, pytest.raises(StorageFull):
        fill(ContainerRepository(database, host="node-1"))


def test_a_disk_that_fails(
    repository: ContainerRepository, file: Path, reopened: Callable[..., ContainerRepository]
) -> None:
    """An I/O error on a disk with space is called what it is: nobody looks for files to remove."""
    repository.save_sandbox(SANDBOX, BIG)
    os.truncate(file.with_name(f"{file.name}-wal"), 100)  # as if its blocks could not be read
    with pytest.raises(DatabaseError, match="disk I/O error") as caught:
        reopened().load_sandbox("pod-1")
    assert type(caught.value) is DatabaseError


def test_a_quota(repository: ContainerRepository) -> None:
    """A file that may not grow any more refuses a save by type, and what is there can be read and removed."""
    put(repository, "pod-1", "a")
    pooled = repository.database.engine.raw_connection()
    (pages,) = pooled.cursor().execute("PRAGMA page_count").fetchone()
    pooled.cursor().execute(f"PRAGMA max_page_count = {pages + 20}")
    pooled.close()
    before = dump(repository)
    with pytest.raises(StorageFull):
        repository.save_sandbox(sandbox("pod-2"), BIG)
    assert dump(repository) == before
    repository.save_sandbox(SANDBOX, CHANGED)
    assert repository.destroy_sandbox("pod-1") is True


def test_a_read_only_file(repository: ContainerRepository, reopened: Callable[..., ContainerRepository]) -> None:
    """A file that is opened for reading refuses each write by type, and is read all the same."""
    put(repository, "pod-1", "a")
    reading = reopened("mode=ro")
    for write in (
        lambda: reading.save_sandbox(SANDBOX, CHANGED),
        lambda: reading.save("pod-1", "a", CHANGED["a"]),
        lambda: reading.transition("pod-1", "a", "stopped", expected="running"),
        lambda: reading.destroy_sandbox("pod-1"),
    ):
        with pytest.raises(ReadOnly):
            write()  # type: ignore[no-untyped-call]  # a lambda
    assert dump(reading) == dump(repository)
    repository.transition("pod-1", "a", "stopped", expected="running")
    assert reading.get("pod-1", "a").record.state == "stopped"


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """To open a file for reading that isn't there is an error, and makes neither a file nor a folder."""
    with Database(f"sqlite:///file:{tmp_path}/none/x.db?mode=ro&uri=true") as database, pytest.raises(Unavailable):
        ContainerRepository(database, host="node-1")
    assert list(tmp_path.iterdir()) == []


# --- others


def test_another_writes(
    repository: ContainerRepository, file: Path, reopened: Callable[..., ContainerRepository]
) -> None:
    """While another's transaction writes, a save waits and then fails by type; reads go on, and a save afterwards."""
    put(repository, "pod-1", "a")
    waiting = reopened(busy=0.05)
    with repository.database.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'x'"))
        with pytest.raises(Busy):
            waiting.transition("pod-1", "a", "stopped", expected="running")
        assert waiting.get("pod-1", "a").record.state == "running"
        session.rollback()
    waiting.transition("pod-1", "a", "stopped", expected="running")


def test_a_reader_does_not_stop_a_writer(
    repository: ContainerRepository, reopened: Callable[..., ContainerRepository]
) -> None:
    """A transaction that reads keeps seeing what it saw first, and keeps nobody from writing."""
    put(repository, "pod-1", "a")
    writing = reopened(busy=0.05)
    with repository.database.session() as session:
        query = text("SELECT state FROM container")
        assert session.execute(query).scalar_one() == "running"
        writing.transition("pod-1", "a", "stopped", expected="running")
        assert session.execute(query).scalar_one() == "running"
    assert repository.get("pod-1", "a").record.state == "stopped"


def test_all_connections_in_use(repository: ContainerRepository, file: Path) -> None:
    """When a process's own connections are all in use for too long, it is told so, and goes on when one is free."""
    put(repository, "pod-1", "a")
    with Database(f"sqlite:///{file}", pool_size=1, timeouts=Timeouts(pool=0.05), retries=1) as database:
        full = ContainerRepository(database, host="node-1")
        with database.session() as session:
            session.execute(text("SELECT 1"))
            for call in (lambda: full.get("pod-1", "a"), lambda: full.find(), lambda: full.destroy_sandbox("pod-1")):
                with pytest.raises(Busy, match="all connections of this process"):
                    call()  # type: ignore[no-untyped-call]  # a lambda
        assert full.get("pod-1", "a").cid == "a"


class Interruption(BaseException):
    """What Ctrl-C raises, in the middle of a save."""


@pytest.mark.parametrize("statement", ["SELECT", "UPDATE", "INSERT INTO mount"])
def test_an_interrupted_save(repository: ContainerRepository, statement: str) -> None:
    """A save that an exception of the caller's ends leaves nothing, and the next call works."""
    put(repository, "pod-1", "a")
    before = dump(repository)

    def interrupt() -> None:
        raise Interruption

    with just_before(repository.database, statement, interrupt), pytest.raises(Interruption):
        repository.save_sandbox(sandbox("pod-1", state="stopped"), CHANGED)
    assert dump(repository) == before
    repository.save_sandbox(SANDBOX, CHANGED)


# --- damage


@pytest.mark.parametrize(
    "content", [b"This is not a database, but a text.\n" * 100, b"\0" * 8192, b"SQLite format 3\0"]
)
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    """A file that is something else is refused by type, by name, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with Database(f"sqlite:///{path}", retries=1) as database, pytest.raises(Corrupt, match=r"notes\.txt"):
        ContainerRepository(database, host="node-1")
    assert path.read_bytes() == content


@pytest.mark.parametrize("damage", ["overwritten", "cut"])
def test_a_damaged_file(
    repository: ContainerRepository, file: Path, reopened: Callable[..., ContainerRepository], damage: str
) -> None:
    """A file that was damaged is told by type, and works again when the good copy is back."""
    for number in range(20):
        repository.save_sandbox(sandbox(f"pod-{number:02}"), {**BIG, **CHANGED})
    before = dump(repository)
    repository.database.close()
    good = file.with_suffix(".good")
    shutil.copy(file, good)
    if damage == "cut":
        with file.open("r+b") as opened:
            opened.truncate(file.stat().st_size // 2)
    else:
        page = 4096
        with file.open("r+b") as opened:
            for number in range(30, file.stat().st_size // page, 2):
                opened.seek(number * page)
                opened.write(secrets.token_bytes(page))
    with pytest.raises(Corrupt):
        dump(reopened())
    for rest in ("-wal", "-shm"):
        Path(f"{file}{rest}").unlink(missing_ok=True)
    shutil.copy(good, file)
    assert dump(reopened()) == before


@pytest.mark.parametrize("place", ["folder", "file/x.db", "x" * 300], ids=["a folder", "in a file", "a long name"])
def test_a_place_where_no_file_can_be(tmp_path: Path, place: str) -> None:
    """A place where no file can be is an error of ours."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(PersistDBError), Database(f"sqlite:///{tmp_path}/{place}") as database:
        ContainerRepository(database, host="node-1")


def test_memory_in_threads() -> None:
    """All threads use the one database in memory, one after the other."""
    with Database("sqlite://") as database, ThreadPoolExecutor(8) as threads:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1")
        list(threads.map(lambda i: repository.save("pod-1", f"c{i}", container(f"c{i}")), range(50)))
        assert list(threads.map(lambda _: repository.count(), range(8))) == [50] * 8
    assert repository.database.prepared is False


def test_locks_in_memory() -> None:
    """A database in memory has the locks of any other, among the threads of its process."""
    with Database("sqlite:///:memory:") as database, Database("sqlite:///:memory:") as other:
        repository = ContainerRepository(database, host="node-1")
        elsewhere = ContainerRepository(other, host="node-1").lock("pod-1")
        lock = repository.lock("pod-1", timeout=0)
        for shared in (False, True):
            with pytest.raises(LockTimeout) as caught:
                repository.lock("pod-1", shared=shared, timeout=0)
            assert len(caught.value.holders) == 1
            assert caught.value.holders[0].startswith(f"process {os.getpid()} on ")
        repository.lock("pod-2", timeout=0).release()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(repository.lock, "pod-1", timeout=60)
            lock.release()
            waiting.result().release()
        with pytest.raises(LockNotHeld):
            lock.release()
        for held in [repository.lock("pod-1", shared=True, timeout=0) for _ in range(3)]:
            with pytest.raises(LockTimeout):
                repository.lock("pod-1", timeout=0)
            held.release()
        repository.lock("pod-1", timeout=0).release()
        elsewhere.release()
