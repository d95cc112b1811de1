"""A watcher whose database is away: nothing ends, what is there is stored when it is back, and the gap is recorded."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import AlreadyWatched, ContainerRepository, Database, Unavailable, sqlite3
from persistdb.engines import Timeouts
from persistdb.ingest.watch import storing, watcher
from persistdb.store.claim import Claim
from tests.ingest.files import other, tree
from tests.runtimes.kata.trees import make

from .following import Following

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


def _end_renewal(database: Database) -> None:
    """Wait for the thread that renews leases: its retries draw random numbers, which hypothesis refuses."""
    renewing = database.leases.renewal
    thread = renewing._thread
    if thread is not None:
        with renewing._changed:  # nothing is to be renewed, so that it need not wait until something were
            renewing._due = 0.0
            renewing._changed.notify()
        thread.join(60)
        assert not thread.is_alive()


def test_database_away(own_server: Server, tmp_path: Path) -> None:
    """While a server is stopped the folder is followed on; when it is back, all is there, and the gap is an event."""
    make(tmp_path, tree("a", x=other("1", "ready")) | tree("b"))
    url = own_server.url(own_server.create_database())
    with Database(url, timeouts=Timeouts(call=0.5, busy=0.5)) as database:
        repository = ContainerRepository(database, host="node-1")
        with Following(repository, tmp_path) as following:
            own_server.stop()
            make(tmp_path, tree("a", x=other("1", "running")))
            following.until("away")
            shutil.rmtree(tmp_path / "b")
            make(tmp_path, tree("c"))
            own_server.start()
            following.until("alive")
            make(tmp_path, tree("a", x=other("1", "stopped")))
            following.until_true(lambda: repository.get("a", "x").record.state == "stopped")
        assert repository.sandbox_ids() == ["a", "c"]
        status = following.watcher.status
        assert (status.is_away, status.queued) == (False, 0)
        assert status.errors >= status.gaps >= 1
        gaps = list(repository.events(kinds=["gap"]))
        assert len(gaps) == status.gaps
        for gap in gaps:
            assert gap.began_at is not None
            assert gap.began_at < gap.at
            assert (gap.host, gap.sid, gap.cause, gap.reason) == ("node-1", None, "watch", "the database was away")
        _end_renewal(database)


def test_ended_while_it_is_away(own_postgresql_server: Server, tmp_path: Path) -> None:
    """A watcher ends in time though the database is away, and the next one finds what changed."""
    make(tmp_path, tree("a", x=other("1", "ready")))
    url = own_postgresql_server.url(own_postgresql_server.create_database())
    with Database(url, timeouts=Timeouts(call=0.5, busy=0.5)) as database:
        repository = ContainerRepository(database, host="node-1")
        with Following(repository, tmp_path) as following:
            own_postgresql_server.stop()
            make(tmp_path, tree("a", x=other("1", "running")))
            following.until("away")
        own_postgresql_server.start()
        with Following(repository, tmp_path):
            assert repository.get("a", "x").record.state == "running"
        _end_renewal(database)


class Often(Following):
    """A watcher that often says how it is."""

    interval = 0.05


@contextmanager
def _locked(url: str) -> Iterator[None]:
    """Let nobody else write to a SQLite file."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other_process:
        other_process.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def impatient(sqlite_store: tuple[str, Database]) -> Iterator[ContainerRepository]:
    """Give a repository that does not wait for other writers."""
    with Database(sqlite_store[0], timeouts=Timeouts(call=0.5, busy=0.05)) as database:
        yield ContainerRepository(database, host="node-1")


def test_a_pass_is_asked_for_while_it_is_away(impatient: ContainerRepository, tmp_path: Path) -> None:
    """A pass that is to be made while the database is away is part of the next one, and later ones are made as well."""
    make(tmp_path, tree("a"))
    with Often(impatient, tmp_path) as following:
        with _locked(str(impatient.database.url)):
            make(tmp_path, tree("b"))
            following.until("away")
            following.watcher.rescan()
            following.until_true(lambda: following.watcher.status.errors >= 2)
        following.until("alive")
        made = following.watcher.status.rescans
        following.watcher.rescan()
        following.until_true(lambda: following.watcher.status.rescans > made)
    assert impatient.sandbox_ids() == ["a", "b"]


