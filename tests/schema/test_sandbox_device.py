"""Devices of sandboxes, and their virtual machines, are filled from documents, as a save fills those of new rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from persistdb import ContainerRepository, SandboxState
from persistdb.schema import migrate
from persistdb.schema.version import REVISIONS

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database

BEFORE = REVISIONS[REVISIONS.index("0017") - 1]
SYSFS = "/sys/bus/pci/devices"
LARGE = 2**64


def vfio(*devices: Any, **values: Any) -> dict[str, Any]:
    return {"ID": "v", "Type": "vfio", "DevType": "c", "RefCount": 1, "AttachCount": 1, "VFIODevs": devices, **values}


def _kata(*devices: Any, **values: Any) -> str:
    return json.dumps({"State": "running", "Devices": devices, **values})


DOCUMENTS = {
    "new": _kata(
        {"ID": "b", "Type": "block", "DevType": "b", "Major": 8, "Minor": 0, "BlockDrive": {"File": "/dev/sda"}},
        vfio(
            {"BDF": "3b:00.0", "SysfsDev": f"{SYSFS}/0000:3b:00.0"},
            {"BDF": "02:10.1", "SysfsDev": "/sys/devices/pci0000:d7/10000:02:10.1/f79944e4-5a3d-11e8-99ce"},
            {"BDF": "02:10.2", "SysfsDev": ""},
            {"BDF": "0001:02:10.3"},
            {"BDF": "", "SysfsDev": "/sys/devices/vfio_ap/matrix/uuid"},
            {"BDF": "a\u0000:\N{SNOWMAN}", "SysfsDev": f"/\N{SNOWMAN}/{'x' * 5000}/00ff:a\u0000:\N{SNOWMAN}"},
        ),
        HypervisorState={"Pid": 4711, "VirtiofsDaemonPid": 4712, "VirtiofsdPid": 1},
        Network={"NetworkID": "/var/run/netns/a", "NetNsPath": "/not/this"},
        Config={"HypervisorConfig": {"HypervisorPath": "/usr/bin/qemu"}},
    ),
    "renamed": _kata(
        HypervisorState={"Pid": 0, "VirtiofsdPid": 4713},
        Network={"NetworkID": "", "NetNsPath": "/var/run/netns/b"},
        Config={"HypervisorConfig": {"HypervisorPath": ""}},
    ),
    "old": json.dumps(
        {
            "devices.json": [
                {"Type": "vfio", "Data": {"ID": "o", "RefCount": 2, "VfioDevs": [{"BDF": "04:00.0"}]}},
                {"Type": "block", "Data": {"ID": "p", "DeviceInfo": {"DevType": "u", "Major": 1, "Minor": 2}}},
            ],
            "network.json": {"NetNsPath": "/var/run/netns/c"},
            "config.json": {"HypervisorConfig": {"HypervisorPath": "/usr/bin/firecracker"}},
        }
    ),
    "hostile": _kata(
        None,
        1,
        "text",
        [],
        {},
        {"ID": None, "DevType": "x", "RefCount": 1.5, "AttachCount": -LARGE, "Major": True, "Minor": []},
        {"ID": "n\0n", "BlockDrive": [], "RefCount": LARGE, "Major": 1e3, "Data": {"Minor": 3, "DeviceInfo": {}}},
        vfio(None, 1, [], {"BDF": None}, {"BDF": {}, "SysfsDev": []}),
        vfio(VFIODevs={"BDF": "00:00.0"}),
        HypervisorState=[],
        Network=None,
        Config={"HypervisorConfig": {"HypervisorPath": {}}},
    ),
    "wrong": _kata(HypervisorState={"Pid": "1", "VirtiofsdPid": 1.5}, Network={"NetworkID": 7, "NetNsPath": None}),
    "backslashes": _kata(vfio({"BDF": "a\\u0000:b\\\0c"}, {"BDF": "a\\\\u0000:b\\"})),
    "control": '{"Network": {"NetworkID": "a\1b"}}',
    "beyond": _kata(HypervisorState={"Pid": LARGE, "VirtiofsdPid": -1}),
    "no list": '{"Devices": {"ID": "a"}, "devices.json": "b"}',
    "spoilt": '{"Devices": [{"ID": "a"}',
    "none": None,
}


# JSON_TABLE of MariaDB converts them, as the revision says
OTHER_TYPES = _kata(
    {"ID": 5, "Type": True, "Major": "8", "RefCount": "1", "BlockDrive": {"File": 7}},
    vfio({"BDF": 5, "SysfsDev": True}),
)


def _derived(database: Database) -> tuple[list[tuple[Any, ...]], ...]:
    return dumps.select(
        database,
        "SELECT * FROM sandbox_device ORDER BY sandbox_id, position",
        "SELECT * FROM vfio_device ORDER BY sandbox_id, device_position, position",
        "SELECT sid, hypervisor_pid, hypervisor_path, virtiofsd_pid, netns_path FROM sandbox ORDER BY id",
    )


def test_as_a_save(database: Database) -> None:
    """After a downgrade and an upgrade everything is there again that the saves wrote."""
    migrate.upgrade(database)
    repository = ContainerRepository(database, host=model.HOST)
    for sid, document in DOCUMENTS.items():
        repository.save_sandbox(SandboxState(sid=sid, document=document), {})
    if database.backend.name != "mariadb":
        repository.save_sandbox(SandboxState(sid="types", document=OTHER_TYPES), {})
    saved = _derived(database)
    assert [row[3] for row in saved[1]][:5] == ["0000:3b:00.0", "10000:02:10.1", "0000:02:10.2", "0001:02:10.3", ""]
    machines = {sid: machine for sid, *machine in saved[2]}
    assert machines["new"] == [4711, "/usr/bin/qemu", 4712, "/var/run/netns/a"]
    assert machines["renamed"] == [None, None, 4713, "/var/run/netns/b"]
    assert machines["old"] == [None, "/usr/bin/firecracker", None, "/var/run/netns/c"]
    assert machines["wrong"] == [None] * 4
    migrate.downgrade(database, BEFORE, allow_loss=True)
    migrate.upgrade(database)
    again = _derived(database)
    for one, other in zip(again, saved, strict=True):
        assert one == other
