"""One container's persist.json: every byte comes back, also of files that are not exactly as Kata writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import DamagedFile
from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process
from persistdb.runtimes.gojson.scan import MAX_DEPTH, MAX_VALUES
from persistdb.runtimes.kata import decode_container, encode_container, layout_losses

from .trees import CONTAINERS, DATA, PLAIN, SANDBOX

if TYPE_CHECKING:
    from pathlib import Path


def repr_short(value: object) -> str:
    """Return a short ID for a test, because some of these files are long."""
    return repr(value)[:40]


def back(record: ContainerState, origin: Origin) -> bytes:
    """Return the bytes that are written for an unchanged record."""
    if origin.document is not None:
        return origin.document.encode()
    return encode_container(record, origin.layout, origin.extra)


@pytest.mark.parametrize("path", CONTAINERS, ids=lambda path: str(path.relative_to(DATA))[:60])
def test_samples_come_back(path: Path) -> None:
    """Every sample of a container's file comes back byte for byte."""
    assert back(*decode_container(path.read_bytes(), str(path))) == path.read_bytes()


@pytest.mark.parametrize("path", CONTAINERS, ids=lambda path: str(path.relative_to(DATA))[:60])
def test_careful_way_agrees(path: Path) -> None:
    """The careful decoder returns the same record as the fast one, for the same text after a space."""
    record, origin = decode_container(path.read_bytes())
    spaced, spaced_origin = decode_container(b" " + path.read_bytes())
    assert spaced == record
    assert spaced_origin.layout == origin.layout
    assert spaced_origin.document == " " + path.read_text()


def test_fast_way_is_taken() -> None:
    """A file exactly as Go writes it is kept without unknown keys and without its text."""
    assert decode_container(PLAIN)[1] == Origin(layout="2.2")


def test_record_of_a_file() -> None:
    """Each key of Kata's file sets the field of the same name, and the rootfs is a mount."""
    record, _ = decode_container(PLAIN)
    (process,) = record.processes
    assert record.state == "running"
    assert record.cgroup_path == "/c"
    assert record.rootfs == Mount(type="xfs")
    assert record.device_maps == [DeviceMap(id="d", container_path="/dev/x", file_mode=438, gid=6)]
    assert record.mounts == [Mount(source="proc", destination="/proc", options=["nosuid"])]
    assert (process.token, process.pid) == ("t", 7)
    assert process.start_time is not None
    assert process.start_time.format_iso() == "2023-10-01T00:42:25.5+00:00"


def test_never_started() -> None:
    """A container that was never started has no process, although its file has one with zero values."""
    zero = PLAIN.replace(
        b'{"StartTime":"2023-10-01T00:42:25.5Z","Token":"t","Pid":7}',
        b'{"StartTime":"0001-01-01T00:00:00Z","Token":"","Pid":0}',
    )
    record, origin = decode_container(zero)
    assert record.processes == []
    assert back(record, origin) == zero


@pytest.mark.parametrize(
    ("change", "layout"),
    [
        ((b'"DeviceMaps":[{', b'"DeviceMaps":[{"Shared":true,'), "3.28"),
        ((b'"Process":{"StartTime":"2023-10-01T00:42:25.5Z","Token":"t","Pid":7}', b'"Process":null'), "1.7-rc1"),
        ((b'"Rootfs":{"BlockDeviceID":""', b'"Rootfs":{"Source":"","BlockDeviceID":""'), "2.2"),
    ],
)
def test_layout_by_keys(change: tuple[bytes, bytes], layout: str) -> None:
    """The layout is recognised by the keys in the file."""
    data = PLAIN.replace(*change)
    assert data != PLAIN
    record, origin = decode_container(data)
    assert origin.layout == layout
    assert back(record, origin) == data


def test_unknown_keys_mirror_their_place() -> None:
    """Unknown keys at any level are kept with their place and come back after the known ones."""
    data = (PLAIN[:-2] + b',"VendorKey":123456789012345678901234567890}\n').replace(
        b'"ReadOnly":false}]', b'"ReadOnly":false,"VendorFlag":1.50}]'
    )
    record, origin = decode_container(data)
    assert origin.extra is not None
    assert '"VendorKey":123456789012345678901234567890' in origin.extra
    assert msgspec.json.decode(origin.extra)["Mounts"] == {"0": {"VendorFlag": 1.5}}
    assert origin.document is None
    assert back(record, origin) == data


