"""Values that no column can hold are refused by name, and rows are encoded as plain JSON."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from persistdb.errors import InvalidValue
from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from persistdb.store import encoding, record_rows
from persistdb.store.rows import ChildRows, ContainerKey, SandboxKey, TokenRow

from .samples import SANDBOX, container
from .stored import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb.store.encoding import Row

replace = msgspec.structs.replace

WEB = container("web")


class Name(StrEnum):
    WEB = "web"


class Number(IntEnum):
    SEVEN = 7


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not what it holds"


class Whole(int):
    def __repr__(self) -> str:
        return "not what it holds"


def children(record: ContainerState) -> ChildRows:
    """Return the rows of the children of container 11 in sandbox 1."""
    return record_rows.children(11, 1, record)


# --- refused values


def refused(make: Callable[[], object]) -> InvalidValue:
    """Return the InvalidValue that a call raises."""
    with pytest.raises(InvalidValue) as caught:
        make()
    assert str(caught.value)
    return caught.value


def column(error: InvalidValue) -> str:
    """Return the column that an error names, without what comes before it."""
    return error.field.rpartition(": ")[2]


UINT32 = [-1, 1 << 32, True, 1.0, "1", None]
MOUNTS: list[tuple[str, Any]] = [
    *((name, 7) for name in ("source", "type", "host_path", "block_device_id")),
    ("source", None),
    ("type", b"bytes"),
    *((name, value) for name in ("read_only", "mounted") for value in (1, None, "yes")),
]


@pytest.mark.parametrize(("name", "value"), MOUNTS)
@pytest.mark.parametrize("is_rootfs", [True, False])
def test_a_mount_that_is_refused(name: str, value: object, is_rootfs: bool) -> None:
    """A mount's value that its column can't hold is refused; the error names the mount and the column."""
    bad = replace(Mount(destination="/data"), **{name: value})
    record = ContainerState(rootfs=bad) if is_rootfs else ContainerState(mounts=[Mount(), bad])
    error = refused(lambda: children(record))
    assert (error.field, error.value) == (f"mount '/data': {name}", value)


def test_a_destination_that_is_refused() -> None:
    """A destination that is not text is refused, and the mount is named by that value."""
    error = refused(lambda: children(ContainerState(mounts=[Mount(destination=7)])))  # type: ignore[arg-type]  # refused
    assert (error.field, error.value) == ("mount 7: destination", 7)


@pytest.mark.parametrize(
    ("options", "value"),
    [("ro", "ro"), (("ro",), ("ro",)), ({}, {}), (0, 0), (["ro", 7], 7), ([None], None), ([["ro"]], ["ro"])],
)
def test_options_that_are_refused(options: Any, value: object) -> None:
    """Options that are no list of texts are refused, with the value that is not text."""
    error = refused(lambda: children(ContainerState(mounts=[Mount(options=options)])))
    assert (column(error), error.value) == ("options", value)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("id", "device_id", 7),
        ("container_path", "container_path", None),
        *((name, name, value) for name in ("file_mode", "uid", "gid") for value in UINT32),
        *(("shared", "shared", value) for value in (0, None, "")),
    ],
)
def test_a_device_that_is_refused(name: str, column: str, value: object) -> None:
    """A device's value that its column can't hold is refused; the error names the device and the column."""
    bad = replace(DeviceMap(id="vfio-7"), **{name: value})
    error = refused(lambda: children(ContainerState(device_maps=[DeviceMap(), bad])))
    device = repr(value) if name == "id" else "'vfio-7'"
    assert (error.field, error.value) == (f"device map {device}: {column}", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", 7),
        ("token", None),
        ("token", 0),
        ("token", "t" * 513),
        *(("pid", value) for value in (1 << 63, -(1 << 63) - 1, True, 1.0, "1", None)),
        ("start_time", "2026-03-14T15:09:26Z"),
        ("start_time", datetime(2026, 3, 14)),  # noqa: DTZ001  without a zone
    ],
)
def test_a_process_that_is_refused(name: str, value: object) -> None:
    """A process's value that its column can't hold is refused; the error names the column."""
    error = refused(lambda: children(ContainerState(processes=[replace(Process(), **{name: value})])))
    assert (column(error), error.value) == (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", 7), ("state", "x" * 256), ("state", None), ("cgroup_path", 7), ("bundle_path", None)],
)
def test_a_container_that_is_refused(name: str, value: object) -> None:
    """A container's own value that its column can't hold is refused, for a new row and for a change."""
    record = replace(WEB, **{name: value})
    for make in (
        lambda: record_rows.container_row(None, 1, "web", record, Origin(), 1, NOW, NOW),
        lambda: record_rows.container_change(11, 1, record, Origin(), NOW),
        lambda: record_rows.check_container("web", record, Origin()),
    ):
        error = refused(make)
        assert (column(error), error.value) == (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", 7),
        ("layout", "x" * 256),
        ("document", 7),
        ("extra", {}),
        ("extra", "[]"),
        ("extra", "{"),
    ],
)
def test_an_origin_that_is_refused(name: str, value: Any) -> None:
    """An origin's value that its column can't hold is refused; the error names the column."""
    error = refused(lambda: record_rows.container_change(11, 1, WEB, Origin(**{name: value}), NOW))
    assert (column(error), error.value) == (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("persist_version", value) for value in (1 << 31, -(1 << 31) - 1, "2", True)),
        ("state", "x" * 256),
        ("state", None),
        ("cgroup_path", 7),
        ("layout", "x" * 256),
        ("document", b"{}"),
    ],
)
def test_a_sandbox_that_is_refused(name: str, value: object) -> None:
    """A sandbox's value that its column can't hold is refused, for a new row and for a change."""
    record = replace(SANDBOX, **{name: value})
    for make in (
        lambda: record_rows.sandbox_row("node-1", record, 1, NOW),
        lambda: record_rows.sandbox_change(1, 1, record, NOW, new_revision=2, read_at=NOW),
        lambda: record_rows.check_sandbox(record),
    ):
        error = refused(make)
        assert (column(error), error.value) == (name, value)


@pytest.mark.parametrize("sid", [".x", 7, "x" * 256, "é" * 128])
def test_a_sandbox_with_an_invalid_id(sid: Any) -> None:
    """A new sandbox with an invalid ID is refused; one that is stored can change, whatever its ID."""
    record = replace(SANDBOX, sid=sid)
    for make in (lambda: record_rows.sandbox_row("node-1", record, 1, NOW), lambda: record_rows.check_sandbox(record)):
        error = refused(make)
        assert (column(error), error.value) == ("sid", sid)
    record_rows.sandbox_change(1, 1, record, NOW, new_revision=2, read_at=NOW)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ContainerState(processes=[Process(token="t" * 513)]), "longer than 512 characters"),
        (ContainerState(processes=[Process(pid=1 << 63)]), "not a signed 64-bit number"),
        (ContainerState(device_maps=[DeviceMap(uid=-1)]), "not an unsigned 32-bit number"),
        (ContainerState(device_maps=[DeviceMap(uid=True)]), "must be of type int, not bool"),
        (ContainerState(mounts=[replace(Mount(), read_only=1)]), "must be of type bool, not int"),
        (ContainerState(mounts=[replace(Mount(), source=None)]), "must be of type str, not NoneType"),
    ],
)
def test_why_a_child_is_refused(record: ContainerState, reason: str) -> None:
    """The error says what the column holds, or the type that it takes."""
    assert refused(lambda: children(record)).reason == reason


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("state", "x" * 256, "longer than 255 characters"),
        ("persist_version", 1 << 31, "not a signed 32-bit number"),
        ("persist_version", "2", "must be of type int, not str"),
    ],
)
def test_why_a_sandbox_is_refused(name: str, value: object, reason: str) -> None:
    """The error says what the column holds, or the type that it takes; a column may also be empty."""
    assert refused(lambda: record_rows.check_sandbox(replace(SANDBOX, **{name: value}))).reason == reason


class Other(msgspec.Struct):
    """A struct that is not a record, with some of a record's attributes."""

    options: None = None
    token: str = ""
    sid: str = "pod-1"


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("mount", lambda other: children(ContainerState(rootfs=other))),
        ("mount", lambda other: children(ContainerState(mounts=[other]))),
        ("device map", lambda other: children(ContainerState(device_maps=[other]))),
        ("process", lambda other: children(ContainerState(processes=[other]))),
        ("origin", lambda other: record_rows.container_change(11, 1, WEB, other, NOW)),
        ("record", lambda other: record_rows.sandbox_row("node-1", other, 1, NOW)),
    ],
)
def test_other_records(field: str, make: Callable[[Any], object]) -> None:
    """An object of another class is refused, even with the attributes of a record."""
    assert refused(lambda: make(Other())).field == field


