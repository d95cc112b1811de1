"""Files of several runtimes: whose they are, where they are found, what is wrong with those that nobody wrote."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import DamagedFile, FileError, InvalidValue, UnsupportedLayout
from persistdb.runtimes.folders import MAX_FILE
from persistdb.runtimes.known import NAMES, runtime_named
from persistdb.runtimes.places import Source
from persistdb.runtimes.trees import is_live, locate, read_trees, usual_places
from tests.runtimes.kata.trees import DATA as KATA
from tests.runtimes.kata.trees import PLAIN, SANDBOX, make

from .containers import APP, CRUN, POD, RUNC, below, crun_files, read, runc_state, youki_files

if TYPE_CHECKING:
    from collections.abc import Callable

KATAS = {"k/persist.json": SANDBOX, "k/kc/persist.json": PLAIN}
MIXED = KATAS | below("r", {"state.json": runc_state("r")}) | below("c", crun_files()) | below("y", youki_files())


def test_each_file_is_its_runtimes(tmp_path: Path) -> None:
    """In one folder each entry is taken for the runtime that its keys name."""
    make(tmp_path, MIXED)
    trees = read(tmp_path)
    assert {tree.sid: tree.runtime for tree in trees} == {"k": "kata", "r": "runc", "c": "crun", "y": "youki"}
    assert [fault for tree in trees for fault in tree.faults] == []


@pytest.mark.parametrize("name", ["r", "c", "y", "k"])
def test_one_folder(tmp_path: Path, name: str) -> None:
    """The folder of one sandbox or container is read alone."""
    make(tmp_path, MIXED)
    (tree,) = read(tmp_path / name)
    assert tree.sid == name
    assert tree.record is not None


def test_root_with_all_runtimes(tmp_path: Path) -> None:
    """A root, such as the copy of a node's, is read at each runtime's usual places, containerd's namespaces too."""
    shutil.copytree(KATA / "3.29.0" / "run", tmp_path / "run")
    shutil.copytree(RUNC, tmp_path, dirs_exist_ok=True)
    shutil.copytree(CRUN, tmp_path, dirs_exist_ok=True)
    make(tmp_path / "run/docker/runtime-runc/moby/d", {"state.json": runc_state("d")})
    make(tmp_path / "run/user/1000/crun/rootless", crun_files())
    trees = read(tmp_path)
    assert sorted({(tree.runtime, Path(tree.path).parent.relative_to(tmp_path).as_posix()) for tree in trees}) == [
        ("crun", "run/crun"),
        ("crun", "run/user/1000/crun"),
        ("kata", "run/vc/sbs"),
        ("runc", "run/containerd/runc/k8s.io"),
        ("runc", "run/docker/runtime-runc/moby"),
        ("runc", "run/runc"),
    ]
    (pod,) = (tree for tree in trees if tree.sid == POD)
    assert set(pod.containers) == {POD, APP}
    assert [fault for tree in trees for fault in tree.faults] == []


def test_bad_place_below_a_root(tmp_path: Path) -> None:
    """What cannot be read at one usual place, such as what another user put there, is a fault; the others are read."""
    make(tmp_path / "run/runc/r", {"state.json": runc_state("r")})
    make(tmp_path / "run/user/1000/runc/rootless", {"state.json": runc_state("rootless")})
    for place in ("run/crun", "run/user/0/runc", "run/containerd"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).symlink_to("/etc")
    sids, faults = [], []
    for source in locate(tmp_path):
        try:
            sids += [tree.sid for tree in read_trees(source)]
        except FileError as fault:
            faults.append(fault.path)
    assert sids == ["r", "rootless"]
    assert faults == [str(tmp_path / place) for place in ("run/containerd", "run/crun", "run/user/0/runc")]


def test_users_places_come_last(tmp_path: Path) -> None:
    """What a user runs without root is read last, so that it cannot take the ID of what the system runs."""
    for place in ("run/user/1000/runc", "run/crun", "run/youki"):
        (tmp_path / place).mkdir(parents=True)
    assert [source.place for source in locate(tmp_path)] == ["run/crun", "run/youki", "run/user/*/runc"]


def test_container_of_a_pod_alone() -> None:
    """The folder of one container of a pod does not tell which others are gone."""
    (tree,) = read(RUNC / "run/containerd/runc/k8s.io" / APP)
    assert (tree.sid, tree.record, set(tree.containers)) == (POD, None, {APP})


@pytest.mark.parametrize("sandbox", ["../x", "", ".hidden", "a/b"])
def test_pod_with_a_bad_id(tmp_path: Path, sandbox: str) -> None:
    """An annotation that is no ID names no sandbox: the container is one of its own."""
    make(tmp_path / "c", {"state.json": runc_state(labels=[f"io.kubernetes.cri.sandbox-id={sandbox}"])})
    assert [tree.sid for tree in read(tmp_path)] == ["c"]


def test_damaged_container_of_a_pod(tmp_path: Path) -> None:
    """A damaged file does not tell its sandbox, so what is known of its container stays in any."""
    shutil.copytree(RUNC / "run/containerd/runc/k8s.io", tmp_path, dirs_exist_ok=True)
    (tmp_path / APP / "state.json").write_bytes(b'{"id":')
    faulty, pod = read(tmp_path)
    assert (faulty.sid, faulty.record, faulty.containers) == (APP, None, {})
    assert (set(pod.containers), pod.kept) == ({POD}, {APP})


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # the path may be too long for an address
        made.bind(path.name)


def _large(path: Path) -> None:
    path.write_bytes(b" " * (MAX_FILE + 1))