@pytest.mark.parametrize(
    "change",
    [
        (b'"State":', b'"Vendor":{"a":[1,2]},"State":'),
        (b'"Destination":', b'"Vendor":"\\u003c\\/","Destination":'),
        (b'"Token":', b'"Vendor":null,"Token":'),
        (b'"FsType":', b'"Vendor":false,"FsType":'),
        (b'"UID":0', b'"UID":0,"Shared2":true'),
    ],
)
def test_unknown_keys_anywhere(change: tuple[bytes, bytes]) -> None:
    """Unknown keys in the middle of any object do not change the record, and the file comes back."""
    data = PLAIN.replace(*change)
    record, origin = decode_container(data)
    assert record == decode_container(PLAIN)[0]
    assert origin.extra is not None
    assert back(record, origin) == data


def test_unknown_keys_survive_a_change() -> None:
    """A changed record is written in its layout with the unknown keys of the parts that it still has."""
    data = PLAIN.replace(b'"State":', b'"Vendor":1e400,"State":').replace(b'"FsType":', b'"Raid":5,"FsType":')
    record, origin = decode_container(data)
    written = encode_container(msgspec.structs.replace(record, state="stopped", mounts=[]), origin.layout, origin.extra)
    assert b'"State":"stopped"' in written
    assert b'"FsType":"xfs","Raid":5}' in written
    assert written.endswith(b'"Mounts":null,"Vendor":1e400}\n')


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ((b'"State":"running"', b'"STATE":"paused"'), "state", "paused"),
        ((b'"State":"running"', b'"\\u017ftate":"paused"'), "state", "paused"),
        ((b'"State":"running"', b'"State":"a","state":"b"'), "state", "b"),
        ((b'"State":"running"', b'"State":"a","state":"b","State":"c"'), "state", "c"),
        ((b'"State":"running"', b'"State":"a","State":null'), "state", "a"),
        ((b'"State":"running"', b'"State":"\\ud800\\udc00\\ud800x\\udc00"'), "state", "\U00010000\ufffdx\ufffd"),
        ((b'"State":"running",', b""), "state", ""),
        ((b'"DeviceMaps":[', b'"DeviceMaps":null,"devicemaps":['), "device_maps", None),
        ((b'"Rootfs":{', b'"Rootfs":{"FsType":"ext4"},"rootFS":{'), "rootfs", Mount(type="xfs")),
        ((b'"FsType":"xfs"}', b'"FsType":"xfs"},"Rootfs":{"BlockDeviceID":"b"}'), "rootfs", None),
        ((b'"Mounts":[', b'"Mounts":[null,'), "mounts", None),
        ((b"}\n", b"}\n\ntrailing {"), "state", "running"),
        ((b'{"State"', b'\r\n\t{ "State"'), "state", "running"),
        ((b'"Pid":7', b'"Pid":-9223372036854775808'), "processes", None),
        ((b'"UID":0', b'"UID":4294967295'), "device_maps", None),
    ],
)
def test_go_rules(change: tuple[bytes, bytes], field: str, value: object) -> None:
    """Text that Go's decoder accepts is accepted with the same meaning, and comes back."""
    data = PLAIN.replace(*change)
    assert data != PLAIN
    record, origin = decode_container(data)
    if value is not None:
        assert getattr(record, field) == value
    assert back(record, origin) == data


def test_objects_given_twice_are_merged() -> None:
    """An object that is given twice sets the fields of both, as in Go."""
    record, _ = decode_container(PLAIN.replace(b'"FsType":"xfs"}', b'"FsType":"xfs"},"Rootfs":{"BlockDeviceID":"b"}'))
    assert record.rootfs == Mount(type="xfs", block_device_id="b")


