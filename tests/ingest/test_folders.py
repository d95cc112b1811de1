"""What a folder no longer has: said, or removed where it is certain; nothing else is touched."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, Database, SandboxState
from persistdb.ingest import Importer
from persistdb.reports import readonly
from persistdb.runtimes import trees
from tests.runtimes.containers import crun_files, runc_state
from tests.runtimes.kata.trees import make

from .files import other, tree
from .test_importer import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb.ingest.folders import Prune


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


def run(
    repository: ContainerRepository, *paths: Path, prune: Prune = "none", runtime: str | None = None
) -> list[tuple[str, ...]]:
    """Import, and return what the observer learns of what is gone, or is wrong."""
    recorder = Recorder()
    Importer(repository, recorder, prune=prune, runtime=runtime).run(map(str, paths))
    return [event for event in recorder.events if event[0] in ("fault", "removed") or " no longer has " in event[1]]


def test_gone(repository: ContainerRepository, tmp_path: Path) -> None:
    """Without ``prune`` an import says how many stored sandboxes are gone; with it they are removed, once."""
    make(tmp_path, tree("a", x=other("1")) | tree("b") | tree("c"))
    assert run(repository, tmp_path) == []
    shutil.rmtree(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    gone = f"{tmp_path} no longer has 2 stored sandboxes; --prune removes them"
    assert run(repository, tmp_path) == [("note", gone)]
    assert run(repository, tmp_path / "c") == []
    assert run(repository, tmp_path, prune="gone") == [("removed", "a"), ("removed", "b")]
    assert repository.sandbox_ids() == ["c"]
    assert run(repository, tmp_path, prune="gone") == []


def test_others_are_not_touched(repository: ContainerRepository, tmp_path: Path) -> None:
    """Other hosts' sandboxes stay, and of this host those of other folders, or that no import found."""
    make(tmp_path / "one", tree("a") | tree("b"))
    make(tmp_path / "two", tree("c"))
    elsewhere = ContainerRepository(repository.database, host="node-2")
    run(elsewhere, tmp_path / "one")
    run(repository, tmp_path / "one", tmp_path / "two")
    repository.save_sandbox(SandboxState(sid="saved"), {"c": ContainerState()})
    shutil.rmtree(tmp_path / "one/a")
    shutil.rmtree(tmp_path / "two/c")
    assert run(repository, tmp_path / "one", prune="gone") == [("removed", "a")]
    assert repository.sandbox_ids() == ["b", "c", "saved"]
    assert elsewhere.sandbox_ids() == ["a", "b"]


def test_two_roots_of_one_runtime(repository: ContainerRepository, tmp_path: Path) -> None:
    """Two namespaces of containerd are two folders; a copy of a root stands for the host's own folders."""
    for copy in ("first", "second"):
        for name in ("k8s.io/p", "k8s.io/q", "moby/m"):
            place = tmp_path / copy / "run/containerd/runc" / name
            make(place, {"state.json": runc_state(place.name)})
    run(repository, tmp_path / "first")
    folder = tmp_path / "second/run/containerd/runc"
    shutil.rmtree(folder / "k8s.io/p")
    shutil.rmtree(folder / "moby")
    events = run(repository, tmp_path / "second", prune="gone")
    assert events == [("removed", "p"), ("fault", "/run/containerd/runc/moby")]
    assert repository.sandbox_ids() == ["m", "q"]
    assert run(repository, tmp_path / "second", prune="empty") == [("removed", "m")]


def test_other_runtimes_stay(repository: ContainerRepository, tmp_path: Path) -> None:
    """Of a folder that several runtimes use, an import of one of them removes only its own."""
    make(tmp_path / "runc", {"state.json": runc_state("runc")})
    make(tmp_path / "r2", {"state.json": runc_state("r2")})
    make(tmp_path / "crun", crun_files())
    run(repository, tmp_path)
    shutil.rmtree(tmp_path / "runc")
    shutil.rmtree(tmp_path / "crun")
    assert run(repository, tmp_path, prune="gone", runtime="runc") == [("removed", "runc")]
    assert repository.sandbox_ids() == ["crun", "r2"]


