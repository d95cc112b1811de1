"""The first import after a boot: what was there until then is lost with the boot, which is no fault."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database, Machine
from persistdb.ingest import Importer, boot
from persistdb.runtimes import trees
from tests.runtimes.kata.trees import make

from .files import other, tree
from .test_importer import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb.ingest.folders import Prune


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that is this machine's /run."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(trees, "_ROOT", str(tmp_path))
    monkeypatch.setattr(trees, "RUN", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    return folder


def booted(monkeypatch: pytest.MonkeyPatch, name: str, *, in_memory: bool = True) -> None:
    """Let the machine be booted now; ``in_memory``: its /run is."""
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id=name, kernel="6"))
    monkeypatch.setattr(boot, "boot_time", lambda: int(time.time()) + 1)
    if in_memory:
        monkeypatch.setattr(boot, "_is_volatile", lambda _: True)


def imported(repository: ContainerRepository, *paths: Path, prune: Prune = "gone") -> list[tuple[str, ...]]:
    recorder = Recorder()
    importer = Importer(repository, recorder, prune=prune, cause="watch")
    if paths:
        importer.run(map(str, paths))
    else:
        importer.run_usual_places()
    return [event for event in recorder.events if event[0] in ("fault", "removed", "lost", "stored")]


def removals(repository: ContainerRepository) -> list[tuple[str | None, str]]:
    return [(event.sid, event.cause) for event in repository.events(kinds=["removed"]) if event.cid is None]


def test_lost_with_the_boot(repository: ContainerRepository, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in memory is removed with the cause boot, once, and a sandbox of the same ID begins another life."""
    sbs = run / "vc/sbs"
    make(sbs, tree("a", x=other("1")) | tree("b"))
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id="first"))
    assert imported(repository, sbs) == [("stored", "a", "1"), ("stored", "b", "0")]
    booted(monkeypatch, "second")
    shutil.rmtree(sbs / "a")
    assert imported(repository, sbs) == [("lost", "a"), ("lost", "b"), ("stored", "b", "0")]
    assert removals(repository) == [("a", "boot"), ("b", "boot")]
    assert repository.boot_id() == "second"
    shutil.rmtree(sbs / "b")
    make(sbs, tree("c"))
    assert imported(repository, sbs) == [("stored", "c", "0"), ("removed", "b")]
    assert removals(repository)[-1] == ("b", "watch")


def test_nothing_is_there(repository: ContainerRepository, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is empty or missing after a boot is no fault, and other hosts' sandboxes stay."""
    sbs = run / "vc/sbs"
    make(sbs, tree("a", x=other("1")))
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id="first"))
    imported(repository, sbs)
    elsewhere = ContainerRepository(repository.database, host="node-2")
    imported(elsewhere, sbs)
    shutil.rmtree(sbs / "a")
    booted(monkeypatch, "second", in_memory=False)
    assert imported(repository, sbs) == [("lost", "a")]
    assert elsewhere.sandbox_ids() == ["a"]
    shutil.rmtree(run)
    assert imported(elsewhere, sbs) == [("lost", "a")]


def test_on_a_disk(repository: ContainerRepository, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /run is on a disk, what is still there stays; what is not is lost with the boot, also the last of it."""
    make(run / "vc/sbs", tree("a") | tree("b"))
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id="first"))
    imported(repository, run / "vc/sbs")
    shutil.rmtree(run / "vc/sbs/b")
    booted(monkeypatch, "second", in_memory=False)
    assert imported(repository, run / "vc/sbs") == [("stored", "a", "0"), ("lost", "b")]
    shutil.rmtree(run / "vc/sbs/a")
    booted(monkeypatch, "third", in_memory=False)
    assert imported(repository, run / "vc/sbs") == [("lost", "a")]
    assert removals(repository) == [("b", "boot"), ("a", "boot")]


def test_without_prune(repository: ContainerRepository, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that removes nothing leaves it to the next one that does."""
    make(run / "vc/sbs", tree("a") | tree("b"))
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id="first"))
    imported(repository, run / "vc/sbs")
    shutil.rmtree(run / "vc/sbs/b")
    booted(monkeypatch, "second")
    assert imported(repository, run / "vc/sbs", prune="none") == [("stored", "a", "0")]
    assert repository.boot_id() == "first"
    assert ("lost", "b") in imported(repository, run / "vc/sbs")
    assert repository.boot_id() == "second"


def test_copies_are_not_touched(
    repository: ContainerRepository, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files elsewhere, such as a copy of a node's, have nothing to do with a boot of this machine."""
    make(tmp_path / "copy", tree("a"))
    make(run / "vc/sbs", tree("b"))
    monkeypatch.setattr(boot, "this_machine", lambda: Machine(boot_id="first"))
    imported(repository, tmp_path / "copy", run / "vc/sbs")
    booted(monkeypatch, "second")
    assert imported(repository, run / "vc/sbs") == [("lost", "b"), ("stored", "b", "0")]
    assert repository.sandbox_ids() == ["a", "b"]


def test_what_is_in_memory(tmp_path: Path) -> None:
    """A folder on a tmpfs is in memory, one on a disk is not, and one that is missing is nowhere."""
    assert not boot._is_volatile("/proc/self")
    assert boot._is_volatile(str(tmp_path / "missing"))
    kinds = {"/dev/shm": "tmpfs", "/": ""}
    for path, kind in kinds.items():
        found = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout
        assert boot._is_volatile(path) is (found.strip() == (kind or "tmpfs"))


def test_this_boot() -> None:
    """This machine's boot has an ID, and began before now."""
    began = boot.boot_time()
    assert began is not None
    assert datetime.fromtimestamp(began, UTC) < datetime.now(UTC) + timedelta(seconds=2)
    assert boot.this_machine().boot_id


def test_no_runtime_yet(repository: ContainerRepository, run: Path) -> None:
    """That a machine has no runtime's folder is a fault, unless the import is one of a timer's."""
    recorder = Recorder()
    importer = Importer(repository, recorder, prune="gone")
    assert not importer.run_usual_places()
    assert recorder.events == [("fault", "/")]
    assert importer.run_usual_places(may_be_none=True)
    assert recorder.events == [("fault", "/")]


@pytest.mark.usefixtures("run")
def test_no_usual_place(repository: ContainerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no runtime has a folder, each boot is recorded as well."""
    for name in ("first", "second", "third"):
        booted(monkeypatch, name)
        Importer(repository, Recorder(), prune="gone").run_usual_places(may_be_none=True)
        assert repository.boot_id() == name
