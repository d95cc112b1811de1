"""Files beside which SQLite can create nothing are read in another way, and never as they were before."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb.db.work import Statement, value
from persistdb.engines import file_url
from persistdb.engines.sqlite import fallback
from persistdb.errors import Busy, DatabaseError, ReadOnly, StorageFull, Unavailable
from persistdb.reports import readonly
from persistdb.schema.backup import backup
from persistdb.schema.check import check
from persistdb.schema.restore import restore
from persistdb.store.check import check_rows, find_faults
from tests.servers import disks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("connections")

DOCUMENT = '{"pages": "' + "x" * 100_000 + '"}'
COPY, AS_IT_IS = "reading a private copy of it, because ", "reading it as it is, without locks, because "


@pytest.fixture
def disk(small_disk: Callable[..., Path]) -> Path:
    """Make a disk with a closed database that has one container, "a"."""
    disk = small_disk("64M")
    with Database(file_url(disk / "x.db")) as database:
        ContainerRepository(database, host="node-1").save_sandbox(SandboxState(sid="pod"), {"a": ContainerState()})
    return disk


@pytest.fixture
def again(disk: Path, tmp_path: Path) -> Iterator[Path]:
    """Mount the disk a second time, read-only."""
    place = tmp_path / "again"
    place.mkdir()
    disks.mount_again(disk, place)
    yield place
    disks.unmount(place)


def save(path: Path, cid: str) -> None:
    """Save a container."""
    with Database(file_url(path)) as database:
        ContainerRepository(database, host="node-1").save("pod", cid, ContainerState())


def cids(database: Database) -> list[str]:
    """Return the IDs of all containers."""
    return [each.cid for each in ContainerRepository(database, host="node-1").find()]


def read(path: Path) -> list[str]:
    """Open the database, and return the IDs of all containers."""
    with Database(file_url(path), retries=0) as database:
        return cids(database)


def crash(path: Path, cid: str, *, index: bool) -> None:
    """Save a container, and leave the log with it, as a process does that is killed."""
    kept = [path.with_name(f"{path.name}{suffix}") for suffix in ("", "-wal", *(["-shm"] if index else []))]
    with Database(file_url(path)) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(
            SandboxState(sid="pod", document=DOCUMENT), {"a": ContainerState(), cid: ContainerState()}
        )
        for file in kept:
            shutil.copy(file, f"{file}.kept")
    for file in kept:
        os.replace(f"{file}.kept", file)


# --- which way is taken


def test_a_read_only_file_system(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that nobody can change is read as it is, and the log says so once."""
    disks.set_read_only(disk)
    assert [read(disk / "x.db"), read(disk / "x.db")] == [["a"], ["a"]]
    assert caplog.messages == [f"{disk}/x.db: {AS_IT_IS}its file system is mounted read-only"]
    assert caplog.records[0].levelno == logging.WARNING


