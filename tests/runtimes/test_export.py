"""Containers back as files: the same bytes, or a refusal that says why."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import FileError, InvalidValue
from persistdb.records import Process, SandboxState
from persistdb.runtimes.export import write_trees
from persistdb.runtimes.joined import join_files, split_files
from persistdb.runtimes.staging import BATCH
from tests.runtimes.kata.trees import DATA as KATA
from tests.runtimes.kata.trees import contents, make, stored

from .containers import CRUN, DATA, POD, RUNC, SPEC, WRITTEN, below, crun_files, read, runc_state, youki_files

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb.records import Container, ContainerState, Sandbox


def sandboxes(path: Path) -> list[Sandbox]:
    """Return the sandboxes that a store has after an import."""
    return [stored(tree) for tree in read(path)]


@pytest.mark.parametrize(
    "sample",
    [
        *(RUNC / "run/runc", RUNC / "run/containerd/runc/k8s.io", CRUN / "run/crun"),
        *(path / "run" / path.parent.name for path in WRITTEN),
    ],
    ids=lambda path: str(path.relative_to(DATA)),
)
def test_samples_come_back(tmp_path: Path, sample: Path) -> None:
    """Files of real containers, and in the form of other releases, come back byte for byte."""
    assert [written.error for written in write_trees(sandboxes(sample), tmp_path)] == [None] * len(read(sample))
    assert contents(tmp_path) == contents(sample)


def test_any_white_space_comes_back(tmp_path: Path) -> None:
    """White space, the order of keys, unknown keys and those that are given twice come back."""
    state = b' \n{ "z": [1,  2], ' + runc_state()[1:-1] + b', "id" : "c"}\n\n'
    make(tmp_path / "in", below("c", {"state.json": state}) | below("y", youki_files()))
    assert all(written.error is None for written in write_trees(sandboxes(tmp_path / "in"), tmp_path / "out"))
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_side_by_side(tmp_path: Path) -> None:
    """Sandboxes of all runtimes go into one folder, from which they are read again, or each to its place in a root."""
    shutil.copytree(KATA / "3.29.0" / "run", tmp_path / "in/run")
    make(tmp_path / "in/run", below("runc/r", {"state.json": runc_state("r")}) | below("crun/c", crun_files()))
    trees = sandboxes(tmp_path / "in")
    for out in (tmp_path / "flat", tmp_path / "root"):
        if out.name == "root":
            (out / "run/vc/sbs").mkdir(parents=True)
        assert [written.error for written in write_trees(trees, out)] == [None] * 3
        assert sorted(tree.sid for tree in read(out)) == sorted(one.record.sid for one in trees)
    assert contents(tmp_path / "root") == contents(tmp_path / "in")


def test_state_is_no_change(tmp_path: Path) -> None:
    """The state and the time of a start are in no file, so a transition does not keep a container from its files."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    assert _outcome(tmp_path, lambda record: msgspec.structs.replace(record, state="stopped")) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda record: msgspec.structs.replace(record, cgroup_path="/other"), "cgroup_path changed"),
        (
            lambda record: msgspec.structs.replace(record, mounts=[], processes=[Process(pid=8)]),
            "processes changed",
        ),
    ],
)
def test_change_is_refused(tmp_path: Path, change: object, says: str) -> None:
    """A container that was changed since is not written, and the reason names what was changed."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    error = _outcome(tmp_path, change)  # type: ignore[arg-type]  # a lambda
    assert isinstance(error, FileError)
    assert error.path == str(tmp_path / "out" / "c")
    assert says in error.reason
    assert contents(tmp_path / "out") == {}


def _outcome(tmp_path: Path, change: object) -> Exception | None:
    ((record, origin),) = read(tmp_path / "in")[0].containers.values()
    tree = read(tmp_path / "in")[0]
    assert callable(change)
    changed: ContainerState = change(record)
    tree.containers = {"c": (changed, origin)}
    (written,) = write_trees([stored(tree)], tmp_path / "out")
    return written.error


def test_pod_with_a_changed_container(tmp_path: Path) -> None:
    """Of a sandbox with a container that cannot be written, nothing is."""
    tree = next(tree for tree in read(RUNC) if tree.sid == POD)
    record, origin = tree.containers[POD]
    tree.containers[POD] = msgspec.structs.replace(record, bundle_path="/x"), origin
    (written,) = write_trees([stored(tree)], tmp_path)
    assert isinstance(written.error, FileError)
    assert contents(tmp_path) == {}


def test_other_refusals(tmp_path: Path) -> None:
    """A layout of Kata's, a folder that is there, and a document that no import stored are refused."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    trees = sandboxes(tmp_path / "in")
    (with_layout,) = write_trees(trees, tmp_path / "out", "3.28")
    assert "layout '3.28' is Kata's" in str(with_layout.error)
    assert [written.error for written in write_trees(trees, tmp_path / "out")] == [None]
    (again,) = write_trees(trees, tmp_path / "out")
    assert "is there already" in str(again.error)
    assert [written.error for written in write_trees(trees, tmp_path / "out", replace=True)] == [None]
    container = trees[0].containers["c"]
    path = f'{{"{tmp_path}/planted":{{}},' + (container.origin.document or "")[1:]
    for document, kind in ((None, FileError), ("{}", InvalidValue), ("x", InvalidValue), (path, InvalidValue)):
        origin = msgspec.structs.replace(container.origin, document=document)
        spoiled = msgspec.structs.replace(container, origin=origin)
        (written,) = write_trees([msgspec.structs.replace(trees[0], containers={"c": spoiled})], tmp_path / "more")
        assert type(written.error) is kind
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("name", ["/x", "../x", "a/../../x", "..", ""])
def test_names_that_lead_elsewhere(name: str) -> None:
    """In a stored document no name of a file leads out of the folder that is written, whichever runtime's it is."""
    with pytest.raises(ValueError, match="no name of a file"):
        split_files(join_files({"state.json": "{}", name: "{}"}))


