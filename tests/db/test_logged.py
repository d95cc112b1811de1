"""The logger ``persistdb``: what happens inside, for those who ask; at WARNING it is silent while all is well."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database, Timeouts, Unavailable
from persistdb.schema import backup as backups
from persistdb.schema import migrate
from persistdb.schema.restore import restore
from tests.engines.test_sqlite_queue import place
from tests.servers import HUSH
from tests.store.faults import just_before
from tests.store.samples import container, put

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that the logger tells."""
    caplog.set_level(logging.DEBUG, "persistdb")
    return caplog


def _lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    lines = [each.getMessage() for each in caplog.records if each.name == "persistdb" and each.levelno == level]
    caplog.clear()
    return lines


def test_connections(server: Server, logged: pytest.LogCaptureFixture) -> None:
    """Opening a connection, losing one and a ping are told, without the password."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        shown = database.engine.url.render_as_string(hide_password=True)
        assert f"{shown}: connected" in _lines(logged, logging.DEBUG)
        logged.clear()
        server.disconnect(name)
        with database.session() as session:  # pings, for it could not run a lost statement again
            session.connection()
        told = logged.text
        assert "ping of a connection that was idle for " in told
        assert f"{shown}: no answer to a ping; connecting again" in _lines(logged, logging.INFO)
    assert HUSH not in told
    server.drop_database(name)


def test_interrupted_call(own_server: Server, logged: pytest.LogCaptureFixture) -> None:
    """A call that is ended at its deadline, for the server does not answer, is told."""
    with Database(own_server.url(own_server.create_database()), timeouts=Timeouts(call=1), retries=0) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.count()
        # on a busy machine a call may be over before it asks the server anything, and be told of a moment later
        for _ in range(10):
            with own_server.daemon.frozen(), contextlib.suppress(Unavailable):
                repository.count()
            if any("had no answer by its deadline" in line for line in _lines(logged, logging.INFO)):
                break
        else:
            pytest.fail("no call was told of")


def test_schema(sqlite_url: str, tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    """Changes of the schema, backups, the removal of old ones and a restore are told; nothing of it is a warning."""
    with Database(sqlite_url) as database:
        head = migrate.upgrade(database).after
        assert _lines(logged, logging.INFO) == [f"{database.url}: schema changed from nothing to {head}"]
        migrate.upgrade(database)
        assert _lines(logged, logging.INFO) == []
        kept = backups.backup(database, tmp_path / "copy.db")
        assert _lines(logged, logging.INFO) == [f"backup: {kept}"]
        done = migrate.downgrade(database, "0009", allow_loss=True)
        assert _lines(logged, logging.INFO) == [
            f"backup: {done.backup}",
            f"{database.url}: schema changed from {head} to 0009",
        ]
        for _ in range(backups.KEPT):
            backups.before_change(database, "0009")
        assert f"removed, for there are newer backups: {done.backup}" in _lines(logged, logging.INFO)
        restore(database, kept)
        assert _lines(logged, logging.INFO)[-1] == f"{database.url}: restored from {kept}"
    assert [record for record in logged.records if record.levelno >= logging.WARNING] == []


def test_views_created_again(database_url: str, logged: pytest.LogCaptureFixture) -> None:
    """Views that an upgrade creates again are told."""
    with Database(database_url) as database:
        migrate.upgrade(database)
        with database.session(write=True) as session:
            session.connection().exec_driver_sql("DROP VIEW sandbox_devices")
        logged.clear()
        (repaired,) = migrate.upgrade(database).repaired
        assert _lines(logged, logging.INFO)[-1] == f"{database.url}: created again: {repaired}"


def test_an_old_backup_that_stays(
    sqlite_url: str, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that cannot be removed is a warning: nothing fails, and the disk fills up."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database)
        first = backups.before_change(database, "0009")
        assert first is not None
        first.unlink()
        first.mkdir()
        for _ in range(backups.KEPT):
            backups.before_change(database, "0009")
        assert _lines(logged, logging.WARNING) == [f"{first}: this old backup cannot be removed"]


def test_a_turn_to_write(tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    """How long a writer of a file waited for another is told."""
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(place(tmp_path / "queue")) for _ in range(2))

        def write() -> None:
            with second:
                pass

        writer = threading.Thread(target=write)
        with first:
            writer.start()
            while len(first.waiting()) < 2:
                pass
        writer.join()
    (line,) = _lines(logged, logging.DEBUG)
    assert line.startswith(f"{tmp_path}/queue: waited 0.")


def test_locks(sqlite_url: str, logged: pytest.LogCaptureFixture) -> None:
    """Locks of sandboxes are told when they are taken and released."""
    with Database(sqlite_url) as database:
        repository = ContainerRepository(database, host="node-1")
        logged.clear()
        with repository.lock("pod-1"):
            pass
    assert _lines(logged, logging.DEBUG) == ["lock of sandbox 'pod-1': taken", "lock of sandbox 'pod-1': released"]


def test_what_is_run_again(server: Server, logged: pytest.LogCaptureFixture) -> None:
    """A unit of work that is run again is told with the reason, and so is a commit whose answer was lost."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        logged.clear()
        with just_before(database, "SELECT", lambda: server.disconnect(name)):
            repository.save("pod-1", "a", container("new", state="stopped"))
        assert [line for line in _lines(logged, logging.DEBUG) if ": again after an error: " in line]
        with just_before(database, "UPDATE container", lambda: server.disconnect(name)):
            repository.transition("pod-1", "a", "running", expected="stopped")
        lost = [line for line in _lines(logged, logging.INFO) if "the answer to a commit was lost" in line]
        # where a change of state is several statements, this was no commit yet
        assert bool(lost) == database.backend.changes_alone
    server.drop_database(name)