@pytest.mark.parametrize("uint32", [0, (1 << 32) - 1])
@pytest.mark.parametrize("pid", [-(1 << 63), -1, 0, (1 << 63) - 1])
def test_numbers_at_the_edge(uint32: int, pid: int) -> None:
    """The smallest and the greatest numbers and the longest texts are accepted."""
    record = ContainerState(
        device_maps=[DeviceMap(file_mode=uint32, uid=uint32, gid=uint32)], processes=[Process(pid=pid, token="t" * 512)]
    )
    _, (device,), (one,) = children(record)
    assert (device.file_mode, device.uid, device.gid, one.pid, one.token) == (uint32, uint32, uint32, pid, "t" * 512)
    for version in (-(1 << 31), (1 << 31) - 1):
        row = record_rows.sandbox_row(
            "h", SandboxState(sid="s" * 255, persist_version=version, state="x" * 255), 1, NOW
        )
        assert (row.persist_version, len(row.sid), len(row.state)) == (version, 255, 255)


# --- as parameters


def encoded(row: Row) -> list[Any]:
    """Return the values of a row as the database gets them."""
    (values,) = msgspec.json.decode(encoding.encode([row]), type=list[list[Any]])
    return values


@pytest.mark.parametrize(
    "row",
    [*children(WEB).mounts, *children(WEB).device_maps, *children(WEB).processes, ContainerKey(1, -2), TokenRow("t")],
)
def test_a_row_is_an_array(row: Row) -> None:
    """A row is encoded as an array of its values, in the order of its fields."""
    assert encoded(row) == list(msgspec.structs.astuple(row))
    assert encoding.encode([row, row]) == f"[{encoding.encode([row])[1:-1]},{encoding.encode([row])[1:-1]}]"
    assert encoding.encode([]) == "[]"