@pytest.mark.parametrize("replace", [True, False])
def test_two_sandboxes_with_one_container(tmp_path: Path, replace: bool) -> None:
    """Of two sandboxes that have a container with the same ID, the second is refused: there is one folder for it."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    (first,) = sandboxes(tmp_path / "in")
    second = msgspec.structs.replace(first, record=msgspec.structs.replace(first.record, sid="other"))
    one, other = write_trees([first, second], tmp_path / "out", replace=replace)
    assert one.error is None
    assert "sandbox 'c' is written here, or a container of it" in str(other.error)
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_two_that_are_far_apart(tmp_path: Path) -> None:
    """That holds however many sandboxes are between the two, and whichever runtimes theirs are."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    make(tmp_path / "crun", below("c", crun_files()))
    (first,) = sandboxes(tmp_path / "in")
    (of_crun,) = sandboxes(tmp_path / "crun")
    between = [_renamed(first, f"b{number}", {}) for number in range(BATCH)]
    others = [_renamed(first, "other", first.containers), _renamed(of_crun, "third", of_crun.containers)]
    *_, second, third = write_trees([first, *between, *others], tmp_path / "out", replace=True)
    for written in (second, third):
        assert "sandbox 'c' is written here, or a container of it" in str(written.error)
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


@pytest.mark.parametrize("first", ["kata", "runc"])
def test_a_sandbox_and_a_container_of_one_name(tmp_path: Path, first: str) -> None:
    """A Kata sandbox and another's container with the same ID have one folder in a flat one: the second is refused."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    (of_runc,) = sandboxes(tmp_path / "in")
    of_runc = _renamed(of_runc, "pod", of_runc.containers)
    of_kata = msgspec.structs.replace(of_runc, record=SandboxState(sid="c", layout="2.2"), containers={})
    # Kata's come first in a batch
    between = [_renamed(of_runc, f"b{number}", {}) for number in range(BATCH)]
    both = [of_kata, of_runc] if first == "kata" else [of_runc, *between, of_kata]
    written = {one.sandbox.record.sid: one.error for one in write_trees(both, tmp_path / "out", replace=True)}
    refused, kept = ("pod", "c") if first == "kata" else ("c", "pod")
    assert written[kept] is None
    assert f"sandbox {kept!r} is written here, or a container of it" in str(written[refused])


def _renamed(sandbox: Sandbox, sid: str, containers: dict[str, Container]) -> Sandbox:
    record = msgspec.structs.replace(sandbox.record, sid=sid)
    return msgspec.structs.replace(sandbox, record=record, containers=containers)


def test_bundle_is_not_written(tmp_path: Path) -> None:
    """What was read of a bundle is not the runtime's: only the runtime's own files are written."""
    make(tmp_path / "in", below("run/youki/c", youki_files()) | {"b/config.json": msgspec.json.encode(SPEC)})
    assert [written.error for written in write_trees(sandboxes(tmp_path / "in"), tmp_path / "out")] == [None]
    assert contents(tmp_path / "out") == below("c", youki_files())
