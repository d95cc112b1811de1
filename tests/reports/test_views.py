"""The reporting views."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import ContainerRepository, Database
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState
from persistdb.reports import readonly
from persistdb.schema import views

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

# times of writing, and numbers that engines give
WRITTEN = {"created_at", "updated_at", "at", "valid_from", "horizon", "id", "last_event_id"}


def rows(database: Database, view: str) -> list[dict[str, Any]]:
    """Return all rows of a view, in one order, without the timestamps of their writing."""
    answer = readonly.read(database, f"SELECT * FROM {view}")
    every = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    kept = [{name: value for name, value in row.items() if name not in WRITTEN} for row in every]
    return sorted(kept, key=lambda row: [str(row.get(key)) for key in ("host", "sid", "cid", "position")])


def one(database: Database, view: str, **key: object) -> Mapping[str, Any]:
    """Return the one row of a view with these values."""
    (only,) = [row for row in rows(database, view) if all(row[name] == value for name, value in key.items())]
    return only


def test_same_on_all_engines(databases: list[Database]) -> None:
    """Columns, their order and all rows of each view are the same on the three engines, with the same types."""
    for view in views.NAMES:
        first, *others = [readonly.read(database, f"SELECT * FROM {view}") for database in databases]
        for other in others:
            assert other.columns == first.columns
        first_rows, *other_rows = [rows(database, view) for database in databases]
        assert first_rows
        for each in other_rows:
            assert each == first_rows
            assert [list(map(type, row.values())) for row in each] == [
                list(map(type, row.values())) for row in first_rows
            ]


def test_views_can_be_created_again(database: Database) -> None:
    """The statements that drop and create the views leave them as they were, also after an interruption."""
    before = {view: rows(database, view) for view in views.NAMES}
    with database.writer.begin() as connection:
        for statement in (*views.removal(database.backend), *views.removal(database.backend)):
            connection.exec_driver_sql(statement)
        for statement in views.creation(database.backend):
            connection.exec_driver_sql(statement)
    assert {view: rows(database, view) for view in views.NAMES} == before


def test_sandbox(database: Database) -> None:
    """A sandbox has the numbers of its containers, mounts, devices and processes."""
    row = one(database, "sandboxes", sid="pod-1")
    assert row["has_document"] is True
    names = ("containers", "running", "mounts", "devices", "processes")
    assert [row[name] for name in names] == [4, 2, 4 + 7, 4, 5]
    assert one(database, "sandboxes", sid="pod-2")["has_document"] is False


def test_revision_of_a_sandbox(database: Database) -> None:
    """A sandbox's revision is the repository's, and grows with each change of the sandbox or of a container."""
    repository = ContainerRepository(database, host="node-1")
    repository.save_sandbox(SandboxState(sid="grows"), {"a": ContainerState(state="running")})

    def shown() -> list[int]:
        return [one(database, "sandboxes", sid="grows")["revision"], repository.load_sandbox("grows").revision]

    seen = [shown()]
    for change in (
        lambda: repository.save("grows", "b", ContainerState()),
        lambda: repository.transition("grows", "a", "stopped", expected="running"),
        lambda: repository.save("grows", "a", ContainerState(bundle_path="/b")),
        lambda: repository.delete("grows", "a"),
    ):
        change()
        seen.append(shown())
    assert [in_view for in_view, _ in seen] == [loaded for _, loaded in seen] == [1, 2, 3, 4, 5]
    repository.destroy_sandbox("grows")


def test_container(database: Database) -> None:
    """A container has its root file system and its first process in its row."""
    row = one(database, "containers", cid="web")
    assert (row["rootfs_type"], row["rootfs_device"], row["rootfs_mounted"]) == ("xfs", "blk", True)
    assert (row["token"], row["pid"], row["is_sandbox"]) == ("web", 4021, False)
    assert row["started_at"] == datetime(2026, 1, 31, 10, 30, 1, 123456, tzinfo=UTC)
    assert [row[name] for name in ("mounts", "devices", "processes")] == [7, 3, 2]
    never = one(database, "containers", cid="only")
    assert (never["token"], never["pid"], never["started_at"]) == (None, None, None)
    assert one(database, "containers", cid="pod-1")["is_sandbox"] is True


def test_bundle_path(database: Database) -> None:
    """The bundle path is the container's own, else the one in the sandbox's file, by its new or its old name."""
    paths = {row["cid"]: row["bundle_path"] for row in rows(database, "containers")}
    assert paths == {
        "pod-1": "/bundles/pause",
        "web": "/bundles/web",
        "gone": "/bundles/gone",
        "new": "",
        "only": "",
        "pod-3": "/bundles/old",
    }


def test_mount_options(database: Database) -> None:
    """An option counts only as a whole word in lower case; the flag makes a mount read-only, too."""
    mounts = {row["destination"]: row for row in rows(database, "mounts") if row["cid"] == "web"}
    assert {path for path, row in mounts.items() if row["read_only"]} == {"/data", "/o"}
    assert {path for path, row in mounts.items() if row["is_bind"]} == {"/data", "/logs", "/all", "/o"}
    assert {path for path, row in mounts.items() if row["nosuid"] and row["nodev"] and row["noexec"]} == {"/proc"}
    assert mounts["/proc"]["options"] == '["nosuid","noexec","nodev"]'
    assert mounts["/x"]["options"] is None


def test_process(database: Database) -> None:
    """A process has its start in UTC, and a pid on the host only if it is one."""
    processes = [row for row in rows(database, "processes") if row["cid"] == "web"]
    assert [row["is_init"] for row in processes] == [True, False]
    assert [row["host_pid"] for row in processes] == [4021, None]
    assert [row["started_at"] for row in processes] == [datetime(2026, 1, 31, 10, 30, 1, 123456, tzinfo=UTC), None]
    assert [row["utc_offset"] for row in processes] == [120, None]
    assert one(database, "processes", cid="pod-1")["host_pid"] is None


def test_sandbox_devices(database: Database) -> None:
    """Kata's devices have its counts, or 2**63 - 1 for greater ones, and the numbers of their users."""
    devices = {row["device_id"]: row for row in rows(database, "sandbox_devices")}
    assert list(devices) == ["blk", "fuse", "tty", "idle", "huge", "old"]
    assert [devices["blk"][name] for name in ("type", "kind", "major", "minor")] == ["block", "block", 253, 7]
    assert [devices["blk"][name] for name in ("host_path", "maps", "block_mounts")] == ["/dev/dm-7", 0, 2]
    assert (devices["fuse"]["ref_count"], devices["fuse"]["maps"]) == (2, 2)
    assert devices["huge"]["ref_count"] == devices["huge"]["attach_count"] == 2**63 - 1
    assert [row["kind"] for row in devices.values()] == ["block", "char", "char", "char", "fifo", "block"]
    assert (devices["old"]["major"], devices["old"]["minor"], devices["old"]["block_mounts"]) == (8, None, 1)