def _symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("name", ["state.json", "status"])
@pytest.mark.parametrize("plant", [_fifo, _socket, _large, _symlink])
def test_what_is_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, plant: Callable[[Path], None]
) -> None:
    """What is no regular file, or too large, is a fault that is named, and nothing waits for it or follows it."""
    monkeypatch.chdir(tmp_path)
    make(tmp_path, below("good", {"state.json": runc_state("good")}) | {"bad/log": b""})
    plant(tmp_path / "bad" / name)
    bad, good = read(tmp_path)
    assert [fault.path for fault in bad.faults] == [str(tmp_path / "bad" / name)]
    assert (good.sid, good.faults, good.kept) == ("good", [], {"bad"})


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"hello":"world"}', UnsupportedLayout),
        (b"{}", UnsupportedLayout),
        (b'{"id":"c","init_process_pid":7}', UnsupportedLayout),
        (b"[1]", DamagedFile),
        (b"", DamagedFile),
        (b'{"id":"\xff"}', DamagedFile),
        (b"\0" * 9, DamagedFile),
        (b"[" * 100_000, DamagedFile),
    ],
)
def test_what_nobody_wrote(tmp_path: Path, data: bytes, kind: type[FileError]) -> None:
    """A state file without the keys of any runtime is a fault."""
    make(tmp_path, {"a/state.json": data, "b/status": data})
    trees = read(tmp_path)
    assert [(fault.path, type(fault)) for tree in trees for fault in tree.faults] == [
        (str(tmp_path / "a/state.json"), kind),
        (str(tmp_path / "b/status"), kind),
    ]
    assert all(tree.record is None and not tree.containers for tree in trees)


def test_files_beside_the_state(tmp_path: Path) -> None:
    """FIFOs and sockets that runtimes keep beside the state, and folders without any, are nothing to say."""
    make(tmp_path, below("r", {"state.json": runc_state("r")}) | {".empty-directory/x": b"", "other/log": b""})
    os.mkfifo(tmp_path / "r" / "exec.fifo")
    _socket(tmp_path / "r" / "notify.sock")
    (tree,) = read(tmp_path)
    assert (tree.faults, tree.notes, tree.containers["r"][0].state) == ([], [], "ready")


def test_runtime_that_is_insisted_on(tmp_path: Path) -> None:
    """With a runtime's name all folders are read as its own, and what does not fit is its fault."""
    make(tmp_path, MIXED)
    (source,) = locate(tmp_path)
    trees = list(read_trees(source, runtime_named("runc")))
    assert {tree.sid: len(tree.faults) for tree in trees} == {"r": 0, "y": 1}
    assert NAMES == ("kata", "runc", "crun", "youki")
    with pytest.raises(InvalidValue, match="must be one of kata, runc"):
        runtime_named("docker")


def test_another_runtimes_folder(tmp_path: Path) -> None:
    """A folder that has only other runtimes' files is refused, and they are named."""
    make(tmp_path, {name: data for name, data in MIXED.items() if name.startswith(("r/", "y/"))})
    (source,) = locate(tmp_path)
    with pytest.raises(FileError, match="holds nothing of crun, but 1 of runc, 1 of youki: leave out the runtime"):
        list(read_trees(source, runtime_named("crun")))
    (tmp_path / "empty").mkdir()
    assert list(read_trees(Source(str(tmp_path / "empty")), runtime_named("crun"))) == []


@pytest.mark.parametrize("name", ["..x", ".x", "persist.json"])
def test_bad_container_ids(tmp_path: Path, name: str) -> None:
    """A folder whose name is no ID is a fault."""
    make(tmp_path / name, {"state.json": runc_state()})
    (tree,) = read_trees(Source(str(tmp_path)), runtime_named("runc"))
    assert [fault.path for fault in tree.faults] == [str(tmp_path / name)]


def test_live_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State is this machine's below its /run and where the user's programs have theirs, else it is a copy."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    make(tmp_path, below("xdg/runc/c", {"state.json": runc_state()}) | {"copy/run/runc/x": b""})
    assert [is_live(Source(path)) for path in ("/run/runc", "/var/lib", str(tmp_path / "copy/run/runc"))] == [
        True,
        False,
        False,
    ]
    found = [source for source in usual_places() if source.folder == str(tmp_path / "xdg")]
    assert [(source.path, is_live(source)) for source in found] == [(str(tmp_path / "xdg/runc"), True)]
    assert found[0] in usual_places(runtime_named("runc"))
    assert found[0] not in usual_places(runtime_named("youki"))


def test_state_in_files(tmp_path: Path) -> None:
    """A copy tells what is created, and what never had a process; whether others run still, nobody knows."""
    for name, pid in (("made", 7), ("started", 7), ("failed", -1)):
        make(tmp_path / name, {"state.json": runc_state(name, pid)})
    os.mkfifo(tmp_path / "made" / "exec.fifo")
    assert {tree.sid: tree.containers[tree.sid][0].state for tree in read(tmp_path)} == {
        "made": "ready",
        "started": "",
        "failed": "stopped",
    }


def test_process_of_somebody_else(tmp_path: Path) -> None:
    """A process that has the recorded ID, and was started at another time, is not the container's."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start = int(fields[19])
    make(tmp_path / "own", {"state.json": runc_state("own", os.getpid(), start)})
    make(tmp_path / "other", {"state.json": runc_state("other", os.getpid(), start + 1)})
    make(tmp_path / "far", crun_files(os.getpid(), 2**64))
    states = {tree.sid: tree.containers[tree.sid][0] for tree in read(tmp_path, live=True)}
    assert {sid: record.state for sid, record in states.items()} == {
        "own": "running",
        "other": "stopped",
        "far": "stopped",
    }
    own, far = states["own"].processes[0], states["far"].processes[0]
    assert own.start_time is not None
    assert far.start_time is None
