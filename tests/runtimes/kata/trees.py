"""Shared by the tests of Kata's files: samples, a stored sandbox, files written by hand."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from persistdb.records import Container, ContainerState, Origin, Sandbox, SandboxState
from persistdb.runtimes.kata import read_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from persistdb.runtimes.tree import SandboxTree

DATA = Path(__file__).parents[2] / "data" / "kata"
SAMPLES = sorted(path.name for path in DATA.iterdir() if (path / "run").is_dir())
CONTAINERS = sorted([*DATA.glob("*/run/vc/sbs/*/*/persist.json"), DATA / "4.1.0" / "container-persist.json"])
SANDBOXES = sorted(DATA.glob("*/run/vc/sbs/*/persist.json"))

_NOW = datetime(2026, 1, 2, tzinfo=UTC)

PLAIN = (
    b'{"State":"running","CgroupPath":"/c","BundlePath":"","Rootfs":{"BlockDeviceID":"","FsType":"xfs"},'
    b'"Process":{"StartTime":"2023-10-01T00:42:25.5Z","Token":"t","Pid":7},'
    b'"DeviceMaps":[{"ID":"d","ContainerPath":"/dev/x","FileMode":438,"UID":0,"GID":6}],'
    b'"Mounts":[{"Source":"proc","Destination":"/proc","Type":"","HostPath":"","BlockDeviceID":"",'
    b'"Options":["nosuid"],"ReadOnly":false}]}\n'
)
"""One container's file of layout 2.2."""

SANDBOX = b'{"State":"running","SandboxContainer":"s","SandboxCgroupPath":"/s","PersistVersion":2}\n'


def sandbox(
    record: SandboxState | None = None,
    containers: Mapping[str, tuple[ContainerState, Origin]] | None = None,
) -> Sandbox:
    """Make a sandbox as the repository returns it."""
    record = record or SandboxState(sid="s")
    return Sandbox(
        host="h",
        record=record,
        revision=1,
        created_at=_NOW,
        updated_at=_NOW,
        containers={
            cid: Container(
                host="h",
                sid=record.sid,
                cid=cid,
                record=state,
                origin=origin,
                revision=1,
                created_at=_NOW,
                updated_at=_NOW,
            )
            for cid, (state, origin) in (containers or {}).items()
        },
    )


def stored(tree: SandboxTree) -> Sandbox:
    """Make the sandbox that a store has after importing a tree."""
    return sandbox(tree.record, tree.containers)


def one(path: Path) -> SandboxTree:
    """Read the only sandbox of a path."""
    (tree,) = read_trees([path])
    return tree


def make(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files by their relative path."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def copy_sample(name: str, to: Path) -> Path:
    """Copy a sample's root to where a test may change it."""
    return Path(shutil.copytree(DATA / name, to / name))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
