"""runc's state.json as records: real ones, keys of other releases, wrong ones."""

from __future__ import annotations

import json
import stat

import pytest

from persistdb.errors import DamagedFile
from persistdb.records import DeviceMap, Mount, Process
from persistdb.runtimes.runc.state import decode_state
from tests.runtimes.containers import APP, DATA, RUNC, container, runc_state


def test_real_container() -> None:
    """A container's configuration, which runc merged from the bundle's and its own, is a record."""
    record = container(RUNC / "run/runc/plain")
    assert record.rootfs == Mount(source="/var/lib/demo/bundle/rootfs", destination="/", read_only=True)
    assert (record.bundle_path, record.cgroup_path) == ("/var/lib/demo/bundle", "/plain")
    mounts = {mount.destination: mount for mount in record.mounts}
    assert list(mounts) == [
        "/proc",
        "/dev",
        "/dev/pts",
        "/dev/shm",
        "/dev/mqueue",
        "/sys",
        "/sys/fs/cgroup",
        "/data",
        "/tmp",
    ]
    assert mounts["/data"] == Mount(
        source="/var/lib/demo",
        destination="/data",
        type="bind",
        options=["rbind", "ro", "rslave"],
        read_only=True,
    )
    assert mounts["/tmp"] == Mount(
        source="tmpfs", destination="/tmp", type="tmpfs", options=["nosuid", "nodev", "relatime", "size=1m"]
    )
    assert mounts["/proc"].options == []
    assert record.device_maps == [
        DeviceMap(id="c 10:229", container_path="/dev/fuse", file_mode=stat.S_IFCHR | 0o666),
        DeviceMap(id="b 7:7", container_path="/dev/loop7", file_mode=stat.S_IFBLK | 0o660, gid=6),
    ]
    (process,) = record.processes
    assert process.pid > 0
    assert process.start_time is None  # only the machine that it ran on knows when it was booted


CLEARED = Mount(source="/srv", destination="/cleared", type="bind", options=["bind", "rw"])
RECURSIVE = Mount(source="/srv", destination="/rro", type="bind", options=["rbind", "rro"])
MAPPED = Mount(source="/srv", destination="/mapped", type="bind", options=["rbind", "idmap"])


@pytest.mark.parametrize(
    ("sample", "more"),
    [
        ("from-001e0405149a", []),
        ("from-6aa4d8d79156", [CLEARED, RECURSIVE, MAPPED]),
        ("from-19336af47448", [CLEARED, RECURSIVE, MAPPED]),
    ],
)
def test_other_releases(sample: str, more: list[Mount]) -> None:
    """What a release writes with other keys, or leaves out, is the same record, with the mounts that only it has."""
    known, found = container(RUNC / "run/runc/plain"), container(DATA / "runc" / sample / "run/runc/plain")
    bind = Mount(source="/srv", destination="/srv", type="bind", options=["rbind"])
    assert found == known.replace(mounts=[*known.mounts, bind, *more])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({"": "/sys/fs/cgroup/system.slice/x.scope"}, "/system.slice/x.scope"),
        ({"memory": "/sys/fs/cgroup/memory/a/x", "devices": "/sys/fs/cgroup/devices/x"}, "/x"),
        ({"": "/sys/fs/cgroup/unified/x", "pids": "/sys/fs/cgroup/pids/y/x"}, "/y/x"),
        ({"devices": "/elsewhere/x"}, "/elsewhere/x"),
        ({}, "/from/config"),
        (None, "/from/config"),
    ],
)
def test_cgroup_path(paths: dict[str, str] | None, expected: str) -> None:
    """The cgroup is named below its hierarchy, with cgroup v1, v2 and both."""
    state = json.loads(runc_state(cgroups={"path": "/from/config"})) | {"cgroup_paths": paths}
    assert decode_state({"state.json": json.dumps(state).encode()}, "").record.cgroup_path == expected