def test_null_options_are_not_empty_options() -> None:
    """Go's nil and empty slices stay different."""
    for text, options in ((b"null", None), (b"[]", [])):
        data = PLAIN.replace(b'["nosuid"]', text)
        record, origin = decode_container(data)
        assert record.mounts[0].options == options
        assert origin == Origin(layout="2.2")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<&>", b"\\u003c\\u0026\\u003e"),
        ("\u2028\u2029", b"\\u2028\\u2029"),
        ("\b\f\n\r\t\x01\x7f", b"\\u0008\\u000c\\n\\r\\t\\u0001\x7f"),
        ("\\b\\f", b"\\\\b\\\\f"),
        ("\ufffd/\"'é", b"\xef\xbf\xbd/\\\"'\xc3\xa9"),
    ],
)
def test_strings_as_go_writes_them(text: str, written: bytes) -> None:
    """Characters that Go escapes are escaped, and no others."""
    assert encode_container(ContainerState(state=text), "2.2").startswith(b'{"State":"' + written + b'"')


def test_newer_gos_short_escapes_come_back() -> None:
    """A file of a Kata built with Go 1.22 or later, which escapes a backspace with one letter, comes back, too."""
    data = PLAIN.replace(b"/proc", b"/\\b\\f")
    record, origin = decode_container(data)
    assert record.mounts[0].destination == "/\b\f"
    assert back(record, origin) == data


@pytest.mark.parametrize(
    "text",
    [
        b"2023-10-01T00:42:25.500Z",
        b"2023-10-01T00:42:25.1234567899Z",
        b"2023-10-01T00:42:25-00:00",
        b"0001-01-01T00:00:00.000Z",
        b"9999-12-31T23:59:59.999999999Z",
        b"2023-10-01T00:42:25+23:59",
    ],
)
def test_times_come_back(text: bytes) -> None:
    """Times that Go reads come back as they were written."""
    data = PLAIN.replace(b"2023-10-01T00:42:25.5Z", text)
    assert back(*decode_container(data)) == data


