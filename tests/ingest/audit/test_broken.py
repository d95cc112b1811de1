"""A node that was broken for real: each difference from the records is found, and nothing on a sound one."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from whenever import Instant

from persistdb.ingest import Importer
from persistdb.ingest.audit import CHECKS, Audit, Node, Roots
from persistdb.records import ContainerState, Mount, Process, SandboxState
from tests.ingest.test_importer import Recorder

from .nodes import Namespace, find, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from persistdb import ContainerRepository
    from tests.runtimes.real import Real


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that does nothing."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def save(repository: ContainerRepository, sid: str = "pod", cid: str = "web", **values: Any) -> None:
    record = ContainerState(**({"state": "running"} | values))
    repository.save_sandbox(SandboxState(sid=sid, state="running"), {cid: record})


def started(pid: int, later: float = 0.0) -> Process:
    node = Node()
    process = node.process(pid)
    assert process is not None
    at = node.started_at(process)
    assert at is not None
    return Process(token="web", pid=pid, start_time=Instant.from_timestamp(at + later).to_fixed_offset())


def test_a_killed_process(repository: ContainerRepository, sleeper: subprocess.Popen[bytes]) -> None:
    """A container's process is found dead as a zombie and when it is gone, and not before."""
    save(repository, processes=[started(sleeper.pid)])
    assert find(repository, Node(), "dead-process") == []
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    (zombie,) = find(repository, Node(), "dead-process")
    assert "zombie" in zombie.observed
    sleeper.wait()
    (gone,) = find(repository, Node(), "dead-process")
    assert (gone.sid, gone.cid, gone.observed) == ("pod", "web", f"no process {sleeper.pid}")
    assert gone.subject == zombie.subject


@pytest.mark.parametrize(("later", "is_it"), [(-600.0, False), (-1.0, True), (60.0, True), (600.0, False)])
def test_a_pid_that_another_process_has(
    repository: ContainerRepository, sleeper: subprocess.Popen[bytes], later: float, is_it: bool
) -> None:
    """A process under the recorded pid is the container's if it started when the record says, and another otherwise.

    Kata notes the time after it has started the process.
    """
    save(repository, processes=[started(sleeper.pid, later)])
    found = find(repository, Node(), "dead-process")
    assert (found == []) == is_it
    assert all("another process: sleep" in one.observed for one in found)


def test_a_process_that_is_not_meant_to_run(repository: ContainerRepository) -> None:
    """A stopped container's process, and one without a pid of the host, are not looked for."""
    save(repository, "a", state="stopped", processes=[Process(token="web", pid=2**22)])
    save(repository, "b", processes=[Process(token="web", pid=-1)])
    assert find(repository, Node(), "dead-process") == []


def test_mounts(repository: ContainerRepository, tmp_path: Path) -> None:
    """Mounts of stopped and removed containers are leaked, those that running ones lack are missing."""
    paths = {name: tmp_path / f"a b\\{name}" for name in ("kept", "stopped", "removed", "missing", "taken", "foreign")}
    for path in paths.values():
        path.mkdir()

    def having(name: str) -> list[Mount]:
        return [Mount(source="/s", destination="/d", type="bind", host_path=str(paths[name]))]

    save(repository, "kept", mounts=having("kept"))
    save(repository, "missing", mounts=having("missing"))
    save(repository, "stopped", state="stopped", mounts=having("stopped"))
    for name in ("removed", "taken"):
        save(repository, name, mounts=having(name))
        repository.destroy_sandbox(name)
    save(repository, "again", mounts=having("taken"))
    with Namespace() as namespace:
        node = Roots(proc=str(namespace.proc(tmp_path / "proc")))
        for name in ("kept", "stopped", "removed", "taken", "foreign"):
            namespace.run("mount", "--bind", tmp_path, paths[name])
        namespace.run("mount", "-t", "tmpfs", "second", paths["removed"])
        found = find(repository, Node(node), "leaked-mount", "missing-mount")
        assert {(one.check, one.subject): (one.sid, one.cid) for one in found} == {
            ("leaked-mount", str(paths["stopped"])): ("stopped", "web"),
            ("leaked-mount", str(paths["removed"])): ("removed", "web"),
            ("missing-mount", str(paths["missing"])): ("missing", "web"),
        }
        (removed,) = (one for one in found if one.sid == "removed")
        assert "2 times: tmpfs second" in removed.observed
        assert removed.began_at is not None
        assert "umount '" in removed.advice
        # mended
        for name in ("stopped", "removed", "removed"):
            namespace.run("umount", paths[name])
        namespace.run("mount", "--bind", tmp_path, paths["missing"])
        assert find(repository, Node(node), "leaked-mount", "missing-mount") == []


