"""The old stores, which have four files for a container: each file's text comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import DamagedFile
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState
from persistdb.runtimes.joined import join_files, split_files
from persistdb.runtimes.kata import old_layout_losses
from persistdb.runtimes.kata.oldstore import (
    decode_old_container,
    decode_old_sandbox,
    encode_old_container,
    encode_old_sandbox,
)

if TYPE_CHECKING:
    from persistdb.runtimes.folders import Files

PROCESS = b'{"Token":"c","Pid":4021,"StartTime":"2019-03-21T10:00:00.12Z"}'
MOUNT_10 = (
    b'{"Source":"/dev/sdb","Destination":"/data","Type":"bind","Options":null,"HostPath":"","ReadOnly":false,'
    b'"BlockDevice":%s}'
)
DEVICES_10 = (
    b'[{"Type":"block","Data":{"ID":"d1","DeviceInfo":{"HostPath":"/dev/sdb","ContainerPath":"/dev/xvdb","FileMode":432,'
    b'"UID":1,"GID":6,"DriverOptions":null},"BlockDrive":{"Index":2}}}]'
)
KATA_10: Files = {
    "state.json": b'{"state":"running","blockIndex":3,"fstype":"xfs","hotpluggedDrive":true,"rootfsPCIAddr":"02/01"}',
    "process.json": PROCESS,
    "mounts.json": b"[" + MOUNT_10 % b"null" + b"," + MOUNT_10 % b'{"ID":"d1"}' + b"]",
    "devices.json": DEVICES_10,
}
KATA_12: Files = {
    "state.json": (b'{"state":"ready","blockIndex":0,"fstype":"","hotpluggedDrive":false,"rootfsPCIAddr":"","pid":12}'),
    "process.json": b'{"Token":"","Pid":0,"StartTime":"0001-01-01T00:00:00Z"}',
    "mounts.json": b"null",
    "devices.json": b'[{"ID":"d1","ContainerPath":"/dev/x"}]',
}
KATA_13: Files = KATA_12 | {
    "state.json": (
        b'{"state":"ready","BlockDeviceID":"b","blockIndex":1,"fstype":"","pid":0,"guestMemoryBlockSize":128}'
    )
}
KATA_16: Files = KATA_12 | {
    "state.json": (
        b'{"state":"ready","BlockDeviceID":"b","blockIndex":0,"fstype":"","pid":0,"guestMemoryBlockSize":0,'
        b'"resources":{"cpu":{"shares":2}}}'
    ),
    "lock": b"",
    "config.json": b'{"ID": "c", "Annotations": {}}\n',
}
KATA_17: Files = KATA_12 | {
    "state.json": b'{"state":"ready","BlockDeviceID":"","fstype":"","vendor":[1]}',
    "devices.json": b'[{"ID":"d1","ContainerPath":"/dev/x","FileMode":438,"UID":0,"GID":4294967295,"v":2}]',
}
STORES = {"old-1.0": KATA_10, "old-1.2": KATA_12, "old-1.3": KATA_13, "old-1.6": KATA_16, "old-1.7": KATA_17}


@pytest.mark.parametrize("layout", STORES)
def test_each_layout_comes_back(layout: str) -> None:
    """Each old layout is recognised by its keys, and the record and the unknown keys give its files back."""
    record, origin = decode_old_container(STORES[layout])
    assert origin.layout == layout
    assert origin.document is None
    assert encode_old_container(record, layout, origin.extra) == STORES[layout]


def test_record_of_kata_1_0() -> None:
    """Kata 1.0 keeps the structs of the devices' drivers, and a record takes its values from them."""
    record, _ = decode_old_container(KATA_10)
    assert record.rootfs == Mount(type="xfs")
    assert record.device_maps == [DeviceMap(id="d1", container_path="/dev/xvdb", file_mode=432, uid=1, gid=6)]
    assert [mount.destination for mount in record.mounts] == ["/data", "/data"]
    assert record.processes[0].pid == 4021


