"""Records as rows: each value in its column, and fields that match the columns of the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from whenever import OffsetDateTime, TimeDelta

from persistdb.annotations import Names
from persistdb.errors import InvalidValue
from persistdb.records import ContainerState, Mount, Origin, Process, SandboxState
from persistdb.schema import tables
from persistdb.store import encoding, record_rows
from persistdb.store.rows import (
    NO_CHILDREN,
    ChildRows,
    ContainerChange,
    ContainerKey,
    ContainerRow,
    DeviceMapRow,
    MountRow,
    ProcessRow,
    Row,
    SandboxChange,
    SandboxKey,
    SandboxRow,
    TokenRow,
)
from persistdb.virtual_machines import UNKNOWN, VirtualMachine
from tests.runtimes.kata.strategies import RECORDS

from .samples import SANDBOX, STARTED, container
from .stored import BEFORE, NOW, device_map, mount, process

replace = msgspec.structs.replace

WEB = container("web")


def children(record: ContainerState, old: ContainerState | None = None) -> ChildRows:
    """Return the rows of the children of container 11 in sandbox 1."""
    return record_rows.children(11, 1, record, old)


# --- each record


def test_a_new_sandbox() -> None:
    """A new sandbox's row has its values, its number, and the same time for both timestamps."""
    assert record_rows.sandbox_row("node-1", SANDBOX, -3, NOW) == SandboxRow(
        host="node-1",
        sid="pod-1",
        state="running",
        persist_version=2,
        cgroup_path="/kubepods/pod1",
        layout="2.2",
        document=SANDBOX.document,
        **UNKNOWN._asdict(),
        revision=-3,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_changed_sandbox() -> None:
    """A sandbox's change has the row's ID, the revision and the time that were read, and the new one."""
    record = SandboxState(sid="pod-1", state="stopped", cgroup_path="/c")
    assert record_rows.sandbox_change(1, -3, record, NOW, new_revision=-4, read_at=BEFORE) == SandboxChange(
        id=1,
        revision=-3,
        state="stopped",
        persist_version=None,
        cgroup_path="/c",
        layout="",
        document=None,
        updated_at=NOW,
        new_revision=-4,
        read_at=BEFORE,
    )


@pytest.mark.parametrize(("id_", "sandbox_id"), [(None, None), (None, 1), (11, 1)])
def test_a_new_container(id_: int | None, sandbox_id: int | None) -> None:
    """A new container's row has its values, its origin, and the IDs as far as they are known."""
    origin = Origin(layout="2.2", extra='{"New":1}', document="{}", namespace="k8s.io")
    names = Names("default/web", "0a9b", "web", "nginx")
    assert record_rows.container_row(id_, sandbox_id, "web", WEB, origin, 4, BEFORE, NOW, names) == ContainerRow(
        id=id_,
        sandbox_id=sandbox_id,
        cid="web",
        state="running",
        cgroup_path=WEB.cgroup_path,
        bundle_path=WEB.bundle_path,
        layout="2.2",
        extra='{"New":1}',
        document="{}",
        namespace="k8s.io",
        runtime="kata",
        pod="default/web",
        pod_uid="0a9b",
        container_name="web",
        image="nginx",
        revision=4,
        created_at=BEFORE,
        updated_at=NOW,
    )


def test_a_changed_container() -> None:
    """A container's change has the row's ID and the revision that was read."""
    origin = Origin(layout="runc", extra="{}")
    assert record_rows.container_change(11, 4, WEB, origin, NOW) == ContainerChange(
        id=11,
        revision=4,
        state="running",
        cgroup_path=WEB.cgroup_path,
        bundle_path=WEB.bundle_path,
        layout="runc",
        extra="{}",
        document=None,
        namespace="",
        runtime="runc",
        updated_at=NOW,
    )


def test_children() -> None:
    """Children are keyed by position: the rootfs is the mount at 0, and the others follow in order."""
    assert children(WEB) == ChildRows(
        [
            MountRow(11, 0, True, "/dev/vda", "", "ext4", None, "", "drive-1", False, True, 0),
            MountRow(11, 1, False, "proc", "/proc", "proc", '["nosuid","noexec"]', "", "", False, False, 0),
            MountRow(11, 2, False, "/var/lib/data", "/data", "bind", "[]", "/srv/data", "", False, False, 0),
            MountRow(11, 3, False, "tmpfs", "/tmp", "tmpfs", None, "", "", True, False, 0),
        ],
        [
            DeviceMapRow(11, 0, "drive-1", "/dev/xvda", 0o60660, 0, 6, False, 0),
            DeviceMapRow(11, 1, "vfio-7", "/dev/vfio/7", 4294967295, 4294967295, 0, True, 0),
        ],
        [ProcessRow(11, 0, 1, "web", 4242, "2026-03-14 09:24:26.535897", 932, 345, 0)],
    )


def test_no_token_is_null() -> None:
    """An empty token is NULL, so that many processes may have none."""
    (row,) = children(ContainerState(processes=[Process(pid=-1)])).processes
    assert row == ProcessRow(11, 0, 1, None, -1, None, None, None, 0)


def test_children_that_differ() -> None:
    """With an old record, only the children that differ at their position have rows."""
    assert children(WEB, container("web")) == ChildRows([], [], [])
    new = replace(
        WEB,
        mounts=[WEB.mounts[0], Mount(), WEB.mounts[2], Mount(type="more")],
        device_maps=list(reversed(WEB.device_maps)),
        processes=[*WEB.processes, Process()],
    )
    one = children(new, WEB)
    assert [(row.position, row.type) for row in one.mounts] == [(2, ""), (4, "more")]
    assert [(row.position, row.device_id) for row in one.device_maps] == [(0, "vfio-7"), (1, "drive-1")]
    assert [row.position for row in one.processes] == [1]
    assert [row.position for row in children(replace(WEB, rootfs=Mount()), WEB).mounts] == [0]


def test_children_with_an_empty_old_record() -> None:
    """With an old record of empty lists, every child has a row."""
    one = children(WEB, ContainerState(rootfs=WEB.rootfs))
    assert [len(each) for each in one] == [3, 2, 1]


def test_joined() -> None:
    """The children of several containers are joined table by table, in order."""
    one, other = record_rows.children(11, 1, WEB), record_rows.children(12, 1, container("db"))
    assert record_rows.joined([one, NO_CHILDREN, other]) == ChildRows(
        (*one.mounts, *other.mounts), (*one.device_maps, *other.device_maps), (*one.processes, *other.processes)
    )
    assert record_rows.joined([]) == NO_CHILDREN


@given(RECORDS)
def test_no_child_is_lost(record: ContainerState) -> None:
    """The children of any record can be rebuilt from their rows."""
    one = children(record)
    assert [mount(row) for row in one.mounts] == [record.rootfs, *record.mounts]
    assert [row.is_rootfs for row in one.mounts] == [True] + [False] * len(record.mounts)
    assert [device_map(row) for row in one.device_maps] == record.device_maps
    assert [process(row) for row in one.processes] == record.processes
    assert [row.position for each in one for row in each] == [i for each in one for i in range(len(each))]


# --- start times


@pytest.mark.parametrize(
    ("start", "text", "nanoseconds", "minutes"),
    [
        ("2026-03-14T15:09:26.535897932+05:45", "2026-03-14 09:24:26.535897", 932, 345),
        ("2026-03-14T15:09:26.535897932Z", "2026-03-14 15:09:26.535897", 932, 0),
        ("2026-03-14T15:09:26.000000001-07:00", "2026-03-14 22:09:26.000000", 1, -420),
        ("2026-03-14T15:09:26.000001-23:59", "2026-03-15 15:08:26.000001", 0, -1439),
        ("2026-03-14T15:09:26+23:59", "2026-03-13 15:10:26.000000", 0, 1439),
        ("2026-01-01T00:00:00.999999999+00:01", "2025-12-31 23:59:00.999999", 999, 1),
        ("0001-01-01T00:00:00.000001Z", "0001-01-01 00:00:00.000001", 0, 0),
        ("0009-08-07T06:05:04Z", "0009-08-07 06:05:04.000000", 0, 0),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31 23:59:59.999999", 999, 0),
    ],
)
def test_a_start_time(start: str, text: str, nanoseconds: int, minutes: int) -> None:
    """A start time is split into UTC to the microsecond, the rest of the nanoseconds, and the offset in minutes."""
    record = ContainerState(processes=[Process(start_time=OffsetDateTime.parse_iso(start))])
    (row,) = children(record).processes
    assert (row.start_time, row.start_time_ns, row.start_time_offset) == (text, nanoseconds, minutes)


@pytest.mark.parametrize("seconds", [1, 59, -30, 3601])
def test_an_offset_with_seconds(seconds: int) -> None:
    """An offset that is no whole number of minutes, which RFC 3339 does not have either, is refused."""
    start = STARTED.to_fixed_offset(TimeDelta(seconds=seconds))
    with pytest.raises(InvalidValue, match="whole minutes") as caught:
        children(ContainerState(processes=[Process(start_time=start)]))
    assert (caught.value.field, caught.value.value) == ("start_time", start)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 3, 14, 15, 9, tzinfo=UTC), "2026-03-14 15:09:00.000000"),
        (datetime(2026, 3, 14, 15, 9, 1, 5, tzinfo=timezone(timedelta(hours=2))), "2026-03-14 13:09:01.000005"),
    ],
)
def test_a_timestamp(time: datetime, text: str) -> None:
    """A timestamp is written in UTC with six digits, so that texts compare as times do."""
    assert encoding.utc_text(time) == text


