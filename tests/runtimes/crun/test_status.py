"""crun's status and config.json as records."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import DamagedFile
from persistdb.records import DeviceMap, Mount
from persistdb.runtimes.crun.status import decode_status
from tests.runtimes.containers import CRUN, DATA, PODMAN_APP, PODMAN_POD, crun_files, read
from tests.runtimes.kata.trees import make

if TYPE_CHECKING:
    from pathlib import Path


def test_real_pod() -> None:
    """Containers as Podman starts them are one sandbox, and what is configured for them is in their records."""
    pod, alone = read(CRUN)
    assert (pod.sid, alone.sid, pod.runtime) == (PODMAN_POD, "userns", "crun")
    assert set(pod.containers) == {PODMAN_POD, PODMAN_APP}
    record, origin = pod.containers[PODMAN_APP]
    assert origin.layout == "crun"
    assert record.rootfs == Mount(source="/var/lib/demo/bundle/rootfs", destination="/", read_only=True)
    assert record.cgroup_path == f"/machine/libpod-{PODMAN_APP}"
    assert record.mounts[-2].options == ["rbind", "ro", "rslave"]
    assert record.mounts[-2].read_only
    assert record.device_maps == [
        DeviceMap(id="c 10:229", container_path="/dev/fuse", file_mode=stat.S_IFCHR | 0o666),
        DeviceMap(id="b 7:7", container_path="/dev/loop7", file_mode=stat.S_IFBLK | 0o660, gid=6),
    ]
    assert not alone.containers["userns"][0].rootfs.read_only


def test_an_early_release() -> None:
    """A file of an early crun, with texts for booleans and no start time, is the same record."""
    (early,) = read(DATA / "crun/from-259300d33ac8")
    (known,) = read(CRUN / "run/crun/userns")
    assert early.containers["userns"][0] == known.containers["userns"][0]


def test_configuration_leaves_out() -> None:
    """What a configuration leaves out is empty, and a device has the mode that the runtime gives it."""
    record = decode_status(crun_files(), "").record
    assert record.mounts[0] == Mount(source="proc", destination="/proc", type="proc")
    assert record.device_maps[0].file_mode == stat.S_IFCHR | 0o666
    empty = decode_status(crun_files(root=None, mounts=None, linux=None, annotations=None), "").record
    assert (empty.mounts, empty.device_maps, empty.rootfs.source) == ([], [], "/b/rootfs")


def test_status_of_old_release() -> None:
    """A status without a start time is read; then any process with the ID is taken for the container's."""
    files = crun_files()
    status = json.loads(files["status"])
    del status["process-start-time"]
    assert decode_status(files | {"status": json.dumps(status).encode()}, "").ticks is None


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("status", b'{"pid":"1","cgroup-path":"","rootfs":"","bundle":"","created":""}', "pid"),
        ("config.json", b'{"mounts":[{"options":"ro"}]}', "mounts[0].options"),
        (
            "config.json",
            b'{"linux":{"devices":[{"path":"/d","type":"c","fileMode":-1}]}}',
            "linux.devices[0].fileMode",
        ),
        ("config.json", b"{} x", ""),
        ("config.json", b"", ""),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, data: bytes, key: str) -> None:
    """A wrong value in either file is a fault of this container, and names the file and the key."""
    make(tmp_path / "c", crun_files() | {name: data})
    make(tmp_path / "good", crun_files())
    bad, good = read(tmp_path)
    (fault,) = bad.faults
    assert isinstance(fault, DamagedFile)
    assert (fault.path, fault.key) == (str(tmp_path / "c" / name), key)
    assert good.kept == {"c"}


def test_missing_configuration(tmp_path: Path) -> None:
    """A status without config.json beside it is a fault."""
    make(tmp_path / "c", {"status": crun_files()["status"]})
    (tree,) = read(tmp_path)
    assert [str(fault) for fault in tree.faults] == [f"{tmp_path}/c/config.json: does not exist, but status does"]
