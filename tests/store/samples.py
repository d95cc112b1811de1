"""Records to store, and small helpers that many tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import update
from whenever import OffsetDateTime

from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState
from persistdb.schema import core
from persistdb.store.repository import ContainerRepository

if TYPE_CHECKING:
    from datetime import datetime

    from persistdb import Database

STARTED = OffsetDateTime.parse_iso("2026-03-14T15:09:26.535897932+05:45")


def container(token: str = "", **changes: Any) -> ContainerState:
    """A container with all kinds of children, and a process with this token if one is given."""
    processes = [Process(token=token, pid=4242, start_time=STARTED)] if token else []
    record = ContainerState(
        state="running",
        rootfs=Mount(source="/dev/vda", type="ext4", block_device_id="drive-1", mounted=True),
        cgroup_path="/kubepods/burstable/pod1",
        bundle_path="/run/containerd/io.containerd.runtime.v2.task/k8s.io/web",
        mounts=[
            Mount(source="proc", destination="/proc", type="proc", options=["nosuid", "noexec"]),
            Mount(source="/var/lib/data", destination="/data", type="bind", options=[], host_path="/srv/data"),
            Mount(source="tmpfs", destination="/tmp", type="tmpfs", read_only=True),
        ],
        device_maps=[
            DeviceMap(id="drive-1", container_path="/dev/xvda", file_mode=0o60660, uid=0, gid=6),
            DeviceMap(id="vfio-7", container_path="/dev/vfio/7", file_mode=4294967295, uid=4294967295, shared=True),
        ],
        processes=processes,
    )
    return msgspec.structs.replace(record, **changes)


SANDBOX = SandboxState(
    sid="pod-1",
    state="running",
    persist_version=2,
    cgroup_path="/kubepods/pod1",
    document='{"PersistVersion": 2,\n "State":"running"}\n',
    layout="2.2",
)


def sandbox(sid: str, **values: Any) -> SandboxState:
    """A sandbox of which no more is known than the given values."""
    return SandboxState(sid=sid, **values)


def put(repository: ContainerRepository, sid: str, *cids: str, **changes: Any) -> None:
    """Store a sandbox with these containers."""
    repository.save_sandbox(sandbox(sid), {cid: container(f"{sid}-{cid}", **changes) for cid in cids})


def age(database: Database, at: datetime) -> None:
    """Let all sandboxes and containers be last changed at a time."""
    with database.engine.begin() as connection:
        for table in (core.sandbox, core.container):
            connection.execute(update(table).values(updated_at=at))


def records(repository: ContainerRepository, sid: str) -> dict[str, ContainerState]:
    """What a sandbox's containers are stored as."""
    return {cid: one.record for cid, one in repository.load_sandbox(sid).containers.items()}


def dump(repository: ContainerRepository) -> list[Any]:
    """All that is stored of all hosts, to see whether anything has changed."""
    hosts = sorted({one.host for one in repository.find(all_hosts=True)} | {repository.host})
    return [one for host in hosts for one in ContainerRepository(repository.database, host=host).load_sandboxes()]