def test_told_once_it_is_back(impatient: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the watcher's news is woken after the database is back, not only before."""
    with Often(impatient, tmp_path) as following:
        status, wake = following.watcher.status, following.watcher.wake
        woken: list[bool] = []

        def woken_while_away() -> None:
            woken.append(status.is_away)
            wake()

        monkeypatch.setattr(following.watcher._storing, "_wake", woken_while_away)
        with _locked(str(impatient.database.url)):
            make(tmp_path, tree("a"))
            following.until("away")
        following.until("alive")
    assert woken[0]
    assert woken[-2:] == [False, False]  # once it was back, and at its end


def test_told_that_the_storing_has_ended(impatient: ContainerRepository, tmp_path: Path) -> None:
    """Who waits for the watcher's news is woken after the storing has ended: nothing wakes it later."""
    following = Following(impatient, tmp_path)
    storing, wake = following.watcher._storing, following.watcher.wake
    woken: list[bool] = []

    def woken_while_alive() -> None:
        woken.append(storing.is_alive)
        wake()

    storing._wake = woken_while_alive
    with following:
        storing._queue.put(None)
        following._thread.join(60)
        assert not following._thread.is_alive()
    assert woken[0]
    assert not woken[-1]


@pytest.mark.parametrize("again", [False, True])
def test_the_last_one_goes_while_it_is_away(impatient: ContainerRepository, tmp_path: Path, again: bool) -> None:
    """What was seen to go meanwhile is removed, though its folder is empty then, and what is there again is not."""
    make(tmp_path, tree("a") | tree("b") | tree("c"))
    with Often(impatient, tmp_path) as following:
        with _locked(str(impatient.database.url)):
            shutil.rmtree(tmp_path / "c")
            following.until("away")
            shutil.rmtree(tmp_path / "b")
            if again:
                make(tmp_path, tree("c"))
            shutil.rmtree(tmp_path / "a")
            following.until_true(lambda: following.watcher.status.errors >= 2)
        following.until("alive")
        assert impatient.sandbox_ids() == (["c"] if again else [])
        assert not [event for event in following.events if event[0] == "fault"]


def test_it_stands_still(
    impatient: ContainerRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While a call of the database does not return in time no sign of life is given, and an error says why."""
    monkeypatch.setattr(storing, "_CALLS", 0)
    goes_on, save = threading.Event(), ContainerRepository.save_many

    def slow(*words: Any) -> None:
        assert goes_on.wait(60)
        save(*words)

    with Often(impatient, tmp_path) as following:
        monkeypatch.setattr(ContainerRepository, "save_many", slow)
        make(tmp_path, tree("a"))
        try:
            while "has not answered for long" not in caplog.text:
                following.watcher.wake()
        finally:
            goes_on.set()
        following.until("stored", "a", "0")
        following.until("alive")


def test_the_claim_is_lost_in_a_pass(
    impatient: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher whose host another process has come to watch ends before it stores the next sandboxes."""
    make(tmp_path, tree("a"))
    answers = iter([None, AlreadyWatched("node-1", ())])

    def check(_: Claim) -> None:
        if (answer := next(answers)) is not None:
            raise answer

    monkeypatch.setattr(Claim, "check", check)
    following = Following(impatient, tmp_path)
    with pytest.raises(AlreadyWatched):
        following.__enter__()
    following._thread.join(60)
    assert following.watcher.status.rescans == 0


def test_ended_while_the_database_is_slow(
    impatient: ContainerRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An end before all is stored is an error, said with the number; until the thread ends nobody else may watch."""
    monkeypatch.setattr(watcher, "_PATIENCE", 0.1)
    goes_on, save = threading.Event(), ContainerRepository.save_many

    def slow(*words: Any) -> None:
        assert goes_on.wait(60)
        save(*words)

    following = Following(impatient, tmp_path)

    def follow() -> None:
        with following:
            monkeypatch.setattr(ContainerRepository, "save_many", slow)
            make(tmp_path, tree("a"))
            while not following.watcher.status.queued:
                following.watcher.wake()

    try:
        with pytest.raises(Unavailable, match=r"did not store in 0\.1 s what was read at the end"):
            follow()
        # it is read again when more of its files were written meanwhile
        assert re.search(r" (1 sandbox was|[2-9] sandboxes were) read and not stored", caplog.text)
        with pytest.raises(AlreadyWatched):
            Following(impatient, tmp_path)
    finally:
        goes_on.set()
        following.watcher._storing._thread.join(60)
        following.watcher._open.close()
    assert impatient.sandbox_ids() == ["a"]