@pytest.mark.parametrize("text", [Name.WEB, Text("web"), "web"])
@pytest.mark.parametrize("number", [Number.SEVEN, Whole(7), 7])
def test_subclasses_become_plain(text: str, number: int) -> None:
    """Enums and other subclasses of str and int are encoded as plain values."""
    record = ContainerState(
        rootfs=Mount(source=text, destination=text, type=text, options=[text], host_path=text, block_device_id=text),
        device_maps=[DeviceMap(id=text, container_path=text, file_mode=number, uid=number, gid=number)],
        processes=[Process(token=text, pid=number)],
        state=text,
        cgroup_path=text,
        bundle_path=text,
    )
    (root,), (device,), (one,) = children(record)
    assert encoded(root) == [11, 0, True, "web", "web", "web", '["web"]', "web", "web", False, False, 0]
    assert encoded(device) == [11, 0, "web", "web", 7, 7, 7, False, 0]
    assert encoded(one) == [11, 0, 1, "web", 7, None, None, None, 0]
    own = record_rows.container_row(None, 1, text, record, Origin(layout=text, document=text), 1, NOW, NOW)
    assert encoded(own)[2:9] == ["web", "web", "web", "web", "web", None, "web"]
    sandbox = record_rows.sandbox_row(
        text, SandboxState(sid=text, state=text, persist_version=number, layout=text), 1, NOW
    )
    assert encoded(sandbox)[:6] == ["web", "web", "web", 7, "", "web"]


def test_subclasses_in_keys_become_plain() -> None:
    """Keys, which are built without a check, are encoded as plain values, too."""
    assert encoding.encode([SandboxKey(Name.WEB, Text("web")), TokenRow(Text("t"))]) == '[["web","web"],["t"]]'
    assert encoding.encode([ContainerKey(Number.SEVEN, Whole(-7))]) == "[[7,-7]]"


NOT_STORED = ["\0", "a\0b", "\ud800", "a\udfffb"]
LOOKALIKES = [
    "\\u0000",  # a backslash, then u0000
    "\\\\u0000",
    '["\\u0000',  # begins like JSON, but is not
    '"\\u0000"',  # JSON, but no list
    '["\\u0000"]',  # a list in JSON, but not in a column of lists
    "u0000",
    "\U0001f9ed\\u0000",
    "\U0001f9ed\ufffd\ufffe\x01\x7f",
]


