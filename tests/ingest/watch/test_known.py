"""Which sandbox each folder is of, and which are gone."""

from __future__ import annotations

from persistdb import FileError
from persistdb.ingest.watch.known import Known, entries_of
from persistdb.records import ContainerState, Origin, SandboxState
from persistdb.runtimes.tree import SandboxTree


def kata(sid: str, *cids: str) -> SandboxTree:
    held = {cid: (ContainerState(), Origin()) for cid in cids}
    return SandboxTree(sid=sid, path=sid, record=SandboxState(sid=sid), containers=held)


def runc(sid: str, *cids: str) -> SandboxTree:
    held = {cid: (ContainerState(), Origin()) for cid in cids}
    return SandboxTree(sid=sid, path=sid, record=SandboxState(sid=sid), containers=held, runtime="runc")


def damaged(name: str) -> SandboxTree:
    return SandboxTree(sid=name, path=name, faults=[FileError(name, "is damaged")], runtime="runc")


def test_folders_of_a_sandbox() -> None:
    """Kata has a folder for a sandbox, the others one for a container; what is damaged is its own folder's."""
    assert entries_of(kata("p", "a", "b")) == {"p"}
    assert entries_of(runc("p", "p", "a")) == {"p", "a"}
    assert entries_of(damaged("x")) == {"x"}


def test_what_is_read_together() -> None:
    """With a container its whole sandbox is read, and what is damaged, for it may be of any."""
    known = Known()
    assert known.update(["p", "a", "q"], [runc("p", "p", "a"), runc("q", "q")]) == []
    assert known.siblings(["a"]) == {"p", "a"}
    assert known.siblings(["new"]) == {"new"}
    assert known.others([runc("p", "new")], ["new"]) == {"p", "a"}
    assert known.update(["new", "x"], [damaged("x"), runc("p", "new")]) == []
    assert known.siblings(["q"]) == {"q", "x"}
    assert known.siblings(["a"]) == {"p", "a", "new", "x"}


def test_what_is_gone() -> None:
    """A sandbox is gone with its last folder; one that cannot be read is not, nor one that moved to another folder."""
    known = Known()
    known.update(["p", "a"], [runc("p", "p", "a")])
    assert known.update(["p"], []) == []
    assert known.update(["a"], [damaged("a")]) == []
    assert known.update(["a"], []) == ["p"]
    assert known.update(["a"], []) == ["a"]  # what is not known may be stored from before
    known.update(["k"], [kata("k")])
    assert known.update(["k", "l"], [kata("l")]) == ["k"]
    assert known.names() == {"l"}


def test_a_container_of_another_sandbox() -> None:
    """A folder may come to be another sandbox's, which takes it from the first."""
    known = Known()
    known.update(["p", "a"], [runc("p", "p", "a")])
    known.add(runc("q", "a"))
    assert known.siblings(["a"]) == {"a"}
    assert known.update(["p"], []) == ["p"]
    assert known.update(["a"], [runc("q", "a")]) == []


def test_a_folder_that_no_sandbox_can_have() -> None:
    """What was in a folder whose name is no ID is not stored, and so cannot be gone."""
    assert Known().update(["\udcff", "a"], []) == ["a"]
