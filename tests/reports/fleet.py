"""Two hosts with sandboxes that have one of everything that views decode or reports find."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from whenever import OffsetDateTime, TimeDelta

from persistdb import ContainerRepository
from persistdb.records import ContainerState, DeviceMap, Machine, Mount, Process, SandboxState
from persistdb.schema.audit import AuditFinding, AuditRun

if TYPE_CHECKING:
    from persistdb import Database

START = OffsetDateTime(2026, 1, 31, 12, 30, 1, nanosecond=123456789, offset=TimeDelta(hours=2))
BUNDLE = "io.katacontainers.pkg.oci.bundle_path"
OLD_BUNDLE = "com.github.containers.virtcontainers.pkg.oci.bundle_path"
VFIO = {"BDF": "3b:00.0", "SysfsDev": "/sys/bus/pci/devices/0000:3b:00.0"}
SHARED = "/run/kata-containers/shared/sandboxes/pod-1/mounts"


def device(device_id: object, **values: Any) -> dict[str, Any]:
    """Return an entry of a sandbox's Devices, as Kata writes it."""
    entry = {
        "ID": device_id,
        "Type": "generic",
        "RefCount": 1,
        "AttachCount": 1,
        "DevType": "c",
        "Major": 10,
        "Minor": 229,
    }
    return entry | {"ColdPlug": False, "DriverOptions": None} | values


def document(devices: object = None, configs: object = None, **values: Any) -> str:
    """Return a short persist.json of a sandbox."""
    return json.dumps({"PersistVersion": 2, "Devices": devices, "Config": {"ContainerConfigs": configs}, **values})


def build(database: Database) -> None:
    """Store the fleet."""
    first = ContainerRepository(database, host="node-1")
    first.save_sandbox(_pod_1(), {"pod-1": _pause(), "web": _web(), "gone": _gone(), "new": _new()})
    first.save_sandbox(SandboxState(sid="pod-2", state="ready"), {"only": ContainerState(state="ready")})
    machine = Machine(boot_id="2f1c5f0e", kernel="6.1.0", programs="persistdb 1")
    first.mark_seen(["pod-1"], source="/run/vc/sbs", at=datetime(2026, 1, 31, tzinfo=UTC), machine=machine)
    ContainerRepository(database, host="node-2").save_sandbox(_pod_3(), {"pod-3": _of_old_store()})
    audit(database, "node-1")


def audit(database: Database, host: str) -> None:
    """Store what two audits of a host found: a mount that is there, and one that is gone."""
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    end, later = start + timedelta(seconds=1), start + timedelta(hours=1)
    run = {"checks": ["leaked-mount"], "boot_id": "2f1c5f0e", "host": host}
    path = f"{SHARED}/gone/rootfs"
    said = {"recorded": "container stopped", "observed": f"{path}: ext4 /dev/dm-7", "advice": f"umount {path}"}
    found: dict[str, Any] = {"host": host, "check_name": "leaked-mount", "sid": "pod-1", "cid": "gone", **said}
    seen = {"first_seen": end, "first_run_id": 1, "times_seen": 1}
    with database.session(write=True) as session:
        for id_, at, findings, roots in ((1, start, 2, None), (2, later, 1, {"proc": "/host/proc"})):
            session.add(AuditRun(id=id_, started_at=at, finished_at=at, findings=findings, roots=roots, **run))
        session.add_all(
            AuditFinding(subject=subject, subject_hash=sha256(subject.encode()).hexdigest(), **found, **seen, **times)
            for subject, times in (
                (path, {"last_seen": later, "last_run_id": 2, "began_at": start}),
                (f"{path}/2", {"last_seen": end, "last_run_id": 1, "gone_at": later}),
            )
        )


