"""One ID in two of containerd's namespaces is two containers, whichever is found first."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, Database, Origin, SandboxState
from persistdb.ingest import Importer
from tests.runtimes.containers import runc_state
from tests.runtimes.kata.trees import make

from .test_importer import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb.ingest.folders import Prune


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


def run(repository: ContainerRepository, path: Path, prune: Prune = "none") -> list[tuple[str, str]]:
    """Import a path and return what was told."""
    recorder = Recorder()
    Importer(repository, recorder, prune=prune).run([str(path)])
    return recorder.events


def found(repository: ContainerRepository) -> dict[str, tuple[str, str]]:
    return {one.sid: (one.cid, one.namespace) for one in repository.summaries()}


def test_two_namespaces(repository: ContainerRepository, tmp_path: Path) -> None:
    """Both are stored, each keeps its sandbox's ID, and each goes when its folder no longer has it."""
    folder = tmp_path / "run/containerd/runc"
    for namespace in ("default", "k8s.io"):
        make(folder / namespace / "web", {"state.json": runc_state("web")})
    both = {"web": ("web", "default"), "k8s.io:web": ("web", "k8s.io")}
    assert not [event for event in run(repository, tmp_path) if event[0] == "fault"]
    assert found(repository) == both
    run(repository, folder / "k8s.io")
    run(repository, folder / "default")
    assert found(repository) == both
    run(repository, tmp_path)
    shutil.rmtree(folder / "default/web")
    make(folder / "default/other", {"state.json": runc_state("other")})
    assert ("removed", "web") in run(repository, tmp_path, prune="gone")
    assert found(repository) == {"k8s.io:web": ("web", "k8s.io"), "other": ("other", "default")}
    make(folder / "moby/other", {"state.json": runc_state("other")})
    run(repository, folder / "moby")
    assert found(repository)["moby:other"] == ("other", "moby")


def test_a_sandbox_with_two_namespaces(repository: ContainerRepository, tmp_path: Path) -> None:
    """An ID is another namespace's only if no container of its sandbox is in this one."""
    repository.save_sandbox(
        SandboxState(sid="pod"),
        {"a": ContainerState(), "b": ContainerState()},
        origins={"a": Origin(layout="runc", namespace="default"), "b": Origin(layout="runc", namespace="z")},
    )
    for namespace in ("default", "moby"):
        make(tmp_path / "run/containerd/runc" / namespace / "pod", {"state.json": runc_state("pod")})
    run(repository, tmp_path)
    assert found(repository) == {"pod": ("pod", "default"), "moby:pod": ("pod", "moby")}
