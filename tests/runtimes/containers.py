"""Shared by the tests of runc, crun and youki: samples, files made by hand, and reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persistdb.runtimes.places import Source
from persistdb.runtimes.trees import locate, read_trees

if TYPE_CHECKING:
    from persistdb.records import ContainerState
    from persistdb.runtimes.tree import SandboxTree

DATA = Path(__file__).parents[1] / "data"
RUNC = DATA / "runc" / "1.1.5"
CRUN = DATA / "crun" / "1.8.1"
WRITTEN = sorted([*(DATA / "runc").glob("from-*"), *(DATA / "crun").glob("from-*")])
"""Files in the form of other releases, as their sources write them (README.md beside them)."""

POD = "3f1c5a7e9b2d4f60813c5e7a9b1d3f50728c4e6a8b0d2f41637859ab1c3d5e7f"
APP = "a4c6e8f0b2d4160839475b6d8f1a3c5e7092b4d6f8a1c3e5072946b8d0f2a4c6"
"""The pod and its container in runc's samples."""
PODMAN_POD = "b7d9e1f3a5c70829b4d6f8e0a2c41638597b1d3f5e70829a4c6e8f0b2d416378"
PODMAN_APP = "c8eaf204b6d8193ac5e7f90b1d3f52749608ac2e4b6d8f01a3c5e7092b4d6f8a"
"""The pod and its container in crun's samples."""

SPEC: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs", "readonly": True},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "bind", "source": "/srv/data", "options": ["rbind", "ro"]},
    ],
    "linux": {"devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}], "cgroupsPath": "/c"},
}
"""A bundle's configuration."""


def runc_state(cid: str = "c", pid: int = 7, start: int = 100, **config: object) -> bytes:
    """Make runc's state.json."""
    labels = config.pop("labels", ["bundle=/b"])
    state = {
        "id": cid,
        "init_process_pid": pid,
        "init_process_start": start,
        "created": "2026-01-02T03:04:05Z",
        "config": {"rootfs": "/b/rootfs", "labels": labels, **config},
        "cgroup_paths": {"": f"/sys/fs/cgroup/{cid}"},
    }
    return json.dumps(state).encode()


def crun_files(pid: int = 7, start: int = 100, **spec: object) -> dict[str, bytes]:
    """Make crun's files of a container."""
    status = {
        "pid": pid,
        "process-start-time": start,
        "cgroup-path": "/c",
        "rootfs": "rootfs",
        "bundle": "/b",
        "created": "2026-01-02T03:04:05Z",
    }
    return {"status": json.dumps(status).encode(), "config.json": json.dumps(SPEC | spec).encode()}


def youki_files(status: str = "running", pid: int | None = 7, **state: object) -> dict[str, bytes]:
    """Make youki's files of a container, by ``State`` and ``YoukiConfig`` in its source."""
    values = {
        "ociVersion": "v1.0.2",
        "id": "c",
        "status": status,
        **({} if pid is None else {"pid": pid}),
        "bundle": "/b",
        "annotations": {},
        "created": "2026-01-02T03:04:05.678901234Z",
        "creator": 0,
        "useSystemd": False,
        "cleanUpIntelRdtSubdirectory": None,
    }
    return {
        "state.json": json.dumps(values | state, separators=(",", ":")).encode(),
        "youki_config.json": b'{"hooks":null,"cgroup_path":"/youki/c"}',
    }


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Put files into a folder."""
    return {f"{folder}/{name}": data for name, data in files.items()}


def read(path: Path, *, live: bool | None = None) -> list[SandboxTree]:
    """Read all sandboxes that a path stands for."""
    return [tree for source in locate(path) for tree in read_trees(source, live=live)]


def container(path: Path, *, live: bool | None = None) -> ContainerState:
    """Read the only container of a path."""
    (tree,) = read(path, live=live)
    assert tree.faults == []
    ((record, _),) = tree.containers.values()
    return record


def source(path: Path) -> Source:
    """Return the folder that a path is."""
    return Source(str(path))