def _pod_1() -> SandboxState:
    devices = [
        device("blk", Type="block", DevType="b", Major=253, Minor=7, RefCount=2, BlockDrive={"File": "/dev/dm-7"}),
        device("fuse", RefCount=2, BlockDrive=None),
        device("tty", RefCount=5, AttachCount=0, Major=4, Minor=9),
        device("idle", DevType="u", RefCount=0, AttachCount=1),
        device("huge", DevType="p", RefCount=2**64 - 1, AttachCount=2**63, VFIODevs=[VFIO, {"BDF": "3b:00.1"}]),
    ]
    configs = [
        {"ID": "pod-1", "Annotations": {BUNDLE: "/bundles/pause"}},
        {"ID": "web", "Annotations": {OLD_BUNDLE: "/bundles/web"}},
        {"ID": "gone", "Annotations": None},
    ]
    return SandboxState(
        sid="pod-1",
        state="running",
        persist_version=2,
        cgroup_path="/kubepods/pod-1",
        document=document(
            devices,
            configs,
            HypervisorState={"Pid": 4711, "VirtiofsdPid": 4712},
            Network={"NetworkID": "/var/run/netns/pod-1"},
        ),
        layout="2.2",
    )


def _pause() -> ContainerState:
    return ContainerState(
        state="running",
        cgroup_path="/kubepods/pod-1/pause",
        device_maps=[DeviceMap(id="fuse", container_path="/dev/fuse", file_mode=438)],
        processes=[Process(token="pod-1", pid=-1, start_time=START)],
    )


def _web() -> ContainerState:
    return ContainerState(
        state="running",
        cgroup_path="/kubepods/pod-1/web",
        rootfs=Mount(type="xfs", block_device_id="blk", source="/dev/dm-7", mounted=True),
        device_maps=[
            DeviceMap(id="fuse", container_path="/dev/fuse", file_mode=0o20640, gid=5, shared=True),
            DeviceMap(id="tty", container_path="/dev/tty9", file_mode=69206432, uid=4294967295),
            DeviceMap(id="lost", container_path="/dev/lost", file_mode=0o600),
        ],
        mounts=[
            Mount(source="proc", destination="/proc", options=["nosuid", "noexec", "nodev"]),
            Mount(source="/srv/a\u2028b", destination="/data", options=["rbind", "ro"], host_path=f"{SHARED}/data"),
            Mount(source="/srv/logs", destination="/logs", options=[], host_path=f"{SHARED}/logs"),
            Mount(
                source="/srv", destination="/all", type="bind", options=['"ro', "-ro", "RO", 'x"ro"'], read_only=False
            ),
            Mount(source="/srvother", destination="/o", options=["bind"], read_only=True, block_device_id="blk"),
            Mount(source="/x", destination="/x", block_device_id="blk-lost"),
        ],
        processes=[Process(token="web", pid=4021, start_time=START), Process(token="exec", pid=0)],
    )


def _gone() -> ContainerState:
    return ContainerState(
        state="stopped",
        bundle_path="/bundles/gone",
        rootfs=Mount(host_path="/run/rootfs", mounted=True),
        mounts=[Mount(source="/srv/logs", destination="/logs", options=None, host_path=f"{SHARED}/logs")],
        processes=[Process(token="gone", pid=-1, start_time=START)],
    )


def _new() -> ContainerState:
    return ContainerState(state="", processes=[Process()])


def _pod_3() -> SandboxState:
    files = {
        "state.json": {"state": "running"},
        "devices.json": [
            {
                "Type": "block",
                "Data": {"ID": "old", "RefCount": 1, "AttachCount": 1, "DeviceInfo": {"DevType": "b", "Major": 8}},
            }
        ],
        "config.json": {"Containers": [{"ID": "pod-3", "Annotations": {OLD_BUNDLE: "/bundles/old"}}]},
    }
    return SandboxState(sid="pod-3", state="running", document=json.dumps(files), layout="1.6")


def _of_old_store() -> ContainerState:
    return ContainerState(
        state="paused",
        rootfs=Mount(type="ext4", block_device_id="old"),
        processes=[Process(token="pod-3", pid=77, start_time=START)],
    )
