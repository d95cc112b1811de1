"""A fleet of hosts with pods as Kata runs them, made up the same each time: what the benchmarks measure on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
from whenever import OffsetDateTime, TimeDelta

from persistdb import ContainerRepository, Database
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState, SandboxWrite

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_SANDBOX = 4
PER_HOST = 1000
_SHARED = "/run/kata-containers/shared/sandboxes"
_START = OffsetDateTime(2026, 8, 1, 7, 42, 25, nanosecond=123456789, offset=TimeDelta())
# as Kubernetes deals them out: nearly all run
_STATES = ("running",) * 93 + ("stopped",) * 5 + ("ready", "paused")


def build(database: Database, containers: int, present: int = 0) -> None:
    """Store so many containers, with 11 mounts and 2 devices each, four in a sandbox and a thousand on a host.

    ``present`` of them are there already, a multiple of a host's.
    """
    for first in range(present, containers, PER_HOST):
        host = f"node-{first // PER_HOST:03}"
        repository = ContainerRepository(database, host=host)
        repository.save_many(_sandboxes(host, min(PER_HOST, containers - first) // PER_SANDBOX))


def _sandboxes(host: str, count: int) -> Iterator[SandboxWrite]:
    chance = random.Random(host)  # noqa: S311  no secret
    for _ in range(count):
        sid = f"{chance.getrandbits(256):064x}"
        cids = [sid, *(f"{chance.getrandbits(256):064x}" for _ in range(PER_SANDBOX - 1))]
        containers = {cid: _container(chance, sid, cid) for cid in cids}
        devices = [_device(device) for one in containers.values() for device in one.device_maps]
        document = {
            "PersistVersion": 2,
            "State": "running",
            "SandboxContainer": sid,
            "CgroupPath": f"/kubepods/burstable/pod{sid[:8]}/kata_{sid}",
            "Devices": devices,
            "Config": {"ContainerConfigs": [_config(host, cid) for cid in cids]},
        }
        yield SandboxWrite(
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


def _container(chance: random.Random, sid: str, cid: str) -> ContainerState:
    state = chance.choice(_STATES)
    fresh = state == "ready"
    volume = f"/var/lib/kubelet/pods/{chance.getrandbits(128):032x}/volumes/data"
    disk = f"{chance.getrandbits(64):016x}"
    return ContainerState(
        state=state,
        rootfs=Mount(source=f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{cid}/rootfs", mounted=True),
        cgroup_path=f"/kubepods/burstable/pod{sid[:8]}/{cid}",
        device_maps=[
            DeviceMap(id=disk, container_path="/dev/xvda", file_mode=0o660, gid=6),
            DeviceMap(id=f"{chance.getrandbits(64):016x}", container_path="/dev/fuse", file_mode=0o666),
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
                    host_path=f"{_SHARED}/{sid}/mounts/{cid}-{chance.getrandbits(64):016x}-{name}",
                    read_only=name == "hostname",
                )
                for name in ("hosts", "hostname", "resolv.conf")
            ),
            Mount(
                source=volume,
                destination="/data",
                options=["rbind", "rprivate", "rw"],
                host_path=f"{_SHARED}/{sid}/mounts/{cid}-{chance.getrandbits(64):016x}-data",
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
