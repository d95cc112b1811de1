"""The files and folders of an SQLite database: for their owner only, wherever symlinks lead."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb.engines import file_url
from persistdb.engines.sqlite import driver
from persistdb.errors import LockTimeout, Unavailable
from persistdb.schema.backup import backup
from persistdb.schema.restore import restore

if TYPE_CHECKING:
    from pathlib import Path


def fill(path: Path) -> None:
    """Store a sandbox in a database."""
    with Database(file_url(path)) as database:
        ContainerRepository(database).save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})


def test_null_is_bound_without_a_search(tmp_path: Path) -> None:
    """The driver has an adapter for ``None``, which costs less than its search for one, and binds NULL as before."""
    with Database(file_url(tmp_path / "store.db")) as database:
        ContainerRepository(database).save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
        with database.engine.connect() as connection:
            cursor = connection.connection.cursor()
            assert cursor.execute("SELECT typeof(?), ? IS NULL", (None, None)).fetchall() == [("null", 1)]
    assert driver().adapters[type(None), driver().PrepareProtocol](None) is None


def mode(path: Path) -> int:
    """Return the rights of a file itself."""
    return stat.S_IMODE(path.lstat().st_mode)


# --- modes


@pytest.mark.usefixtures("open_umask")
def test_missing_folders_are_private(tmp_path: Path) -> None:
    """Whatever the umask, all folders that are created for a database are for its owner only."""
    path = tmp_path / "a" / "b" / "c" / "x.db"
    fill(path)
    assert [mode(folder) for folder in (path.parent, *path.parent.parents[:2])] == [0o700] * 3


@pytest.mark.usefixtures("open_umask")
def test_existing_folders_stay(tmp_path: Path) -> None:
    """A folder that exists keeps its mode."""
    (tmp_path / "shared").mkdir(0o755)
    fill(tmp_path / "shared" / "own" / "x.db")
    assert (mode(tmp_path / "shared"), mode(tmp_path / "shared" / "own")) == (0o755, 0o700)


@pytest.mark.parametrize("name", ["real.db", "disk/real.db"])
@pytest.mark.usefixtures("open_umask")
def test_a_symlink_to_nothing(tmp_path: Path, name: str) -> None:
    """A database behind a symlink is created where that leads to, for its owner only, as are the files beside it."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.db").symlink_to(name)
    with Database(file_url(tmp_path / "link.db")) as database:
        repository = ContainerRepository(database)
        repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
        files = (tmp_path / name).parent.glob("real.db*")
        assert {path.name: mode(path) for path in files} == {
            f"real.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", "-queue")
        }


def test_a_symlink_to_a_missing_folder(tmp_path: Path) -> None:
    """A symlink into a folder that is missing, such as of a disk that is not mounted, is an error."""
    (tmp_path / "link.db").symlink_to("disk/real.db")
    with pytest.raises(Unavailable, match=r"disk/real\.db"):
        fill(tmp_path / "link.db")
    assert [path.name for path in tmp_path.iterdir()] == ["link.db"]


def test_a_symlink_in_a_circle(tmp_path: Path) -> None:
    """A symlink that leads to itself is an error."""
    (tmp_path / "link.db").symlink_to("link.db")
    with pytest.raises(Unavailable):
        fill(tmp_path / "link.db")


@pytest.mark.usefixtures("open_umask")
def test_restore_behind_a_symlink_to_nothing(tmp_path: Path) -> None:
    """A restore creates the file where the symlink leads to, for its owner only."""
    fill(tmp_path / "old.db")
    with Database(file_url(tmp_path / "old.db")) as database:
        backup(database, tmp_path / "kept")
    (tmp_path / "link.db").symlink_to("new.db")
    with Database(file_url(tmp_path / "link.db")) as database:
        assert restore(database, tmp_path / "kept") is None
        assert ContainerRepository(database).count() == 1
    assert (mode(tmp_path / "new.db"), (tmp_path / "link.db").is_symlink()) == (0o600, True)


# --- the log


def test_the_log_shrinks_after_a_long_reader(tmp_path: Path) -> None:
    """A log that a long reader let grow is cut to its usual size within the next writes."""
    path = tmp_path / "x.db"
    log = tmp_path / "x.db-wal"
    with Database(file_url(path)) as writer, Database(file_url(path)) as reader:
        repository = ContainerRepository(writer)
        repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
        with reader.session() as session:
            session.execute(text("SELECT count(*) FROM container")).scalar_one()
            for number in range(20):
                repository.save_sandbox(SandboxState(sid="s", document=str(number) * 500_000), {"c": ContainerState()})
            assert log.stat().st_size > 8 << 20
        for state in ("running", "paused", "stopped"):
            repository.save("s", "c", ContainerState(state=state))
        assert log.stat().st_size <= 4 << 20


# --- locks


def test_all_names_of_a_database_have_the_same_locks(tmp_path: Path) -> None:
    """A lock excludes a caller who opened the database through a symlink."""
    fill(tmp_path / "real.db")
    (tmp_path / "link.db").symlink_to("real.db")
    with Database(file_url(tmp_path / "real.db")) as one, Database(file_url(tmp_path / "link.db")) as other:
        with ContainerRepository(one).lock("s"), pytest.raises(LockTimeout):
            ContainerRepository(other).lock("s", timeout=0)
        with ContainerRepository(other).lock("s", timeout=0):
            pass