def test_a_shared_folder(repository: ContainerRepository, tmp_path: Path) -> None:
    """Mounts in the shared folder of a sandbox that no record has are leaked; a young folder is one to be imported."""
    shared = "/run/kata-containers/shared/sandboxes"
    save(repository, "pod")
    repository.mark_seen(["pod"], source="/run/vc/sbs", at=datetime.now(UTC) - timedelta(hours=1))
    with Namespace() as namespace:
        namespace.run("mount", "-t", "tmpfs", "run", "/run")
        for sid in ("pod", "gone", "young"):
            namespace.run("mkdir", "-p", f"{shared}/{sid}/mounts")
            namespace.run("mount", "-t", "tmpfs", sid, f"{shared}/{sid}/mounts")
            (tmp_path / "root" / shared[1:] / sid).mkdir(parents=True)
        os.utime(tmp_path / "root" / shared[1:] / "gone", (0, 0))
        node = Node(Roots(root=str(tmp_path / "root"), proc=str(namespace.proc(tmp_path / "proc"))))
        assert [one.subject for one in find(repository, node, "leaked-mount")] == [f"{shared}/gone/mounts"]


def test_a_loop_device(repository: ContainerRepository, tmp_path: Path) -> None:
    """A loop device on a file of a stopped container is leaked, and not when it is detached."""
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop devices here: {done.stderr.strip()}")
    device = done.stdout.strip()
    try:
        save(repository, mounts=[Mount(host_path=str(tmp_path), destination="/d")])
        assert find(repository, Node(), "leaked-device") == []
        save(repository, state="stopped", mounts=[Mount(source=str(tmp_path), destination="/d")])
        assert find(repository, Node(), "leaked-device") == []  # a volume, which outlives who used it
        save(repository, state="stopped", mounts=[Mount(host_path=str(tmp_path), destination="/d")])
        (found,) = find(repository, Node(), "leaked-device")
        assert (found.subject, found.cid) == (f"{device} {image}", "web")
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    assert find(repository, Node(), "leaked-device") == []


def read(repository: ContainerRepository, real: Real) -> None:
    recorder = Recorder()
    Importer(repository, recorder, live=True).run([str(real.root)])
    assert not [event for event in recorder.events if event[0] == "fault"]


def test_real_containers(repository: ContainerRepository, real: Real) -> None:
    """Running, paused and created containers of real runtimes are sound; what is killed and deleted behind is found."""
    names = ("one", "two", "three")
    cids = {name: real.cid(name) for name in names}
    devices = {"devices": [{"path": "/dev/x", "type": "c", "major": 10, "minor": 229}]}
    for name, cid in cids.items():
        real.create(cid, start=name != "three", **({"linux": _linux() | devices} if name == "two" else {}))
    real.run("pause", cids["two"])
    read(repository, real)
    every = [check.name for check in CHECKS]
    found = find(repository, Node(), *every)
    assert [one for one in found if one.check != "missing-device" or os.path.exists("/sys/dev/char/10:229")] == []
    real.run("resume", cids["two"])
    real.end(cids["one"])
    real.run("delete", "--force", cids["two"])
    found = find(repository, Node(), *every)
    assert {(one.check, one.cid) for one in found if one.check != "missing-device"} == {
        ("dead-process", cids["one"]),
        ("left-over-state", cids["two"]),  # deleted properly: the record is old, and nothing else is wrong
    }
    read(repository, real)  # the state of the first one is stopped now
    assert {one.cid for one in find(repository, Node(), *every)} == {cids["two"]}


def _linux() -> dict[str, Any]:
    return {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]}