@pytest.mark.parametrize(
    ("data", "key", "reason"),
    [
        (b"", "", "empty"),
        (b" \n", "", "empty"),
        (PLAIN[:90], "Rootfs", "cut short"),
        (PLAIN[:50], "BundlePath", "cut short"),
        (PLAIN[:-2], "", "cut short"),
        (PLAIN[:200] + b"\0" * 300, "", "NUL bytes"),
        (b"\0" * 300, "", "NUL bytes"),
        (PLAIN.replace(b"/proc", b"/pr\xffc"), "", "not UTF-8"),
        (b"[]", "", "must be an object, not a list"),
        (b"null", "", "must be an object, not null"),
        (b"hello", "", "not JSON"),
        (PLAIN.replace(b'"running"', b"1"), "State", "must be a string, not a number"),
        (PLAIN.replace(b'"nosuid"', b'"a",{}'), "Mounts[0].Options[1]", "must be a string, not an object"),
        (PLAIN.replace(b'["nosuid"]', b'"nosuid"'), "Mounts[0].Options", "must be a list of strings"),
        (PLAIN.replace(b'"ReadOnly":false', b'"ReadOnly":0'), "Mounts[0].ReadOnly", "true or false"),
        (PLAIN.replace(b'"Mounts":[', b'"Mounts":[1,'), "Mounts[0]", "must be an object"),
        (PLAIN.replace(b'"Rootfs":{', b'"Rootfs":[],"rootfs":{'), "Rootfs", "must be an object, not a list"),
        (
            PLAIN.replace(b'"FileMode":438', b'"FileMode":4294967296'),
            "DeviceMaps[0].FileMode",
            "out of range for uint32",
        ),
        (PLAIN.replace(b'"UID":0', b'"UID":-1'), "DeviceMaps[0].UID", "out of range for uint32"),
        (PLAIN.replace(b'"UID":0', b'"UID":1.0'), "DeviceMaps[0].UID", "whole number"),
        (PLAIN.replace(b'"UID":0', b'"UID":1e2'), "DeviceMaps[0].UID", "whole number"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":9223372036854775808'), "Process.Pid", "out of range for int64"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":' + b"9" * 5000), "Process.Pid", "out of range for int64"),
        (PLAIN.replace(b"2023-10-01T", b"2023-02-30T"), "Process.StartTime", "no time"),
        (PLAIN.replace(b"2023-10-01T", b"yesterday "), "Process.StartTime", "no RFC 3339 time"),
        (PLAIN.replace(b"2023-10-01T00:42:25.5Z", b"2023-10-01T00:42:60Z"), "Process.StartTime", "no RFC 3339 time"),
        (
            PLAIN.replace(b"2023-10-01T00:42:25.5Z", b"0001-01-01T00:00:00+01:00"),
            "Process.StartTime",
            "years 1 to 9999",
        ),
        (
            PLAIN.replace(b"2023-10-01T00:42:25.5Z", b"9999-12-31T23:59:59-01:00"),
            "Process.StartTime",
            "years 1 to 9999",
        ),
        (PLAIN.replace(b"2023-10-01T00:42:25.5Z", b"0000-12-31T23:59:59Z"), "Process.StartTime", "years 1 to 9999"),
        (PLAIN.replace(b"/proc", b"/pr\\u0000c"), "Mounts[0].Destination", "NUL character"),
        (PLAIN.replace(b'"State"', b'"Vendor":{"a":["\\u0000"]},"State"'), "Vendor.a[0]", "NUL character"),
        (PLAIN.replace(b'"State"', b'"Ven\\u0000dor":1,"State"'), "", "NUL character in a key"),
        (PLAIN.replace(b"/proc", b"/pr\noc"), "Mounts[0].Destination", "control character"),
        (PLAIN.replace(b"/proc", b"/pr\\xoc"), "Mounts[0].Destination", "unknown escape"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":07'), "Process.Pid", "not JSON"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":7,'), "Process", "not JSON"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":-9223372036854775809'), "Process.Pid", "out of range"),
        (PLAIN.replace(b'"Pid":7', b'"Pid":9223372036854775808'), "Process.Pid", "out of range"),
        (PLAIN.replace(b'"FileMode":438', b'"FileMode":4294967296'), "DeviceMaps[0].FileMode", "out of range"),
        (PLAIN.replace(b'"UID":0', b'"UID":-1'), "DeviceMaps[0].UID", "out of range"),
        (PLAIN.replace(b'"GID":6', b'"GID":4294967296'), "DeviceMaps[0].GID", "out of range"),
        (SANDBOX, "", "is the file of a sandbox where a container's should be: import the folder of sandboxes"),
        (b"[" * 50_000, "", "nested more than"),
        (b'{"a":' * 50_000, "a", "nested more than"),
        (PLAIN[:-2] + b',"Vendor":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "Vendor", "nested more than"),
    ],
    ids=repr_short,
)
def test_damage_is_named(data: bytes, key: str, reason: str) -> None:
    """Each kind of damage is an error of one sentence with the file and the key."""
    with pytest.raises(DamagedFile) as caught:
        decode_container(data, "/x/persist.json")
    assert caught.value.path == "/x/persist.json"
    assert caught.value.key == key
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_as_deep_as_go_goes() -> None:
    """A file nested 10,000 deep, the most that Go reads, is read."""
    depth = MAX_DEPTH - 1
    data = PLAIN[:-2] + b',"Vendor":' + b"[" * depth + b"]" * depth + b"}\n"
    record, origin = decode_container(data)
    assert record == decode_container(PLAIN)[0]
    assert back(record, origin) == data


def test_escaped_backslash_before_u0000_is_text() -> None:
    """An escaped backslash before u0000 makes six ordinary characters and no NUL."""
    data = PLAIN.replace(b"/proc", b"/\\\\u0000")
    record, origin = decode_container(data)
    assert record.mounts[0].destination == "/\\u0000"
    assert back(record, origin) == data


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b'"\\ud800"', '"\\ufffd"'),
        (
            b'{"\\udc00":["\\ud83d\\ude00","\\uD800\\uD800","\\\\ud800"]}',
            '{"\ufffd":["\\ud83d\\ude00","\\ufffd\\ufffd","\\\\ud800"]}',
        ),
    ],
)
def test_half_of_a_surrogate_pair_in_an_unknown_key(written: bytes, kept: str) -> None:
    """Half a surrogate pair in an unknown key's value is kept as U+FFFD, as Go reads it, and the file comes back."""
    data = PLAIN[:-2] + b',"New":' + written + b"}\n"
    record, origin = decode_container(data)
    assert msgspec.json.decode(origin.extra or "") == {"New": msgspec.json.decode(kept)}
    assert back(record, origin) == data