def test_not_read_whole(repository: ContainerRepository, tmp_path: Path) -> None:
    """Nothing is removed if anything in the folder could not be read, or one sandbox of it was asked for."""
    make(tmp_path, tree("a") | tree("b", x=other("1")))
    run(repository, tmp_path)
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "b/x/persist.json").write_bytes(b"{")
    damaged = ("fault", f"{tmp_path}/b/x/persist.json")
    assert run(repository, tmp_path) == [damaged]
    assert run(repository, tmp_path, prune="empty") == [damaged, ("fault", str(tmp_path))]
    make(tmp_path, tree("b", x=other("1")))
    assert run(repository, tmp_path / "b", prune="gone") == [("fault", str(tmp_path))]
    assert repository.sandbox_ids() == ["a", "b"]


def test_empty_or_missing(repository: ContainerRepository, tmp_path: Path) -> None:
    """A folder that is empty or missing may not be mounted: only ``empty`` takes it at its word."""
    for name in ("empty", "missing"):
        folder = tmp_path / name
        make(folder, tree(name))
        run(repository, folder)
        shutil.rmtree(folder)
    (tmp_path / "empty").mkdir()
    assert run(repository, tmp_path / "empty", prune="gone") == [("fault", f"{tmp_path}/empty")]
    assert run(repository, tmp_path / "missing", prune="gone") == [("fault", f"{tmp_path}/missing")]
    assert repository.sandbox_ids() == ["empty", "missing"]
    paths = (tmp_path / "empty", tmp_path / "missing")
    assert run(repository, *paths, prune="empty") == [("removed", "empty"), ("removed", "missing")]


def test_usual_places_that_are_gone(
    repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart of the node its usual places are gone: without a path that is said, and ``empty`` removes."""
    monkeypatch.setattr(trees, "_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    make(tmp_path / "run/vc/sbs", tree("a"))
    make(tmp_path / "run/runc/b", {"state.json": runc_state("b")})
    recorder = Recorder()
    Importer(repository, recorder).run_usual_places()
    shutil.rmtree(tmp_path / "run/runc")
    Importer(repository, recorder, prune="gone").run_usual_places()
    assert recorder.events[-1] == ("fault", "/run/runc")
    shutil.rmtree(tmp_path / "run")
    assert Importer(repository, recorder, prune="empty").run_usual_places()
    assert sorted(recorder.events[-2:]) == [("removed", "a"), ("removed", "b")]


@pytest.mark.parametrize("way", ["another import", "a save"])
def test_created_meanwhile(
    repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A sandbox that another program stores after the folder was read stays, though the folder had no such sandbox."""
    make(tmp_path, tree("a") | tree("b"))
    run(repository, tmp_path)
    shutil.rmtree(tmp_path / "a")
    mark_seen = repository.mark_seen

    def interrupted(*arguments: object, **named: object) -> None:
        monkeypatch.setattr(repository, "mark_seen", mark_seen)
        if way == "a save":
            repository.save_sandbox(SandboxState(sid="a", state="running"))
        else:
            make(tmp_path, tree("a"))
            run(repository, tmp_path / "a")
        mark_seen(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "mark_seen", interrupted)
    assert run(repository, tmp_path, prune="gone") == []
    assert repository.sandbox_ids() == ["a", "b"]


def test_seen_though_nothing_changed(repository: ContainerRepository, tmp_path: Path) -> None:
    """Each import sets when a sandbox was seen, also one that has not changed or has a fault, and when the host was."""
    make(tmp_path, tree("a") | tree("b"))
    run(repository, tmp_path)
    before = repository.load_sandbox("a")
    query = "SELECT sid, seen_at, source FROM sandboxes ORDER BY sid"
    first = readonly.read(repository.database, query).rows
    (tmp_path / "b/persist.json").write_bytes(b"{")
    run(repository, tmp_path)
    second = readonly.read(repository.database, query).rows
    assert all(later[1] > earlier[1] for earlier, later in zip(first, second, strict=True))
    assert {source for _, _, source in second} == {str(tmp_path)}
    assert repository.load_sandbox("a") == before
    (host,) = readonly.read(repository.database, "SELECT host, last_seen, boot_id FROM hosts").rows
    assert host == ["node-1", second[0][1], None]


def test_what_runs_on_the_host(repository: ContainerRepository, tmp_path: Path) -> None:
    """The machine's boot ID and kernel are recorded where the files are this machine's."""
    make(tmp_path, tree("a"))
    Importer(repository, Recorder(), live=True).run([str(tmp_path)])
    (host,) = readonly.read(repository.database, "SELECT kernel, programs, boot_id FROM hosts").rows
    assert host[0]
    assert host[1].startswith("persistdb ")