def test_folders(repository: ContainerRepository, tmp_path: Path) -> None:
    """Folders without a record and records without a folder are left over; a folder that is young is to be imported."""
    for sid in ("kept", "gone"):
        save(repository, sid)
    for name in ("kept", "old", "young"):
        (tmp_path / "run/vc/sbs" / name).mkdir(parents=True)
    shared = tmp_path / "run/kata-containers/shared/sandboxes"
    for name in ("kept", "empty"):
        (shared / name).mkdir(parents=True)
    repository.mark_seen(["kept", "gone"], source="/run/vc/sbs", at=datetime.now(UTC) - timedelta(hours=1))
    # what is no sandbox's or container's: crun's folder, and the trees of an export that were not put in place
    work = [tmp_path / "run/vc/sbs" / name for name in (".empty-directory", ".persistdb-0123456789abcdef.partial")]
    for path in work:
        path.mkdir()
    for path in (tmp_path / "run/vc/sbs/old", shared / "empty", *work):
        os.utime(path, (0, 0))
    (tmp_path / "run/vc/sbs/odd").mkdir()
    os.utime(tmp_path / "run/vc/sbs/odd", (-(2**40), -(2**40)))
    node = Node(Roots(root=str(tmp_path)))
    assert {one.subject for one in find(repository, node, "left-over-state")} == {
        "/run/vc/sbs/gone",
        "/run/vc/sbs/old",
        "/run/vc/sbs/odd",
        "/run/kata-containers/shared/sandboxes/empty",
    }


@pytest.mark.parametrize("version", [1, 2])
def test_cgroups_in_files(repository: ContainerRepository, tmp_path: Path, version: int) -> None:
    """With both versions of cgroups, one that a running container lacks and one that a stopped one fills are found."""
    root = tmp_path / "sys/fs/cgroup"
    if version == 2:
        write(root / "cgroup.controllers", "cpu")
    base = root if version == 2 else root / "memory"
    write(base / "cgroup.procs", "")
    for name, pids in (("fine", "7\n"), ("full", "8\n9\n"), ("done", "")):
        write(base / f"pods/{name}/cgroup.procs", pids)
        if version == 2:
            write(base / f"pods/{name}/cgroup.events", f"populated {int(bool(pids))}\nfrozen 0\n")
    write(base / "pods.slice/pods-a.slice/cri-x.scope/cgroup.procs", "1\n")
    write(base / "cri-y.scope/cgroup.procs", "1\n")
    repository.save_sandbox(
        SandboxState(sid="pod", layout="runc"),
        {
            name: ContainerState(state=state, cgroup_path=path)
            for name, state, path in (
                ("fine", "running", "/pods/fine"),
                ("unit", "running", "pods-a.slice:cri:x"),
                ("root", "running", "-.slice:cri:y"),
                ("lost", "running", "/pods/lost"),
                ("full", "stopped", "/pods/full"),
                ("done", "stopped", "/pods/done"),
                ("away", "stopped", "/pods/away"),
                ("escape", "running", "/../../.."),
                ("none", "running", ""),
            )
        },
    )
    found = find(repository, Node(Roots(sys=str(tmp_path / "sys"))), "cgroup")
    assert {one.cid: one.observed for one in found} == {
        "lost": "no such cgroup in any hierarchy",
        "escape": "no such cgroup in any hierarchy",
        "full": "2 processes in it",
    }


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_cgroups_that_cannot_be_seen(repository: ContainerRepository, tmp_path: Path, state: str) -> None:
    """Where a node shows no cgroups, they are not taken for gone or empty: the check is not made."""
    (tmp_path / "fs/cgroup").mkdir(parents=True)
    node = Node(Roots(sys=str(tmp_path)))
    assert find(repository, node, "cgroup") == []  # no record needs any
    repository.save_sandbox(
        SandboxState(sid="pod", layout="runc"), {"c": ContainerState(state=state, cgroup_path="/c")}
    )
    made = Audit.make(repository, node, ["cgroup"])
    assert [str(fault) for fault in made.faults] == [f"{tmp_path}/fs/cgroup: has no cgroups"]
    assert made.run.checks == []


def test_a_folder_that_goes_meanwhile(
    repository: ContainerRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is removed while its parent is listed is left out, and the others are there."""
    for name in ("a", "b"):
        (tmp_path / "run" / name).mkdir(parents=True)
    scandir = os.scandir

    @contextmanager
    def late(path: str) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(path) as entries:
            listed = list(entries)
        (tmp_path / "run/a").rmdir()
        yield listed

    monkeypatch.setattr(os, "scandir", late)
    assert list(Node(Roots(root=str(tmp_path))).folders("/run") or {}) == ["b"]
