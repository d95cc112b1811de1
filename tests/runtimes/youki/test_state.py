"""youki's files as records, and the bundle that has the rest."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import DamagedFile
from persistdb.records import Mount, Process
from tests.runtimes.containers import SPEC, below, container, read, youki_files
from tests.runtimes.kata.trees import make

if TYPE_CHECKING:
    from pathlib import Path


def test_container_in_a_root(tmp_path: Path) -> None:
    """In a root, mounts and devices are found in the bundle; the files tell the state."""
    make(tmp_path, below("run/youki/c", youki_files("paused")) | {"b/config.json": json.dumps(SPEC).encode()})
    record = container(tmp_path)
    assert (record.state, record.bundle_path, record.cgroup_path) == ("paused", "/b", "/youki/c")
    assert record.rootfs == Mount(source="/b/rootfs", destination="/", read_only=True)
    assert [mount.destination for mount in record.mounts] == ["/proc", "/data"]
    assert [device.id for device in record.device_maps] == ["c 10:229"]
    assert record.processes == [Process(pid=7)]


def test_container_without_its_bundle(tmp_path: Path) -> None:
    """Without the bundle a container is read, and a note says what is not known of it."""
    make(tmp_path, below("c", youki_files("created")))
    (tree,) = read(tmp_path)
    assert tree.containers["c"][0].state == "ready"
    assert tree.notes == [f"{tmp_path}/c/: the bundle '/b' was not found: its mounts and devices are not known"]


@pytest.mark.parametrize("bundle", ["/../outside", "/link", "/b/../b", "b"])
def test_bundle_outside_the_root(tmp_path: Path, bundle: str) -> None:
    """In a copy, no path leads out of it, by a symlink or upwards: such a bundle is not found."""
    make(tmp_path / "outside", {"config.json": json.dumps(SPEC).encode()})
    make(tmp_path / "root", below("run/youki/c", youki_files(bundle=bundle)) | {"b/config.json": b"{"})
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")
    (tree,) = read(tmp_path / "root")
    assert [record.mounts for record, _ in tree.containers.values()] == [[]]
    (note,) = tree.notes
    assert f"the bundle {bundle!r} was not found" in note


@pytest.mark.parametrize("bundle", ["/\ud800", "/b\x00"])
def test_bundle_that_is_no_path(tmp_path: Path, bundle: str) -> None:
    """A path that no folder can have makes the file a damaged one: no container is read from it."""
    make(tmp_path, below("c", youki_files(bundle=bundle)))
    (tree,) = read(tmp_path)
    assert tree.containers == {}
    assert [type(fault) for fault in tree.faults] == [DamagedFile]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders to other users")
def test_bundle_of_another_user(tmp_path: Path) -> None:
    """On the machine a user's container does not make root read another's bundle; root's container may have any."""
    make(tmp_path / "b", {"config.json": json.dumps(SPEC).encode()})
    make(tmp_path / "run/c", youki_files(bundle=str(tmp_path / "b")))
    mounts = []
    for container_owner, bundle_owner in ((0, 0), (0, 1000), (1000, 1000), (1000, 0), (1000, 1001)):
        os.chown(tmp_path / "run/c", container_owner, -1)
        os.chown(tmp_path / "b", bundle_owner, -1)
        (tree,) = read(tmp_path / "run", live=True)
        mounts.append((len(tree.containers["c"][0].mounts), [note.partition(": ")[2] for note in tree.notes]))
    says = f"the bundle '{tmp_path}/b' is another user's than the container: its mounts and devices are not known"
    refused = (0, [says])
    assert mounts == [(2, [])] * 3 + [refused] * 2


@pytest.mark.parametrize("bundle", [b"{", b'{"mounts":1}'])
def test_damaged_bundle(tmp_path: Path, bundle: bytes) -> None:
    """A damaged configuration in the bundle is a fault."""
    make(tmp_path, below("run/youki/c", youki_files()) | {"b/config.json": bundle})
    (tree,) = read(tmp_path)
    assert [fault.path for fault in tree.faults] == [str(tmp_path / "run/youki/c/bundle/config.json")]


@pytest.mark.parametrize(
    ("status", "pid", "state"),
    [
        ("creating", None, "stopped"),
        ("created", "own", "ready"),
        ("running", "own", "running"),
        ("stopped", "own", "running"),
        ("paused", "own", "paused"),
        ("running", 2**22 + 1, "stopped"),
        ("created", -1, "stopped"),
    ],
)
def test_live_state(tmp_path: Path, status: str, pid: int | str | None, state: str) -> None:
    """On its machine a container whose process is gone is stopped; else its state is the one in its file."""
    make(tmp_path, below("c", youki_files(status, os.getpid() if isinstance(pid, str) else pid)))
    assert container(tmp_path, live=True).state == state