def test_half_of_a_surrogate_pair_is_kept_as_go_reads_it() -> None:
    """Half a surrogate pair in any file's unknown keys is kept as U+FFFD, and the files come back."""
    files = KATA_16 | {"config.json": b'{"ID":"\\ud800"}', "process.json": PROCESS[:-1] + b',"x":"\\udfff"}'}
    _, origin = decode_old_container(files)
    assert (origin.extra or "").count("\\ufffd") == 2
    assert {name: text.encode() for name, text in split_files(origin.document or "").items() if name != "lock"} == {
        name: data for name, data in files.items() if name != "lock"
    }


def test_values_without_a_field_are_kept() -> None:
    """Drive fields and pids, which have no field in a record, are kept as unknown keys unless they are zero."""
    assert msgspec.json.decode(decode_old_container(KATA_10)[1].extra or "")["state.json"] == {
        "blockIndex": 3,
        "hotpluggedDrive": True,
        "rootfsPCIAddr": "02/01",
    }
    assert decode_old_container(KATA_12)[1].extra == '{"state.json":{"pid":12}}'


def test_missing_files_stay_missing() -> None:
    """A container with state.json only comes back with state.json only."""
    files = {"state.json": KATA_17["state.json"]}
    record, origin = decode_old_container(files)
    assert record.processes == []
    assert origin.document is not None
    assert {name: text.encode() for name, text in split_files(origin.document).items()} == files


def test_each_text_is_kept_exactly() -> None:
    """Texts joined to one and split again are the same, white space and odd numbers included."""
    texts = {"state.json": ' {"a" : 1.0e5 }\n', "devices.json": "\t[]\r\n ", "lock": '""', "config.json": "null"}
    assert split_files(join_files(texts)) == texts


def test_changed_devices_of_kata_1_0_are_a_loss() -> None:
    """Changed devices are a loss in Kata 1.0's layout, because only the devices' drivers know their structs."""
    record, origin = decode_old_container(KATA_10)
    assert old_layout_losses(record, "old-1.0", origin.extra) == []
    changed = msgspec.structs.replace(record, device_maps=[DeviceMap(id="new")])
    assert old_layout_losses(changed, "old-1.0", origin.extra) == [
        "DeviceMaps (its devices.json holds what only the device's driver knows)"
    ]
    assert encode_old_container(changed, "old-1.0", origin.extra)["devices.json"] == b"null"


def test_losses_are_named() -> None:
    """Values that an old store has no place for are named."""
    record = ContainerState(bundle_path="/b", cgroup_path="/c", device_maps=[DeviceMap(uid=1)])
    assert old_layout_losses(record, "old-1.2", None) == ["BundlePath '/b'", "CgroupPath", "DeviceMaps[].UID (1 of 1)"]
    assert old_layout_losses(record, "old-1.7", None) == ["BundlePath '/b'"]


def test_sandbox_changes_in_place() -> None:
    """A sandbox's changed state is written to its state.json, and everything else stays."""
    files = {"state.json": b'{"state":"running", "blockIndex":1,"guestMemoryHotplugProbe":false}', "lock": b""}
    record = decode_old_sandbox(files, "s")
    assert record.layout == "old-1.7"
    changed = encode_old_sandbox(msgspec.structs.replace(record, state="stopped", cgroup_path="/c"), record.layout)
    assert changed == {
        "state.json": b'{"state":"stopped", "blockIndex":1,"guestMemoryHotplugProbe":false,"cgroupPath":"/c"}',
        "lock": b"",
    }


@pytest.mark.parametrize("layout", STORES)
def test_sandbox_made_in_python(layout: str) -> None:
    """A sandbox that never was in files gets a state.json and a lock."""
    files = encode_old_sandbox(SandboxState(sid="s", state="ready"), layout)
    assert decode_old_sandbox(files, "s").state == "ready"
    assert decode_old_sandbox(files, "s").layout == layout
    assert files["lock"] == b""


