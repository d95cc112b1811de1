"""A watcher: what changes in its folders is in the store, and in its history, whatever happens to the folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import AlreadyWatched, ContainerRepository, Database
from persistdb.ingest.boot import this_machine
from persistdb.ingest.watch import notifier
from persistdb.ingest.watch.known import Known
from persistdb.ingest.watch.storing import Pass
from persistdb.reports import readonly
from persistdb.runtimes import trees
from tests.ingest.files import LONG_STATE, other, tree
from tests.runtimes.containers import runc_state
from tests.runtimes.kata.trees import make

from .following import Following

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


def happened(repository: ContainerRepository, *kinds: str) -> list[tuple[str, ...]]:
    """Return what happened to containers: the container, what, and its states; all was caused by the watcher."""
    events = [event for event in repository.events() if event.cid is not None]
    assert {event.cause for event in events} <= {"watch"}
    return [
        (f"{event.sid}/{event.cid}", event.kind, event.old_state or "", event.new_state or "")
        for event in events
        if not kinds or event.kind in kinds
    ]


def test_a_life(repository: ContainerRepository, tmp_path: Path) -> None:
    """What is there is imported first; each change is recorded when it comes, and what disappears as removed."""
    make(tmp_path, tree("a", x=other("1", "ready")))
    with Following(repository, tmp_path) as following:
        make(tmp_path, tree("a", x=other("1", "running")))
        following.until("stored", "a", "1")
        make(tmp_path, tree("b", y=other("2", "ready"), z=other("3", "ready")))
        following.until("stored", "b", "2")
        shutil.rmtree(tmp_path / "b/y")
        following.until("stored", "b", "1")
        make(tmp_path, tree("a", x=other("1", "stopped")))
        following.until("stored", "a", "1")
        shutil.rmtree(tmp_path / "a")
        following.until("removed", "a")
    assert happened(repository) == [
        ("a/x", "created", "", "ready"),
        ("a/x", "state", "ready", "running"),
        ("b/y", "created", "", "ready"),
        ("b/z", "created", "", "ready"),
        ("b/y", "removed", "ready", ""),
        ("a/x", "state", "running", "stopped"),
        ("a/x", "removed", "stopped", ""),
    ]
    assert following.watcher.status.queued == 0


def test_what_was_there(repository: ContainerRepository, tmp_path: Path) -> None:
    """A watcher that starts later removes what went meanwhile, and finds the last one to go when it is told to."""
    make(tmp_path, tree("a") | tree("b"))
    with Following(repository, tmp_path):
        pass
    shutil.rmtree(tmp_path / "a")
    with Following(repository, tmp_path) as following:
        assert ("removed", "a") in following.events
        shutil.rmtree(tmp_path / "b")
        following.until("removed", "b")
    assert repository.sandbox_ids() == []


def test_an_empty_folder(repository: ContainerRepository, tmp_path: Path) -> None:
    """A folder that is empty at the start may not be mounted: its sandboxes stay, unless that is said to be meant."""
    make(tmp_path / "sbs", tree("a"))
    with Following(repository, tmp_path / "sbs"):
        pass
    shutil.rmtree(tmp_path / "sbs/a")
    with Following(repository, tmp_path / "sbs") as following:
        assert ("fault", str(tmp_path / "sbs")) in following.events
        assert repository.sandbox_ids() == ["a"]
    with Following(repository, tmp_path / "sbs", prune="empty") as following:
        assert ("removed", "a") in following.events


def test_a_folder_that_comes_later(repository: ContainerRepository, tmp_path: Path) -> None:
    """A folder that is not there yet, nor the one above it, is followed as soon as it is there, and after it went."""
    path = tmp_path / "run/vc/sbs"
    with Following(repository, path) as following:
        for sid in ("a", "b"):
            make(path, tree(sid))
            following.until("stored", sid, "0")
            shutil.rmtree(tmp_path / "run")
            following.until("removed", sid)
    assert not [event for event in following.events if event[0] == "fault"]


def test_usual_places(repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path all usual places are followed, also those that come later, below folders of any name."""
    monkeypatch.setattr(trees, "_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    (tmp_path / "run").mkdir()
    with Following(repository) as following:
        make(tmp_path / "run/vc/sbs", tree("a"))
        following.until("stored", "a", "0")
        make(tmp_path / "run/runc/b", {"state.json": runc_state("b")})
        following.until("stored", "b", "1")
        make(tmp_path / "run/containerd/runc/k8s.io/c", {"state.json": runc_state("c")})
        following.until("stored", "c", "1")
        make(tmp_path / "run/user/7/runc/d", {"state.json": runc_state("d")})
        following.until("stored", "d", "1")
        shutil.rmtree(tmp_path / "run/containerd/runc/k8s.io")
        following.until("removed", "c")
    assert repository.sandbox_ids() == ["a", "b", "d"]
    assert following.watcher.status.folders == 3


def test_no_usual_place(repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node on which no runtime has a folder yet is seen at each pass, as are its boot and its kernel."""
    monkeypatch.setattr(trees, "_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    query = "SELECT host, sandboxes, last_seen, kernel, boot_id FROM hosts"

    def hosts() -> list[Sequence[Any]]:
        return readonly.read(repository.database, query).rows

    with Following(repository) as following:
        ((host, sandboxes, seen, kernel, boot_id),) = hosts()
        assert (host, sandboxes, kernel, boot_id) == ("node-1", 0, os.uname().release, this_machine().boot_id)
        following.watcher.rescan()
        following.until_true(lambda: hosts()[0][2] > seen)
    assert not [event for event in following.events if event[0] == "fault"]


def test_a_folder_that_is_replaced(repository: ContainerRepository, tmp_path: Path) -> None:
    """Where another folder takes the place of one, it is the one that counts, and the old one is not followed."""
    make(tmp_path / "sbs", tree("a") | tree("b"))
    with Following(repository, tmp_path / "sbs") as following:
        make(tmp_path / "new", tree("b") | tree("c"))
        (tmp_path / "sbs").rename(tmp_path / "old")
        (tmp_path / "new").rename(tmp_path / "sbs")
        following.until("removed", "a")
        assert repository.sandbox_ids() == ["b", "c"]
        make(tmp_path / "old", tree("b", x=other("1")))
        make(tmp_path / "sbs", tree("c", x=other("2")))
        following.until("stored", "c", "1")
    assert happened(repository) == [("c/x", "created", "", "running")]


def test_a_file_system_that_is_mounted_over(repository: ContainerRepository, tmp_path: Path) -> None:
    """A tmpfs that is mounted over a folder is followed, and the folder again when it is unmounted."""
    make(tmp_path, tree("a"))
    with Following(repository, tmp_path) as following:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "persistdb-test", str(tmp_path)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("this user may not mount a tmpfs")
        try:
            # nothing is removed for an empty folder, so what is in it now comes first
            make(tmp_path, tree("b"))
            following.until("stored", "b", "0")
            following.watcher.rescan()
            following.until("removed", "a")
            make(tmp_path, tree("b", x=other("1")))
            following.until("stored", "b", "1")
        finally:
            subprocess.run(["umount", "-l", str(tmp_path)], check=True)
        following.until("removed", "b")
        make(tmp_path, tree("a", x=other("1")))
        following.until("stored", "a", "1")
    assert repository.sandbox_ids() == ["a"]


def test_half_written(repository: ContainerRepository, tmp_path: Path) -> None:
    """A file with a fault is read again, and told of only if it stays; what the store knows stays, and follows on."""
    make(tmp_path, tree("a", x=other("1", "ready")))
    with Following(repository, tmp_path) as following:
        file = tmp_path / "a/x/persist.json"
        file.write_bytes(b"{")
        following.until("fault", str(file))
        assert following.watcher.status.errors == 1
        file.write_bytes(other("1", "running"))
        following.until("stored", "a", "1")
        # whole again before it is read again: not a word of it
        file.write_bytes(b"{")
        following.until("stored", "a", "0")
        file.write_bytes(other("1", "stopped"))
        following.until("stored", "a", "1")
        told = [event for event in following.events if event[0] == "fault"]
    assert told == [("fault", str(file))]
    assert happened(repository, "state") == [
        ("a/x", "state", "ready", "running"),
        ("a/x", "state", "running", "stopped"),
    ]


def test_a_value_that_cannot_be_stored(repository: ContainerRepository, tmp_path: Path) -> None:
    """A container that no engine can hold is told of once, and stops nothing else."""
    with Following(repository, tmp_path) as following:
        make(tmp_path, tree("a", x=LONG_STATE, y=other("2")))
        following.until("fault", str(tmp_path / "a/x/persist.json"))
        following.until("stored", "a", "1")
        make(tmp_path, tree("b"))
        following.until("stored", "b", "0")
        following.watcher.rescan()
        following.until("stored", "b", "0")
        told = [event for event in following.events if event[0] == "fault"]
    assert len(told) == 1


def test_never_quiet(repository: ContainerRepository, tmp_path: Path) -> None:
    """A runtime that rewrites a file all the time, in place, is recorded while it does."""
    make(tmp_path, tree("a", x=other("1", "ready")))
    file, stop = tmp_path / "a/x/persist.json", threading.Event()

    def rewrite() -> None:
        while not stop.wait(0.005):
            for state in ("running", "paused"):
                file.write_bytes(other("1", state))

    with Following(repository, tmp_path, debounce=1.0, longest=0.1) as following:
        thread = threading.Thread(target=rewrite)
        thread.start()
        try:
            for _ in range(3):
                following.until("stored", "a", "1")
        finally:
            stop.set()
            thread.join()
        file.write_bytes(other("1", "stopped"))
    assert repository.get("a", "x").record.state == "stopped"


def test_many_at_once(repository: ContainerRepository, tmp_path: Path) -> None:
    """Hundreds of sandboxes that come and go at once are all stored, and all removed."""
    with Following(repository, tmp_path) as following:
        for number in range(400):
            make(tmp_path, tree(f"s{number}", x=other(str(number))))
        wanted = {("stored", f"s{number}", "1") for number in range(400)}
        following.until_true(lambda: wanted <= set(following.events))
        for number in range(400):
            shutil.rmtree(tmp_path / f"s{number}")
        gone = {("removed", f"s{number}") for number in range(400)}
        following.until_true(lambda: gone <= set(following.events))
    assert repository.sandbox_ids() == []
    assert len(happened(repository, "created")) == len(happened(repository, "removed")) == 400


def _of_pod(cid: str, sid: str) -> bytes:
    state: dict[str, Any] = json.loads(runc_state(cid))
    kind = "sandbox" if cid == sid else "container"
    labels = {"io.kubernetes.cri.sandbox-id": sid, "io.kubernetes.cri.container-type": kind}
    state["config"]["labels"] = [*state["config"]["labels"], *(f"{key}={value}" for key, value in labels.items())]
    return json.dumps(state).encode()


def test_few_events_at_once(repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened is all seen, also if it is more than is taken at once."""
    monkeypatch.setattr(notifier, "_MOST", 1)
    with Following(repository, tmp_path) as following:
        for number in range(20):
            make(tmp_path, tree(f"s{number}", x=other(str(number))))
        wanted = {("stored", f"s{number}", "1") for number in range(20)}
        following.until_true(lambda: wanted <= set(following.events))
    assert len(repository.sandbox_ids()) == 20


def test_a_folder_that_is_back_at_once(repository: ContainerRepository, tmp_path: Path) -> None:
    """A folder that is removed, and made again with the same sandbox before that was looked at, still has it."""
    make(tmp_path / "sbs", tree("a"))
    with Following(repository, tmp_path / "sbs") as following:
        for number in range(3):
            shutil.rmtree(tmp_path / "sbs")
            make(tmp_path / "sbs", tree("a", x=other(str(number))))
            following.until_true(lambda: following.watcher.status.rescans > number)  # noqa: B023
            make(tmp_path / "sbs", tree(f"next-{number}"))
            following.until("stored", f"next-{number}", "0")
            assert "a" in repository.sandbox_ids()


def test_pods(repository: ContainerRepository, tmp_path: Path) -> None:
    """Containers of one pod, each in a folder, come and go singly, and the others of the pod stay."""

    def containers(*cids: str) -> Callable[[], bool]:
        return lambda: sorted(repository.load_sandbox("p").containers) == list(cids)

    make(tmp_path, {"p/state.json": _of_pod("p", "p"), "q/state.json": _of_pod("q", "q")})
    with Following(repository, tmp_path) as following:
        for number in (1, 2):
            make(tmp_path, {f"c{number}/state.json": _of_pod(f"c{number}", "p")})
            following.until_true(containers(*("c1", "c2")[:number], "p"))
        # while one cannot be read, it may be of any pod
        (tmp_path / "c2/state.json").write_bytes(b"{")
        following.until("fault", str(tmp_path / "c2/state.json"))
        shutil.rmtree(tmp_path / "c1")
        following.until_true(containers("c2", "p"))
        shutil.rmtree(tmp_path / "c2")
        following.until_true(containers("p"))
        shutil.rmtree(tmp_path / "p")
        following.until("removed", "p")
    assert repository.sandbox_ids() == ["q"]
    assert [name for name, *_ in happened(repository, "removed")] == ["p/c1", "p/c2", "p/p"]


def test_one_of_two_is_watched(repository: ContainerRepository, tmp_path: Path) -> None:
    """A second watcher of a host is refused and told of the first; of another host, or after its end, it is not."""
    with Following(repository, tmp_path):
        with pytest.raises(AlreadyWatched, match=f"host 'node-1' is watched already, by process {os.getpid()} on"):
            Following(repository, tmp_path)
        elsewhere = ContainerRepository(repository.database, host="node-2")
        with Following(elsewhere, tmp_path):
            pass
    with Following(repository, tmp_path):
        pass


def test_no_symlink_is_followed(repository: ContainerRepository, tmp_path: Path) -> None:
    """A folder that a symlink replaces is a fault, and what it leads to is not read; the path itself may be one."""
    make(tmp_path / "other", tree("a", x=other("1")))
    make(tmp_path / "sbs", tree("a"))
    (tmp_path / "link").symlink_to("sbs")
    with Following(repository, tmp_path / "link") as following:
        make(tmp_path / "sbs", tree("b"))
        following.until("stored", "b", "0")
        shutil.rmtree(tmp_path / "sbs/a")
        (tmp_path / "sbs/a").symlink_to(tmp_path / "other/a")
        following.until("fault", str(tmp_path / "link/a"))
        # the path leads elsewhere from now on
        os.symlink("other", tmp_path / "new")
        os.rename(tmp_path / "new", tmp_path / "link")
        following.until("stored", "a", "1")


def test_the_clock_is_set_back(repository: ContainerRepository, tmp_path: Path) -> None:
    """A gap that began, by the clock as it was, later than now is recorded, and the watcher goes on."""
    make(tmp_path, tree("a"))
    began = datetime.now(UTC) + timedelta(hours=1)
    with Following(repository, tmp_path) as following:
        following.watcher._storing.put(Pass("events of files were lost", began))
        following.until("stored", "a", "0")
        make(tmp_path, tree("b"))
        following.until("stored", "b", "0")
    (gap,) = repository.events(kinds=["gap"])
    assert gap.began_at == gap.at == began


def test_a_name_that_is_not_utf8(repository: ContainerRepository, tmp_path: Path) -> None:
    """A file or folder whose name no sandbox can have comes and goes, and the watcher goes on."""
    make(tmp_path, tree("a"))
    with Following(repository, tmp_path) as following:
        file = os.fsencode(tmp_path) + b"/\xff"
        os.mkdir(file)
        make(tmp_path, tree("b"))
        following.until("stored", "b", "0")
        os.rmdir(file)
        make(tmp_path, tree("c"))
        following.until("stored", "c", "0")
    assert repository.sandbox_ids() == ["a", "b", "c"]


def test_what_cannot_be_stored_ends_nothing(
    repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error about what was read of one folder is told and counted, and what is read next is stored."""
    make(tmp_path, tree("stays"))
    with Following(repository, tmp_path) as following:
        monkeypatch.setattr(Known, "update", lambda *_: ["\udcff"])
        make(tmp_path, tree("a"))
        following.until("stored", "a", "0")
        monkeypatch.undo()
        make(tmp_path, tree("b"))
        following.until("stored", "b", "0")
        assert following.watcher.status.errors >= 1
    assert f"{tmp_path}: not stored: " in caplog.text