def test_commits_in_the_log(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On a read-only file system the commits in a log without an index are read, from a copy."""
    crash(disk / "x.db", "b", index=False)
    disks.set_read_only(disk)
    assert read(disk / "x.db") == ["a", "b"]
    assert caplog.messages == [f"{disk}/x.db: {COPY}its file system is mounted read-only"]


def test_a_check_of_a_copy(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check makes no more copies of a file than its parts do one after the other: they look at the same ones."""
    crash(disk / "x.db", "b", index=False)
    disks.set_read_only(disk)
    copies: list[Path] = []
    usual = fallback._copied

    def counted(path: Path) -> AbstractContextManager[tuple[Path, fallback._State]]:
        copies.append(path)
        return usual(path)

    monkeypatch.setattr(fallback, "_copied", counted)
    with Database(file_url(disk / "x.db")) as database:
        check(database)
        check_rows(database)
    in_series = len(copies)
    assert in_series > 0
    with Database(file_url(disk / "x.db")) as database:
        assert find_faults(database) == []
    assert len(copies) == 2 * in_series


def test_a_uri(disk: Path) -> None:
    """A file that was given as a URI, to be read only, is read in the same ways."""
    crash(disk / "x.db", "b", index=False)
    disks.set_read_only(disk)
    with Database(f"sqlite:///file:{disk}/x.db?mode=ro&uri=true") as database:
        assert cids(database) == ["a", "b"]
        with database.session() as session:
            assert session.execute(text("SELECT count(*) FROM container")).scalar_one() == 2


def test_an_index_that_is_there(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With log and index SQLite itself reads all commits on a read-only file system."""
    crash(disk / "x.db", "b", index=True)
    disks.set_read_only(disk)
    assert read(disk / "x.db") == ["a", "b"]
    assert caplog.messages == []


def test_an_open_transaction(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A transaction that was cut off in the middle, with a rollback journal, is undone in the copy."""
    path = disk / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 5")
        writer.execute("CREATE TABLE numbers (n, filler)")
        writer.executemany("INSERT INTO numbers VALUES (?, zeroblob(1000))", [(1,)] * 500)
        writer.execute("BEGIN")
        writer.execute("UPDATE numbers SET n = 2")
        for suffix in ("", "-journal"):
            shutil.copy(f"{path}{suffix}", f"{disk}/cut.db{suffix}")
    disks.set_read_only(disk)
    with Database(file_url(disk / "cut.db")) as database:
        assert readonly.read(database, "SELECT DISTINCT n FROM numbers").rows == [[1]]
        with database.reader.connect() as connection:
            assert connection.exec_driver_sql("SELECT DISTINCT n FROM numbers").all() == [(1,)]
    assert caplog.messages == [f"{disk}/cut.db: {COPY}its file system is mounted read-only"]


@pytest.mark.parametrize("filled", ["space", "files"])
def test_a_full_disk(small_disk: Callable[..., Path], caplog: pytest.LogCaptureFixture, filled: str) -> None:
    """On a full disk, and one that can hold no more files, a copy is read; with space again the same program writes."""
    disk = small_disk("8M" if filled == "space" else "8M,nr_inodes=8")
    with Database(file_url(disk / "x.db")) as database:
        ContainerRepository(database, host="node-1").save_sandbox(SandboxState(sid="pod"), {"a": ContainerState()})
    fillings = [disks.fill(disk)] if filled == "space" else list(_files(disk))
    with Database(file_url(disk / "x.db")) as database:
        repository = ContainerRepository(database, host="node-1")
        assert cids(database) == ["a"]
        assert caplog.messages == [f"{disk}/x.db: {COPY}its disk is full"]
        with pytest.raises(StorageFull, match="its disk is full"):
            repository.save("pod", "b", ContainerState())
        for filling in fillings:
            filling.unlink()
        repository.save("pod", "b", ContainerState())
        assert cids(database) == ["a", "b"]
    assert read(disk / "x.db") == ["a", "b"]


def _files(disk: Path) -> Iterator[Path]:
    for number in range(20):
        path = disk / str(number)
        try:
            path.touch()
        except OSError:
            return
        yield path


def test_a_database_without_a_log(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A backup has a rollback journal: on a full disk, and on a read-only one, it is read in the usual way."""
    with Database(file_url(disk / "x.db")) as database:
        backup(database, disk / "backup.db")
    filling = disks.fill(disk)
    assert read(disk / "backup.db") == ["a"]
    filling.unlink()
    disks.set_read_only(disk)
    assert read(disk / "backup.db") == ["a"]
    assert caplog.messages == []


# --- copies


def test_what_others_write(disk: Path, again: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A read-only mount of a disk that others write to: each read sees all commits that came before it."""
    with Database(file_url(again / "x.db")) as database:
        assert cids(database) == ["a"]
        for cid in "bcd":
            save(disk / "x.db", cid)
            assert cids(database)[-1] == cid
        with pytest.raises(ReadOnly, match="its file system is mounted read-only"):
            ContainerRepository(database, host="node-1").save("pod", "x", ContainerState())
    assert caplog.messages == [f"{again}/x.db: {COPY}its file system is mounted read-only"]


WRITER = """
import sys
from persistdb.engines.sqlite.library import driver
for number in range(1, 40):
    connection = driver().connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    for table in ("first", "last"):
        connection.execute(f"UPDATE {table} SET n = ?, filler = zeroblob(? * 200000)", (number, 5 + number % 2))
    connection.execute("COMMIT")
    connection.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("disposed", [False, True])
def test_what_others_write_after_the_first_use(disk: Path, again: Path, disposed: bool) -> None:
    """The second unit of work reads what was written since the first, with connections of an engine or without."""
    with Database(file_url(again / "x.db")) as database:
        repository = ContainerRepository(database, host="node-1")
        assert repository.count() == 1
        if disposed:
            database.engine.dispose()
            assert repository.count() == 1
        save(disk / "x.db", "b")
        assert repository.count() == 2


def test_what_others_write_after_an_engine_was_made(disk: Path, again: Path) -> None:
    """So does the second one of an engine that opens its first connection for a unit of work."""
    with Database(file_url(again / "x.db"), pool_size=2) as database:
        assert database.engine.pool.status()
        assert one(database) == 1
        save(disk / "x.db", "b")
        assert one(database) == 2
        with closing(database.engine.raw_connection()):
            save(disk / "x.db", "c")
            assert one(database) == 3  # of a second connection
        save(disk / "x.db", "d")
        assert one(database) == 4


def one(database: Database) -> object:
    """Return the number of containers, which a unit of work counts that looks at nothing before."""
    return database.read(lambda: value(Statement("SELECT count(*) FROM container", "qmark"), {}))


def test_a_copy_is_whole(disk: Path, again: Path) -> None:
    """While another process opens, writes and closes in turn, a read sees neither half of a commit nor an old one."""
    with Database(file_url(disk / "x.db")) as database, database.engine.connect() as connection:
        for table in ("first", "last"):
            connection.exec_driver_sql(f"CREATE TABLE {table} (n, filler)")
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES (0, NULL)")
        connection.commit()
    query = "SELECT first.n, last.n, length(first.filler) = length(last.filler) FROM first, last"
    newest = reads = 0
    with (
        subprocess.Popen([sys.executable, "-c", WRITER, str(disk / "x.db")]) as writer,
        Database(file_url(again / "x.db")) as database,
    ):
        while writer.poll() is None or not reads:
            try:
                ((first, last, whole),) = readonly.read(database, query).rows
            except Busy:
                continue  # changed by others in each of its attempts
            assert first == last >= newest
            assert whole in (1, None)
            newest, reads = first, reads + 1
        assert writer.returncode == 0
        assert readonly.read(database, query).rows == [[39, 39, 1]]


CHECKPOINT_AND_SAVE = """
import os, sys
from persistdb import ContainerRepository, ContainerState, Database
database = Database(sys.argv[1])
with database.engine.connect() as connection:
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
ContainerRepository(database, host="node-1").save("pod", "c", ContainerState())
os._exit(0)
"""


def test_a_write_between_file_and_log(disk: Path, again: Path) -> None:
    """Where another process moves commits from the log to the file after that was copied, the copy is made again."""
    crash(disk / "x.db", "b", index=False)
    url = file_url(disk / "x.db")
    writers: list[list[str]] = [[sys.executable, "-c", CHECKPOINT_AND_SAVE, url]]

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == "open" and writers and str(arguments[0]) == f"{again}/x.db-wal":
            subprocess.run(writers.pop(), check=True)
            (disk / "x.db-shm").unlink()  # as if its process had ended properly

    sys.addaudithook(hook)  # it stays, and does nothing any more
    with Database(file_url(again / "x.db")) as database:
        assert cids(database) == ["a", "b", "c"]
        assert ContainerRepository(database, host="node-1").load_sandbox("pod").record.document == DOCUMENT
    assert writers == []


def test_each_write_shows(tmp_path: Path) -> None:
    """Timestamps are coarse: a state is only relied upon once any later write, of whatever size, would change it."""
    path = tmp_path / "x.db"
    for content in range(100):
        path.write_bytes(bytes([content]))
        state = fallback._State.settled(path)
        path.write_bytes(b"x")
        assert fallback._State.of(path) != state


def test_nothing_is_left(disk: Path, again: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy has no name while it is open, so that nothing is left of it, whatever ends the program."""
    place = tmp_path / "copies"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    with Database(file_url(again / "x.db")) as database:
        assert cids(database) == ["a"]
        assert list(place.iterdir()) == []
        descriptors = [os.readlink(each) for each in os.scandir("/proc/self/fd") if os.path.islink(each)]
        assert [name for name in descriptors if name.startswith(str(place))]


def test_no_room_for_a_copy(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no temporary folder has room, the error says what is needed, and where."""
    disks.fill(disk)
    monkeypatch.setattr(fallback, "_FOLDERS", ())
    monkeypatch.setenv("TMPDIR", str(disk))
    with pytest.raises(StorageFull, match=rf"its disk is full, and .* no room in {disk}; set TMPDIR to .* MB free"):
        read(disk / "x.db")


def test_a_restore(disk: Path, tmp_path: Path) -> None:
    """A file on a read-only medium is restored from with the commits in its log."""
    crash(disk / "x.db", "b", index=False)
    disks.set_read_only(disk)
    with Database(file_url(tmp_path / "new.db")) as database:
        restore(database, disk / "x.db")
        assert cids(database) == ["a", "b"]


# --- errors


def test_a_symlink_for_a_log(disk: Path, tmp_path: Path) -> None:
    """A symlink in the place of the log is not followed, as SQLite follows none."""
    (tmp_path / "other").write_bytes(b"x" * 100_000)
    (disk / "x.db-wal").symlink_to(tmp_path / "other")
    disks.set_read_only(disk)
    with pytest.raises(Unavailable, match=r"x\.db-wal"):
        read(disk / "x.db")


def test_a_failing_disk_that_is_full_as_well(disk: Path) -> None:
    """A log that cannot be read while its index is there holds commits: the error stays, and no copy is read."""
    with Database(file_url(disk / "x.db")) as database:
        repository = ContainerRepository(database, host="node-1")
        for cid in "bcdef":
            repository.save("pod", cid, ContainerState())
        disks.fill(disk)
        os.truncate(disk / "x.db-wal", 100)  # as if its blocks could not be read
        with pytest.raises(DatabaseError, match="disk I/O error"):
            read(disk / "x.db")


def test_a_file_that_this_process_has_open(disk: Path, again: Path) -> None:
    """A file in which this process has locks is not copied, which would drop them."""
    with Database(file_url(disk / "x.db")) as database:
        assert cids(database) == ["a"]
        for suffix in ("-wal", "-shm"):
            (disk / f"x.db{suffix}").unlink()
        with pytest.raises(Unavailable, match="unable to open database file"):
            read(again / "x.db")
