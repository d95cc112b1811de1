"""What a layout has no place for is named, value by value and key by key."""

from __future__ import annotations

import pytest

from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from persistdb.runtimes.kata import layout_losses, old_layout_losses
from persistdb.runtimes.kata.detect import detect_old_layout, detect_sandbox_layout
from persistdb.runtimes.kata.losses import sandbox_losses, unknown_key_losses

FULL = ContainerState(
    rootfs=Mount(source="/s", destination="/d", type="xfs", options=[], host_path="/h", block_device_id="b"),
    mounts=[Mount(), Mount(block_device_id="b", mounted=True)],
    device_maps=[DeviceMap(file_mode=1, uid=2, gid=3, shared=True)],
    processes=[Process(token="a"), Process(token="b")],
)


def test_an_old_store() -> None:
    """Each value of a record that an old layout has no place for is named, with the number of items that have it."""
    rootfs = ["Rootfs.Source", "Rootfs.Destination", "Rootfs.Options", "Rootfs.HostPath"]
    other = "1 of 2 processes (it holds one)"
    assert old_layout_losses(FULL, "old-1.7") == [
        other,
        *rootfs,
        "Mounts[].Mounted (1 of 2)",
        "DeviceMaps[].Shared (1 of 1)",
    ]
    assert old_layout_losses(FULL, "old-1.0") == [
        other,
        *rootfs,
        "Rootfs.BlockDeviceID",
        "Mounts[].Mounted (1 of 2)",
        "Mounts[].BlockDeviceID (1 of 2)",
        "DeviceMaps (its devices.json holds what only the device's driver knows)",
    ]
    assert old_layout_losses(FULL, "old-1.3")[-4:] == [
        f"DeviceMaps[].{name} (1 of 1)" for name in ("FileMode", "UID", "GID", "Shared")
    ]


@pytest.mark.parametrize(
    ("extra", "lost"),
    [
        ('{"Mounts":{"1":{"Mounted":true}}}', ["Mounts[1].Mounted"]),
        ('{"Mounts":{"2":{"Mounted":true}}}', []),  # of an item that is gone
        ('{"Mounts":{"1":{"Mounted":false}}}', []),
        ('{"Mounts":{"1":{"Vendor":1}}}', []),  # carried over
        *((f'{{"Rootfs":{{"Source":{zero}}}}}', []) for zero in ("0", '""', "false", "null", "{}", "[]")),
        ('{"Rootfs":{"Source":"/x"}}', ["Rootfs.Source"]),
    ],
)
def test_unknown_keys_that_a_layout_knows(extra: str, lost: list[str]) -> None:
    """A key that came from another layout and that the target knows is lost, unless its value is Go's zero value."""
    record = ContainerState(mounts=FULL.mounts[:1] * 2)
    assert layout_losses(record, "seed", extra) == lost


@pytest.mark.parametrize(
    ("origin", "layout", "lost"),
    [
        (Origin(layout="2.2", extra='{"New":1,"Old":{}}'), "old-1.7", ["New", "Old"]),
        (Origin(layout="2.2", extra='{"New":1}'), "3.28", []),
        (Origin(layout="2.2"), "old-1.7", []),
        (Origin(layout="old-1.0", extra='{"state.json":{"blockIndex":3}}'), "old-1.0", []),
        (
            Origin(
                layout="old-1.0", extra='{"state.json":{"blockIndex":3,"zero":0,"pid":7},"lock":"","config.json":{}}'
            ),
            "2.2",
            ["state.json blockIndex", "state.json pid", "config.json"],
        ),
        (
            Origin(layout="old-1.0", extra='{"mounts.json":{"0":{"a":1},"2":{"b":1,"c":1}},"devices.json":[1]}'),
            "old-1.7",
            [
                "mounts.json [0].a",
                "mounts.json [2].b",
                "mounts.json [2].c",
                "devices.json as its drivers wrote it",
            ],
        ),
        (Origin(layout="old-1.7", extra='{"devices.json":{"0":{"v":2}}}'), "2.2", ["devices.json [0].v"]),
    ],
)
def test_unknown_keys_of_another_store(origin: Origin, layout: str, lost: list[str]) -> None:
    """Unknown keys that are not carried over are named with their file and position."""
    assert unknown_key_losses(origin, layout) == lost


@pytest.mark.parametrize(
    ("record", "layout", "lost"),
    [
        (SandboxState(sid="s"), "old-1.7", []),
        (SandboxState(sid="s", layout="2.2", document="{}"), "3.28", []),
        (
            SandboxState(sid="s", layout="2.2", document="{}"),
            "old-1.7",
            ["the sandbox's own persist.json but for its state and cgroup path"],
        ),
        (
            SandboxState(sid="s", layout="old-1.7", document='{"state.json":{},"devices.json":[],"lock":""}'),
            "2.2",
            ["the sandbox's state.json but for its state and cgroup path", "the sandbox's devices.json"],
        ),
    ],
)
def test_a_sandbox(record: SandboxState, layout: str, lost: list[str]) -> None:
    """A sandbox's own files that go to another kind of store are named, but for what they share."""
    assert sandbox_losses(record, layout) == lost


@pytest.mark.parametrize(
    ("keys", "mounts", "layout"),
    [
        (["hotpluggedDrive"], "", "old-1.0"),
        (["RootfsPCIAddr"], "", "old-1.0"),
        (["rootfsPCIAddr", "pid"], "", "old-1.2"),
        (["rootfsPCIAddr", "pid"], '[{"BlockDevice":null}]', "old-1.0"),
        (["resources", "pid"], "", "old-1.6"),
        (["blockIndex"], "", "old-1.3"),
        (["guestMemoryBlockSize"], "", "old-1.3"),
        (["pid"], "", "old-1.3"),
        (["guestMemoryHotplugProbe"], "", "old-1.7"),
        (["state"], "", "old-1.7"),
    ],
)
def test_old_layouts(keys: list[str], mounts: str, layout: str) -> None:
    """An old store's layout is known by the keys of state.json, in any case."""
    assert detect_old_layout(keys, mounts).name == layout
    assert detect_old_layout(["guestMemoryHotplugProbe", "resources"], is_sandbox=True).name == "old-1.7"


@pytest.mark.parametrize(
    ("keys", "layout"),
    [
        (["PersistVersion", "State"], "1.7"),
        (["State", "PersistVersion"], "2.2"),
        (["PersistVersion", "SandboxCgroupPath"], "2.2"),
        (["State"], "1.7"),
        ([], "1.7"),
    ],
)
def test_sandbox_layouts(keys: list[str], layout: str) -> None:
    """A sandbox's layout is known by the order of its keys, and by a key that came with 3.28."""
    assert detect_sandbox_layout("{}", keys) == layout
    assert detect_sandbox_layout('{"BlockDeviceLogicalSectorSize":0}', keys) == "3.28"