def test_keys_of_newer_releases() -> None:
    """A mount without the keys that are zero, with cleared flags, attributes and mapped IDs, is read as well."""
    mounts = [
        {"source": "proc", "destination": "/proc", "device": "proc"},
        {
            "source": "/srv",
            "destination": "/srv",
            "device": "bind",
            "flags": 20480,
            "cleared_flags": 1,
            "propagation_flags": [278528],
            "rec_attr": {"Attr_set": 1, "Attr_clr": 4, "Propagation": 0, "Userns_fd": 0},
            "extensions": 1,
            "id_mapping": {"recursive": True, "uid_mappings": [{"container_id": 0, "host_id": 1, "size": 2}]},
        },
    ]
    record = decode_state({"state.json": runc_state(mounts=mounts, devices=None, time_offsets={})}, "").record
    assert record.mounts[0] == Mount(source="proc", destination="/proc", type="proc", options=[])
    assert record.mounts[1].options == ["rbind", "rw", "rprivate", "tmpcopyup", "rro", "rdev", "ridmap"]
    assert not record.mounts[1].read_only


def test_start_as_text() -> None:
    """Old releases, such as 1.0.0-rc2, wrote the start of the process as text."""
    state = json.loads(runc_state()) | {"init_process_start": "693752862"}
    assert decode_state({"state.json": json.dumps(state).encode()}, "").ticks == 693752862


def test_labels() -> None:
    """Labels are the annotations, whose values may hold anything, and one is the bundle."""
    decoded = decode_state({"state.json": runc_state(labels=["a=b=c", "odd", "=x", "bundle=/x=y"])}, "")
    assert decoded.annotations == {"a": "b=c", "": "x"}
    assert decoded.record.bundle_path == "/x=y"


@pytest.mark.parametrize("pid", [0, -1])
def test_no_process(pid: int) -> None:
    """Before the init process is there, its ID is recorded as -1 or 0, and a container has none."""
    assert decode_state({"state.json": runc_state(pid=pid)}, "").record.processes == []


def test_default_devices() -> None:
    """The nodes that each container has are none of its own, unless the name stands for another device."""
    null = {"type": 99, "major": 1, "minor": 3, "path": "/dev/null", "file_mode": 438}
    state = runc_state(devices=[null, null | {"minor": 4}, null | {"path": "/dev/x"}])
    record = decode_state({"state.json": state}, "").record
    assert [(device.id, device.container_path) for device in record.device_maps] == [
        ("c 1:4", "/dev/null"),
        ("c 1:3", "/dev/x"),
    ]


def test_device_modes() -> None:
    """A mode that has more than permissions is kept as it is: whoever wrote it said what it means."""
    device = {"type": 112, "major": 0, "minor": 0, "path": "/p", "file_mode": 0o600, "uid": 4294967295, "gid": 0}
    state = runc_state(devices=[device, device | {"file_mode": 1 << 26 | 0o600, "type": 98}])
    pipe, block = decode_state({"state.json": state}, "").record.device_maps
    assert (pipe.id, pipe.kind, pipe.permissions, pipe.uid) == ("p 0:0", "fifo", 0o600, 4294967295)
    assert (block.file_mode, block.kind) == (1 << 26 | 0o600, "block")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"init_process_pid": "7"}, "init_process_pid"),
        ({"init_process_pid": 2**63}, "init_process_pid"),
        ({"init_process_start": -1}, "init_process_start"),
        ({"init_process_start": "soon"}, "init_process_start"),
        ({"init_process_start": "9" * 5000}, "init_process_start"),
        ({"config": {"mounts": [{"flags": "ro"}]}}, "config.mounts[0].flags"),
        ({"config": {"devices": [{"uid": 2**32}]}}, "config.devices[0].uid"),
        ({"config": {"labels": {"a": "b"}}}, "config.labels"),
        ({"config": None}, "config"),
        ({"cgroup_paths": {"": 1}}, "cgroup_paths[...]"),
    ],
)
def test_wrong_values(change: dict[str, object], key: str) -> None:
    """A value of a wrong type or out of range is a fault that names its key."""
    data = json.dumps(json.loads(runc_state()) | change).encode()
    with pytest.raises(DamagedFile) as caught:
        decode_state({"state.json": data}, "/run/runc/c/")
    assert (caught.value.path, caught.value.key) == ("/run/runc/c/state.json", key)


def test_created_container() -> None:
    """The sample of a created container has its process, and the pod that it belongs to."""
    data = (RUNC / "run/containerd/runc/k8s.io" / APP / "state.json").read_bytes()
    decoded = decode_state({"state.json": data}, "")
    assert decoded.annotations["io.kubernetes.cri.sandbox-name"] == "web-0"
    assert [type(process) for process in decoded.record.processes] == [Process]
    assert decoded.freezer == f"/sys/fs/cgroup/freezer/kubepods/pod5b2c/{APP}/freezer.state"