# --- the columns of the tables


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (ContainerRow, tables.Container),
        (MountRow, tables.Mount),
        (DeviceMapRow, tables.DeviceMap),
        (ProcessRow, tables.Process),
    ],
)
def test_inserts_have_all_columns(kind: type[Row], table: type[tables.Base]) -> None:
    """A row that is inserted with its key has all columns of the table, in order."""
    assert list(kind.__struct_fields__) == [column.name for column in table.__table__.c]


def test_a_new_sandbox_has_all_columns_but_its_id() -> None:
    """A new sandbox's row has all columns of the table, in order, but the ID, which the database assigns."""
    assert ["id", *SandboxRow.__struct_fields__] == [column.name for column in tables.Sandbox.__table__.c]


@pytest.mark.parametrize(
    ("kind", "table", "fixed"),
    [
        (SandboxChange, tables.Sandbox, {"host", "sid", "created_at", *VirtualMachine._fields}),
        (ContainerChange, tables.Container, {"sandbox_id", "cid", "created_at", *Names._fields}),
    ],
)
def test_changes_have_all_columns_that_change(kind: type[Row], table: type[tables.Base], fixed: set[str]) -> None:
    """A change has every column of its table but the keys and created_at, which never change, and what is derived."""
    fields = set(kind.__struct_fields__) - {"new_revision", "read_at"}
    assert fields == {column.name for column in table.__table__.c} - fixed
    assert kind.__struct_fields__[:2] == ("id", "revision")


@pytest.mark.parametrize(
    ("kind", "table"),
    [(SandboxKey, tables.Sandbox), (ContainerKey, tables.Container), (TokenRow, tables.Process)],
)
def test_keys_are_columns(kind: type[Row], table: type[tables.Base]) -> None:
    """The fields of a key are columns of its table."""
    assert set(kind.__struct_fields__) <= {column.name for column in table.__table__.c}