EXTRA = {
    "a process that never was, with a key": (
        b'"Process":{"StartTime":"0001-01-01T00:00:00Z","Token":"","Pid":0,"ExitCode":137}',
        {"seed": ["Process.ExitCode"], "1.7-rc1": ["Process.ExitCode"], "1.7": [], "3.28": []},
    ),
    "a mount's key of another layout": (
        b'"Mounts":[{"Mounted":true,"X":1},{"Mounted":false}]',
        {"seed": ["Mounts[0].Mounted"], "1.7": []},
    ),
    "a rootfs with keys of another layout": (
        b'"Rootfs":{"BlockDeviceID":"","FsType":"","Source":"/dev/x","Options":["rw"],"HostPath":""}',
        {"seed": ["Rootfs.Source", "Rootfs.Options"], "1.7": []},
    ),
    "a key of its own": (b'"New":1', {"seed": [], "1.7": [], "1.7-rc1": []}),
}


@pytest.mark.parametrize("what", EXTRA)
def test_losses_of_unknown_keys_are_named(what: str) -> None:
    """An unknown key that another layout writes itself is a loss there, unless its value is zero."""
    written, wanted = EXTRA[what]
    plain = (b'"Rootfs":{"BlockDeviceID":"","FsType":""}', b'"Process":{"Token":"","Pid":0}')
    rest = [part for part in plain if part.split(b":")[0] not in written]
    text = b'{"State":"","CgroupPath":"","BundlePath":"",' + b",".join([*rest, written]) + b"}"
    record, origin = decode_container(text)
    assert origin.layout == "2.2"
    for layout, lost in wanted.items():
        assert layout_losses(record, layout, origin.extra) == lost
        again = encode_container(record, layout, origin.extra)
        for name in ("ExitCode", "New"):
            assert (name.encode() in again) == (name.encode() in text and not lost)


def test_losses_are_named() -> None:
    """Values that a layout has no place for are named, and no others."""
    record = ContainerState(
        rootfs=Mount(source="/dev/sda", options=[], mounted=True, type="xfs", block_device_id="b"),
        mounts=[Mount(mounted=True), Mount()],
        device_maps=[DeviceMap(shared=True), DeviceMap()],
        processes=[Process(token="a"), Process(token="b")],
    )
    assert layout_losses(record, "seed") == ["DeviceMaps[].Shared (1 of 2)"]
    assert layout_losses(record, "3.28") == [
        "1 of 2 processes (it holds one)",
        "Rootfs.Source",
        "Rootfs.Options",
        "Rootfs.Mounted",
        "Mounts[].Mounted (1 of 2)",
    ]
    assert layout_losses(ContainerState(processes=[Process(token="a")]), "1.7") == []


@pytest.mark.parametrize("text", [b"{}", b' {"State":"","Mounts":null,"DeviceMaps":[]} '])
def test_keys_that_are_missing(text: bytes) -> None:
    """A key that is missing or null is its zero value, as in Go."""
    assert decode_container(text)[0] == ContainerState()


def test_a_file_without_a_path() -> None:
    """Text whose path is not given is named as the file that Kata's driver writes."""
    with pytest.raises(DamagedFile, match="must be an object") as caught:
        decode_container(b"null")
    assert caught.value.path == "persist.json"