def places(text: str) -> list[Row]:
    """Return rows that have a text in every column that can hold any text."""
    record = ContainerState(
        rootfs=Mount(source=text, destination=text, type=text, host_path=text, block_device_id=text),
        device_maps=[DeviceMap(id=text, container_path=text)],
        processes=[Process(token=text)],
        state=text,
        cgroup_path=text,
        bundle_path=text,
    )
    (root,), (device,), (one,) = children(record)
    own = record_rows.container_row(None, 1, text, record, Origin(layout=text, document=text), 1, NOW, NOW)
    given = SandboxState(sid="pod-1", state=text, cgroup_path=text, layout=text, document=text)
    return [root, device, one, own, record_rows.sandbox_row(text, given, 1, NOW), TokenRow(text), SandboxKey("h", text)]


@pytest.mark.parametrize("text", NOT_STORED)
def test_text_that_no_engine_holds(text: str) -> None:
    """A NUL and a lone surrogate are refused in every column, with the text and the column."""
    for row in places(text):
        assert refused(lambda: encoding.encode([TokenRow("a"), row])).value == text  # noqa: B023  run at once
        for name, value in zip(row.__struct_fields__, msgspec.structs.astuple(row), strict=True):
            if value == text:
                plain = {other: None for other in row.__struct_fields__ if other != name}
                error = refused(lambda: encoding.encode([replace(row, **plain)]))  # noqa: B023  run at once
                assert (error.value, column(error)) == (text, name)


@pytest.mark.parametrize("text", NOT_STORED)
def test_which_child_has_it(text: str) -> None:
    """The error names the mount, device map or process, too."""
    for record, place in (
        (ContainerState(mounts=[Mount(destination="/data", source=text)]), "mount '/data': source"),
        (ContainerState(device_maps=[DeviceMap(id="d", container_path=text)]), "device map 'd': container_path"),
        (ContainerState(processes=[Process(token=text)]), f"process {text!r}: token"),
    ):
        assert refused(lambda: record_rows.check_container("c", record, Origin())).field == place  # noqa: B023  run at once


@pytest.mark.parametrize("text", LOOKALIKES)
def test_text_that_looks_like_a_nul(text: str) -> None:
    """Text that only looks like an escaped NUL is accepted in every column."""
    for row in places(text):
        assert encoded(row) == list(msgspec.structs.astuple(row))


@pytest.mark.parametrize("text", NOT_STORED)
def test_options_that_no_engine_holds(text: str) -> None:
    """An option with a NUL or a lone surrogate is refused, although options are JSON within JSON."""
    for options in ([text], ["ro", f"x{text}"]):
        error = refused(lambda: encoding.encode(children(ContainerState(mounts=[Mount(options=options)])).mounts))  # noqa: B023
        assert column(error) == "options"


@pytest.mark.parametrize("text", LOOKALIKES)
def test_options_that_look_like_a_nul(text: str) -> None:
    """An option that only looks like an escaped NUL is accepted."""
    (root,) = children(ContainerState(rootfs=Mount(options=[text, "\\" + text]))).mounts
    assert msgspec.json.decode(encoded(root)[6]) == [text, "\\" + text]


@pytest.mark.parametrize("text", NOT_STORED)
def test_checks_ahead_of_a_save(text: str) -> None:
    """The checks ahead of a save refuse bad text in a record, its ID and its children, as the save would."""
    for name in ("state", "cgroup_path", "bundle_path"):
        refused(lambda: record_rows.check_container("c", replace(WEB, **{name: text}), Origin()))  # noqa: B023  run at once
    for record in (
        ContainerState(mounts=[Mount(options=[text])]),
        ContainerState(device_maps=[DeviceMap(id=text)]),
        ContainerState(processes=[Process(token=text)]),
    ):
        refused(lambda: record_rows.check_container("c", record, Origin()))  # noqa: B023  run at once
    refused(lambda: record_rows.check_container("c", WEB, Origin(document=text)))
    for cid in (text, ".x"):
        assert refused(lambda: record_rows.check_container(cid, WEB, Origin())).field == "cid"  # noqa: B023  run at once
    refused(lambda: record_rows.check_sandbox(SandboxState(sid="pod-1", document=text)))


def test_checks_that_pass() -> None:
    """The checks ahead of a save accept values that can be saved."""
    record_rows.check_container("web", WEB, Origin(extra="{}"))
    record_rows.check_sandbox(SANDBOX)
