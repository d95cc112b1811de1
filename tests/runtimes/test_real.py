"""Real containers of runc and crun: what is read of them in each state is what the runtime itself says."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from persistdb.records import Mount
from persistdb.runtimes.export import write_trees
from persistdb.runtimes.trees import read_trees
from tests.runtimes.kata.trees import contents, stored

from .containers import container, read, source
from .real import USER_NAMESPACE, Real

if TYPE_CHECKING:
    from pathlib import Path

_STATES = {"created": "ready", "running": "running", "paused": "paused", "stopped": "stopped"}


def test_each_state(real: Real) -> None:
    """A container is ready, running, paused, stopped and gone when the runtime says so, and its process is its init."""
    cid = real.cid("c")
    real.create(cid)
    seen = [_compared(real, cid)]
    assert container(real.root).state == "ready"
    real.run("start", cid)
    seen.append(_compared(real, cid))
    assert container(real.root).state == ""
    real.run("pause", cid)
    seen.append(_compared(real, cid))
    real.run("resume", cid)
    seen.append(_compared(real, cid))
    real.end(cid)
    seen.append(_compared(real, cid))
    assert seen == ["ready", "running", "paused", "running", "stopped"]
    real.run("delete", cid)
    assert read(real.root) == []


def _compared(real: Real, cid: str) -> str:
    """Return the state that is read, after comparing it with what the runtime says."""
    said, record = real.state(cid), container(real.root, live=True)
    assert record.state == _STATES[said["status"]]
    assert record.bundle_path == said["bundle"]
    (process,) = record.processes
    if record.state != "stopped":
        assert process.pid == said["pid"]
    assert process.start_time is not None
    started = process.start_time.timestamp()
    assert abs(started - os.stat(real.root / cid).st_ctime) < 3600
    return str(record.state)


def test_mounts_and_devices(real: Real, tmp_path: Path) -> None:
    """Bind mounts, tmpfs, devices and a read-only root file system are in the record as the bundle has them."""
    mounts: list[dict[str, Any]] = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
        {"destination": "/data", "type": "bind", "source": str(tmp_path), "options": ["rbind", "ro", "rprivate"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "size=1m"]},
    ]
    device = {"path": "/dev/x", "type": "b", "major": 7, "minor": 7, "fileMode": 0o640, "uid": 1, "gid": 6}
    cid = real.cid("m")
    real.create(cid, mounts=mounts, linux=_linux([device]))
    record = container(real.root)
    assert record.rootfs == Mount(source=f"{record.bundle_path}/rootfs", destination="/", read_only=True)
    found = [(mount.destination, mount.type, mount.source, mount.options or []) for mount in record.mounts]
    assert found == [(m["destination"], m["type"], m["source"], m.get("options", [])) for m in mounts]
    assert [mount.read_only for mount in record.mounts] == [False, False, True, False]
    last = record.device_maps[-1]
    assert (last.id, last.container_path, last.kind, last.permissions) == ("b 7:7", "/dev/x", "block", 0o640)
    assert (last.uid, last.gid, last.file_mode) == (1, 6, stat.S_IFBLK | 0o640)


def _linux(devices: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = ("pid", "network", "ipc", "uts", "mount")
    return {"namespaces": [{"type": kind} for kind in kinds], "devices": devices}


def test_user_namespace(real: Real) -> None:
    """A container in a user namespace is read like any other."""
    cid = real.cid("u")
    real.create(cid, start=True, linux=USER_NAMESPACE)
    assert _compared(real, cid) == "running"


def test_pod(real: Real, tmp_path: Path) -> None:
    """Containers of one pod are one sandbox, whose files come back byte for byte."""
    sandbox, app = real.cid("pod"), real.cid("app")
    annotations = {"io.kubernetes.cri.sandbox-id": sandbox, "org.example": "a=b"}
    real.create(sandbox, start=True, annotations=annotations)
    real.create(app, annotations=annotations)
    (pod,) = read_trees(source(real.root), live=True)
    assert (pod.sid, pod.record.state if pod.record else None) == (sandbox, "running")
    assert {cid: record.state for cid, (record, _) in pod.containers.items()} == {sandbox: "running", app: "ready"}
    assert [written.error for written in write_trees([stored(pod)], tmp_path / "out")] == [None]
    assert contents(tmp_path / "out") == contents(real.root)
