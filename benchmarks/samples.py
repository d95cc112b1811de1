"""The values that are stored: standard containers, in sandboxes of three and of twenty.

A standard container has a rootfs, 10 mounts with 3 options each, 2 devices and 1 process. All values follow from
numbers, so every run stores the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from whenever import OffsetDateTime

from persistdb import ContainerState, DeviceMap, Mount, Process, SandboxState, SandboxWrite

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "node-1"
LAYOUT = "seed"
CONTAINERS = 3
"""In an ordinary sandbox."""
LARGE = 20
"""Containers in a large one."""
LARGE_SANDBOX = 1_000_000
"""The number of the sandbox that is a large one."""
ROWS = 15
"""The rows of a standard container."""

_START = OffsetDateTime.parse_iso("2019-04-20T07:42:25.123456789-07:00")
_OPTIONS = ("rbind", "rprivate", "rw")
# Kata writes Go's os.FileMode: a block device, rw-rw----
_MODE = 1 << 26 | 0o660


def sid(number: int) -> str:
    """The ID of a sandbox, as container runtimes make them: 64 hexadecimal digits."""
    return hashlib.sha256(f"sandbox {number}".encode()).hexdigest()


def cid(sandbox: int, number: int) -> str:
    """The ID of a container; the first has its sandbox's, as in Kata."""
    return hashlib.sha256(f"container {sandbox}/{number}".encode()).hexdigest() if number else sid(sandbox)


def container(sandbox: int, number: int, state: str = "running") -> ContainerState:
    """One standard container."""
    own, name, serial = cid(sandbox, number), f"pod{sandbox}", sandbox * LARGE + number
    return ContainerState(
        state=state,
        rootfs=Mount(
            source=f"/dev/vd{serial}",
            destination="/",
            type="ext4",
            options=["rw", "relatime", "nosuid"],
            host_path=f"/run/kata-containers/shared/sandboxes/{sid(sandbox)[:12]}/{own[:12]}/rootfs",
            block_device_id=f"drive-{serial:08x}",
        ),
        cgroup_path=f"/kubepods/besteffort/{name}/{own}",
        bundle_path=f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{own}",
        mounts=[
            Mount(
                source=f"/var/lib/kubelet/pods/{name}/volumes/kubernetes.io~projected/volume-{i}",
                destination=f"/var/lib/data/volume-{i}",
                type="bind",
                options=list(_OPTIONS),
                host_path=f"/run/kata-containers/shared/sandboxes/{sid(sandbox)[:12]}/{own[:12]}-{i:016x}",
                read_only=i % 2 == 0,
            )
            for i in range(10)
        ],
        device_maps=[
            DeviceMap(id=f"{serial:012x}{i:04x}", container_path=f"/dev/xvd{i}", file_mode=_MODE, gid=6)
            for i in range(2)
        ],
        processes=[Process(token=own, pid=1000 + serial, start_time=_start(serial))],
    )


def _start(serial: int) -> OffsetDateTime:
    return _START.add(milliseconds=serial, stale_offset_ok=True)


def sandbox(number: int) -> SandboxState:
    """One sandbox's own values."""
    document = '{"PersistVersion":2,"State":"running","SandboxContainer":"' + sid(number) + '","CgroupPath":""}\n'
    return SandboxState(sid=sid(number), state="running", persist_version=2, document=document, layout=LAYOUT)


def containers(number: int, count: int = CONTAINERS) -> dict[str, ContainerState]:
    """The containers of one sandbox."""
    return {cid(number, i): container(number, i) for i in range(count)}


def write(number: int, count: int = CONTAINERS) -> SandboxWrite:
    """One sandbox with its containers, to be stored."""
    return SandboxWrite(sid=sid(number), record=sandbox(number), containers=containers(number, count))


def writes(total: int, first: int = 0) -> Iterator[SandboxWrite]:
    """Sandboxes of three that hold this many containers."""
    for number in range(first, first + -(-total // CONTAINERS)):
        yield write(number, min(CONTAINERS, total - (number - first) * CONTAINERS))