@pytest.mark.parametrize(
    ("name", "data", "key", "reason"),
    [
        ("state.json", b"", "", "empty"),
        ("state.json", b"{} x", "", "holds more after its value"),
        ("mounts.json", b"{}", "", "must be a list"),
        ("mounts.json", b'[{"Options":[1]}]', "[0].Options[0]", "must be a string"),
        ("devices.json", b'[{"UID":4294967296}]', "[0].UID", "out of range"),
        ("process.json", b'{"StartTime":"now"}', "StartTime", "no RFC 3339 time"),
        ("process.json", b'{"StartTime', "", "cut short"),
        ("config.json", b'{"a":"\\u0000"}', "a", "NUL character"),
    ],
)
def test_damage_is_named(name: str, data: bytes, key: str, reason: str) -> None:
    """The error for a damaged file names which of several it is, and the key."""
    with pytest.raises(DamagedFile) as caught:
        decode_old_container(KATA_17 | {name: data}, "/x/")
    assert (caught.value.path, caught.value.key) == (f"/x/{name}", key)
    assert reason in caught.value.reason


def test_unknown_keys_of_each_file() -> None:
    """Unknown keys of each of the four files are kept under the file's name, and come back."""
    files = KATA_17 | {
        "process.json": PROCESS[:-1] + b',"v":1}',
        "mounts.json": b"[" + MOUNT_10.replace(b'"BlockDevice":%s', b'"BlockDeviceID":"","v":3') + b"]",
    }
    record, origin = decode_old_container(files)
    assert (encode_old_container(record, "old-1.7", origin.extra), origin.document) == (files, None)
    assert {name: list(keys) for name, keys in msgspec.json.decode(origin.extra or "").items()} == {
        "state.json": ["vendor"],
        "process.json": ["v"],
        "mounts.json": ["0"],
        "devices.json": ["0"],
    }


def test_drivers_devices_in_another_layout() -> None:
    """What Kata 1.0's drivers wrote of devices is left out of another layout, which has the record's values."""
    record, origin = decode_old_container(KATA_10)
    devices = encode_old_container(record, "old-1.7", origin.extra)["devices.json"]
    assert devices == b'[{"ID":"d1","ContainerPath":"/dev/xvdb","FileMode":432,"UID":1,"GID":6}]'


@pytest.mark.parametrize(("data", "reason"), [(b"null", "must be an object, not null"), (b'{"a":1', "is cut short")])
def test_damage_of_a_sandbox_is_named(data: bytes, reason: str) -> None:
    """The state.json of a sandbox must be an object; the error names the file with its folder."""
    with pytest.raises(DamagedFile, match=reason) as caught:
        decode_old_sandbox({"state.json": data}, "s", "/x/")
    assert caught.value.path == "/x/state.json"


@pytest.mark.parametrize("text", ["[", '{"a"', "{"])
def test_what_is_no_object_of_files(text: str) -> None:
    """A text that is no object of files by name is a ValueError that says so."""
    with pytest.raises(ValueError, match="it is not an object of files by name: "):
        split_files(text)


OF_13 = b'"BlockDeviceID":"","blockIndex":0,"fstype":"","pid":0,"guestMemoryBlockSize":0'


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("old-1.0", b'"blockIndex":0,"fstype":"","hotpluggedDrive":false,"rootfsPCIAddr":""'),
        ("old-1.2", b'"blockIndex":0,"fstype":"","hotpluggedDrive":false,"rootfsPCIAddr":"","pid":0'),
        ("old-1.3", OF_13),
        ("old-1.6", OF_13 + b',"cgroupPath":"/c","resources":{}'),
        ("old-1.7", b'"blockIndex":0,"guestMemoryBlockSize":0,"guestMemoryHotplugProbe":false,"cgroupPath":"/c"'),
    ],
)
def test_the_smallest_state_of_a_sandbox(layout: str, keys: bytes) -> None:
    """The state.json of a sandbox that never was in files has the keys that Kata wrote in its layout."""
    files = encode_old_sandbox(SandboxState(sid="s", state="ready", cgroup_path="/c"), layout)
    assert files["state.json"] == b'{"state":"ready",' + keys + b"}"