@pytest.mark.parametrize("key", ["Source", "Destination", "Mounted", "Type", "type"])
def test_a_rootfs_that_is_a_mount(key: str) -> None:
    """With a list of processes, any key of a mount in the rootfs tells the seed's layout from 1.7-rc1's."""
    rootfs = f'{{"{key}":null}}'
    for text in (f'{{"Process":[],"Rootfs":{rootfs}}}', f'{{"Rootfs":{rootfs},"Process":null}}'):
        assert decode_container(text.encode())[1].layout == "seed"
    assert decode_container(b'{"Process":[],"Rootfs":{"FsType":""}}')[1].layout == "1.7-rc1"
    assert decode_container(b'{"Process":[],"Mounts":[{},{"Mounted":true}]}')[1].layout == "seed"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ('{"CgroupPath":"","Rootfs":{}}', "2.2"),
        ('{"BundlePath":"","Rootfs":{}}', "2.2"),
        ('{"Rootfs":{},"CgroupPath":"","BundlePath":""}', "1.7"),
        ('{"CgroupPath":"","BundlePath":""}', "1.7"),
        ('{"Rootfs":{},"DeviceMaps":[{},{"shared":false}]}', "3.28"),
    ],
)
def test_layouts_by_the_order_of_keys(text: str, layout: str) -> None:
    """Since 2.2 a container's paths come before its rootfs, and since 3.28 a device has Shared."""
    assert decode_container(text.encode())[1].layout == layout


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        (b'"FsType":"xfs"', b',"7":{"a":1}'),
        (b'"FsType":"xfs"', b',"x":[1]'),
        (b'"Pid":7', b',"0":5'),
        (b'"Pid":7', b',"x":{"0":{}}'),
        (b'"GID":6', b',"0":{"0":1}'),
        (b'"ReadOnly":false', b',"0":"[1]"'),
    ],
)
def test_unknown_keys_that_look_like_positions(known: bytes, unknown: bytes) -> None:
    """An unknown key comes back at its place, also where it is a number as the positions in a list are."""
    data = PLAIN.replace(known, known + unknown)
    record, origin = decode_container(data)
    assert record == decode_container(PLAIN)[0]
    assert (back(record, origin), origin.document) == (data, None)


PROCESS_17 = b'{"Token":"t","Pid":7,"StartTime":"0001-01-01T00:00:00Z"}'
PROCESS_22 = b'{"StartTime":"0001-01-01T00:00:00Z","Token":"t","Pid":7}'
MOUNT_17 = b'{"Source":"m","Destination":"","Type":"","Options":null,"HostPath":"","ReadOnly":false,"BlockDeviceID":""}'
MOUNT_22 = b'{"Source":"m","Destination":"","Type":"","HostPath":"","BlockDeviceID":"","Options":null,"ReadOnly":false}'
MOUNT_SEED = MOUNT_17.replace(
    b',"ReadOnly":false,"BlockDeviceID":""', b',"BlockDeviceID":"","ReadOnly":false,"Mounted":false'
)


@pytest.mark.parametrize(
    ("layout", "process", "mount", "last"),
    [
        ("1.7-rc1", b"[" + PROCESS_17 + b"]", MOUNT_17, b'"BundlePath":"/b"}\n'),
        ("seed", b"[" + PROCESS_17 + b"]", MOUNT_SEED, b'"BundlePath":"/b"}\n'),
        ("1.7", PROCESS_17, MOUNT_17, b'"BundlePath":"/b"}\n'),
        ("2.2", PROCESS_22, MOUNT_22, b'"Mounts":[' + MOUNT_22 + b"]}\n"),
        ("3.28", PROCESS_22, MOUNT_22, b'"Mounts":[' + MOUNT_22 + b"]}\n"),
    ],
)
def test_the_order_of_keys(layout: str, process: bytes, mount: bytes, last: bytes) -> None:
    """Each layout's keys are in the order in which its Go structs have them."""
    record = ContainerState(bundle_path="/b", processes=[Process(token="t", pid=7)], mounts=[Mount(source="m")])
    data = encode_container(record, layout)
    assert b'"Process":' + process in data
    assert b'"Mounts":[' + mount + b"]" in data
    assert data.startswith(b'{"State":"",')
    assert data.endswith(last)
    assert decode_container(data)[1] == Origin(layout=layout if layout != "3.28" else "2.2")


def test_too_many_values_as_kata_writes_them() -> None:
    """A file of more values than a runtime's state can have is refused, also where it is exactly as Kata writes it."""
    data = PLAIN.replace(b'"nosuid"', b",".join([b'""'] * MAX_VALUES))
    with pytest.raises(DamagedFile, match=f"more than {MAX_VALUES}: too many"):
        decode_container(data)


def test_odd_files_of_containers() -> None:
    """A rootfs that is null tells nothing of the layout, and a file with a container's keys is a container's."""
    assert decode_container(b'{"Process":[],"Rootfs":null,"Mounts":[null]}')[1].layout == "1.7-rc1"
    for key in ("Process", "Rootfs"):
        assert decode_container(f'{{"SandboxContainer":"s","{key}":{{}}}}'.encode())[0] == ContainerState()