def test_the_host_s_device(store_url: str) -> None:
    """A device's numbers are told alike, of Kata by the sandbox's list, of others by its ID; a file has none."""
    devices = [
        fleet.device("fuse", DevType="u", Major=10, Minor=229),
        fleet.device("disk", DevType="b", Major=8, Minor=16),
        fleet.device("none", Major=None),
        fleet.device("file", DevType="b", Major=-1, Minor=0),
        fleet.device("zero", Major=0, Minor=0),
        fleet.device("fifo", DevType="p", Major=10, Minor=1),
    ]
    without = ("none", "file", "zero", "fifo", "unknown", "", "p 0:0", "c 0:0", "b -1:0")
    ids = ("fuse", "disk", *without, "c 10:229", "u 1:2", "b 8:16", "b 259:1")
    state = ContainerState(device_maps=[DeviceMap(id=device) for device in ids])
    with Database(store_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(SandboxState(sid="s", document=fleet.document(devices)), {"c": state})
        expected = dict.fromkeys(ids) | {"fuse": "c 10:229", "disk": "b 8:16"}
        expected |= {"c 10:229": "c 10:229", "u 1:2": "c 1:2", "b 8:16": "b 8:16", "b 259:1": "b 259:1"}
        for view in ("devices", "devices_over_time"):
            assert {row["device_id"]: row["host_device"] for row in rows(database, view)} == expected
        listed = {row["device_id"]: row["host_device"] for row in rows(database, "sandbox_devices")}
        assert listed == {name: expected[name] for name in ids[: len(devices)]}
        repository.destroy_sandbox("s")
        expected |= {"fuse": None, "disk": None}
        assert {row["device_id"]: row["host_device"] for row in rows(database, "devices_over_time")} == expected


def test_virtual_machines(database: Database) -> None:
    """A sandbox has the processes of its virtual machine; one whose file does not tell them has none."""
    names = ("hypervisor_pid", "hypervisor_path", "virtiofsd_pid", "netns_path")
    machines = {row["sid"]: [row[name] for name in names] for row in rows(database, "sandboxes")}
    assert machines["pod-1"] == [4711, None, 4712, "/var/run/netns/pod-1"]
    assert machines["pod-2"] == machines["pod-3"] == [None] * 4


def test_history_bounds(database: Database) -> None:
    """How far the past is kept is one row, with the greatest number of any event."""
    ((seconds, horizon, number),) = readonly.read(
        database, "SELECT retention_seconds, horizon, last_event_id FROM history_bounds"
    ).rows
    assert seconds == 30 * 24 * 3600
    assert isinstance(horizon, datetime)
    ((last,),) = readonly.read(database, "SELECT coalesce(max(id), 0) FROM events").rows
    assert number == last


def test_vfio_devices(database: Database) -> None:
    """A device of Kata's may be several host devices, whose addresses have their domains."""
    first, second = rows(database, "vfio_devices")
    assert [first[name] for name in ("host", "sid", "state", "position", "device_id", "number", "bdf")] == [
        *("node-1", "pod-1", "running", 5, "huge", 1, "0000:3b:00.0")
    ]
    assert first["sysfs_dev"] == "/sys/bus/pci/devices/0000:3b:00.0"
    assert [second[name] for name in ("number", "bdf", "sysfs_dev")] == [2, "0000:3b:00.1", ""]


MODES = [
    *(1 << bit for bit in range(32)),
    *(kind | 0o7531 for kind in (0o10000, 0o20000, 0o40000, 0o60000, 0o100000, 0o120000, 0o140000, 0o30000)),
    *(1 << bit | 0o642 | special for bit in (31, 27, 26, 25, 24, 21, 19) for special in (0, 7 << 20, 1 << 20, 1 << 23)),
    *(0, 438, 8630, 69206432, 4294967295, 0o177777, 0o7777),
]
_KINDS = {
    "block": stat.S_IFBLK,
    "char": stat.S_IFCHR,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "directory": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "regular": stat.S_IFREG,
}


def test_modes(store_url: str) -> None:
    """Modes of Go and of POSIX are decoded as the records decode them, and formatted as by ls."""
    maps = [DeviceMap(id=str(mode), file_mode=mode) for mode in MODES]
    with Database(store_url) as database:
        ContainerRepository(database, host="h").save_sandbox(
            SandboxState(sid="s"), {"c": ContainerState(device_maps=maps)}
        )
        decoded = rows(database, "devices")
    for row, device in zip(sorted(decoded, key=lambda row: row["position"]), maps, strict=True):
        assert row["permissions"] == f"{device.permissions:04o}"
        assert row["kind"] == device.kind
        shown = stat.filemode(_KINDS.get(device.kind or "", 0) | device.permissions)
        assert row["mode"] == ("?" + shown[1:] if device.kind in (None, "irregular") else shown)


ODD = [
    "",
    "null",
    "[]",
    "7",
    '"text"',
    "{",
    "{} and more",
    "{'Devices': []}",
    '{"Devices": null, "Config": null}',
    '{"Devices": {"ID": "a"}, "Config": []}',
    '{"Devices": "a", "Config": {"ContainerConfigs": {"ID": "c"}}}',
    '{"Devices": [null, 1, "a", [], {}, [{"ID": "a"}]], "Config": {"ContainerConfigs": [null, 1, "c", []]}}',
    '{"Devices": [{"ID": null, "RefCount": null, "BlockDrive": []}]}',
    '{"Devices": [{"ID": "a", "RefCount": "x", "AttachCount": 1.5, "Major": true, "Minor": []}]}',
    '{"Devices": [{"ID": "a", "Type": {}, "BlockDrive": {"File": {}}}]}',
    '{"Devices": [{"ID": "a", "RefCount": 18446744073709551615, "AttachCount": -99999999999999999999999999999999}]}',
    '{"Config": {"ContainerConfigs": [{"ID": "c", "Annotations": {"io.katacontainers.pkg.oci.bundle_path": null}}]}}',
    '{"Config": {"ContainerConfigs": [{"ID": "c", "Annotations": []}]}}',
    '{"state.json": {"state": "running"}, "devices.json": null}',
    '{"Devices": [{"ID": "\\u0000a", "Type": "\\\\u0000"}]}',
    '{"Devices": [{"ID": "\\ud800"}]}',
    "[" * 2000,
]


@pytest.mark.parametrize("text", ODD)
def test_odd_documents(store_url: str, text: str) -> None:
    """A sandbox file that is not JSON, or not Kata's JSON, makes no view fail, and hides no other row."""
    with Database(store_url) as database:
        repository = ContainerRepository(database, host="h")
        state = ContainerState(device_maps=[DeviceMap(id="a")], mounts=[Mount(block_device_id="a")])
        repository.save_sandbox(SandboxState(sid="odd", document=text), {"c": state})
        known = SandboxState(sid="plain", document=fleet.document([fleet.device("a")]))
        repository.save_sandbox(known, {"c": state})
        by_view = {view: rows(database, view) for view in views.NAMES}
    assert [row["bundle_path"] for row in by_view["containers"]] == ["", ""]
    assert len(by_view["devices"]) == 2
    assert [row["maps"] for row in by_view["sandbox_devices"] if row["sid"] == "plain"] == [1]


def test_odd_documents_are_alike(sqlite_url: str, postgresql_url: str, mariadb_url: str) -> None:
    """JSON that Kata would not write has the same result on the three engines."""
    answers = []
    for url in (sqlite_url, postgresql_url, mariadb_url):
        with Database(url) as database:
            repository = ContainerRepository(database, host="h")
            for i, text in enumerate(ODD[:-3]):
                repository.save_sandbox(SandboxState(sid=f"{i:02}", document=text), {"c": ContainerState()})
            answers.append([rows(database, view) for view in ("sandboxes", "containers", "sandbox_devices")])
    assert answers[0] == answers[1] == answers[2]
