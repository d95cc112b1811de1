"""A fleet of hosts with pods as Kata runs them, made up the same each time: what the benchmarks measure on."""

from __future__ import annotations

import random

import msgspec
from whenever import OffsetDateTime, TimeDelta

from persistdb import ContainerRepository, Database
from persistdb.records import ContainerState, DeviceMap, Machine, Mount, Process, SandboxState, SandboxWrite

PER_SANDBOX = 4
PER_HOST = 1000
ON_EACH_HOST = "node-exporter"
"""The ID of a container that each host has."""
HEXADECIMAL = "0123456789abcdef"
_SHARED = "/run/kata-containers/shared/sandboxes"
_START = OffsetDateTime(2026, 8, 1, 7, 42, 25, nanosecond=123456789, offset=TimeDelta())
# as Kubernetes deals them out: nearly all run
_STATES = ("running",) * 98 + ("ready", "paused")
_STOPPED = 0.05


def build(database: Database, containers: int, present: int = 0) -> None:
    """Store so many containers, with 11 mounts and 2 devices each, four in a sandbox and a thousand on a host.

    ``present`` of them are there already, a multiple of a host's.
    """
    for first in range(present, containers, PER_HOST):
        fill_host(database, host_name(first // PER_HOST), min(PER_HOST, containers - first))


def host_name(number: int) -> str:
    """Return the name of a host."""
    return f"node-{number:03}"


def fill_host(database: Database, host: str, containers: int = PER_HOST, digits: str = HEXADECIMAL) -> None:
    """Store a host with its containers, whose random IDs are of these digits; those that are stopped ran before."""
    repository = ContainerRepository(database, host=host)
    ids = _IDs(host, digits)
    names = (ON_EACH_HOST if i == 0 else ids.hexadecimal(64) for i in range(containers // PER_SANDBOX))
    sandboxes = [_sandbox(ids, host, name) for name in names]
    repository.save_many(sandboxes)
    for sandbox in sandboxes:
        for cid, container in (sandbox.containers or {}).items():
            if container.state == "running" and ids.random() < _STOPPED:
                repository.transition(sandbox.sid, cid, "stopped", expected="running")
    machine = Machine(boot_id=ids.hexadecimal(32), kernel="6.1.0-40-amd64", programs="kata 3.19.1")
    repository.mark_seen([sandbox.sid for sandbox in sandboxes], source="/run/vc/sbs", machine=machine)


class _IDs(random.Random):
    """The random IDs of a host."""

    def __init__(self, host: str, digits: str) -> None:
        super().__init__(host)
        self._digits = digits

    def hexadecimal(self, length: int) -> str:
        return "".join(self.choices(self._digits, k=length))


def _sandbox(ids: _IDs, host: str, last: str) -> SandboxWrite:
    sid = ids.hexadecimal(64)
    cids = [sid, *(ids.hexadecimal(64) for _ in range(PER_SANDBOX - 2)), last]
    containers = {cid: _container(ids, sid, cid) for cid in cids}
    document = {
        "PersistVersion": 2,
        "State": "running",
        "SandboxContainer": sid,
        "CgroupPath": f"/kubepods/burstable/pod{sid[:8]}/kata_{sid}",
        "Devices": [_device(device) for one in containers.values() for device in one.device_maps],
        "Config": {"ContainerConfigs": [_config(host, cid) for cid in cids]},
    }
    return SandboxWrite(
        sid=sid,
        record=SandboxState(
            sid=sid,
            state="running",
            persist_version=2,
            cgroup_path=str(document["CgroupPath"]),
            document=msgspec.json.encode(document).decode(),
            layout="2.2",
        ),
        containers=containers,
    )


def _container(ids: _IDs, sid: str, cid: str) -> ContainerState:
    state = ids.choice(_STATES)
    fresh = state == "ready"
    volume = f"/var/lib/kubelet/pods/{ids.hexadecimal(32)}/volumes/data"
    disk = ids.hexadecimal(16)
    return ContainerState(
        state=state,
        rootfs=Mount(source=f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{cid}/rootfs", mounted=True),
        cgroup_path=f"/kubepods/burstable/pod{sid[:8]}/{cid}",
        device_maps=[
            DeviceMap(id=disk, container_path="/dev/xvda", file_mode=0o660, gid=6),
            DeviceMap(id=ids.hexadecimal(16), container_path="/dev/fuse", file_mode=0o666),
        ],
        mounts=[
            *(
                Mount(source=source, destination=destination, options=["nosuid", "noexec", "nodev"])
                for source, destination in (
                    ("proc", "/proc"),
                    ("sysfs", "/sys"),
                    ("tmpfs", "/dev"),
                    ("devpts", "/dev/pts"),
                    ("mqueue", "/dev/mqueue"),
                )
            ),
            *(
                Mount(
                    source=f"/var/lib/kubelet/pods/{sid[:32]}/{name}",
                    destination=f"/etc/{name}",
                    options=["rbind", "rprivate", "ro" if name == "hostname" else "rw"],
                    host_path=f"{_SHARED}/{sid}/mounts/{cid}-{ids.hexadecimal(16)}-{name}",
                    read_only=name == "hostname",
                )
                for name in ("hosts", "hostname", "resolv.conf")
            ),
            Mount(
                source=volume,
                destination="/data",
                options=["rbind", "rprivate", "rw"],
                host_path=f"{_SHARED}/{sid}/mounts/{cid}-{ids.hexadecimal(16)}-data",
            ),
            Mount(source=f"/dev/disk/{disk}", destination="/srv", options=["rw"], block_device_id=disk),
        ],
        processes=[] if fresh else [Process(token=cid, pid=-1, start_time=_START)],
    )


def _device(device: DeviceMap) -> dict[str, object]:
    block = device.container_path == "/dev/xvda"
    return {
        "ID": device.id,
        "Type": "block" if block else "generic",
        "RefCount": 2 if block else 1,
        "AttachCount": 1 if block else 0,
        "DevType": "b" if block else "c",
        "Major": 253 if block else 10,
        "Minor": 229,
        "ColdPlug": False,
        "DriverOptions": None,
        "BlockDrive": {"File": f"/dev/disk/{device.id}", "ID": f"drive-{device.id}"} if block else None,
    }


def _config(host: str, cid: str) -> dict[str, object]:
    bundle = f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{cid}"
    annotations = {"io.katacontainers.pkg.oci.bundle_path": bundle, "io.kubernetes.cri.node": host}
    return {"ID": cid, "Annotations": annotations, "RootFs": f"{bundle}/rootfs", "Resources": {}}
