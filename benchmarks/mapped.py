"""From records to mapped objects, and back: for contenders that use our mapped classes."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy.orm import Session, joinedload, selectinload
from whenever import Instant, OffsetDateTime, TimeDelta

from persistdb import Container, ContainerState, DeviceMap, Mount, Origin, Process, Sandbox, SandboxState
from persistdb.schema import tables

from .samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm.interfaces import ORMOption

    from persistdb import Database

# as the guide to relationship loading advises: collections by SELECT IN, what there is one of by JOIN
CHILDREN: Sequence[ORMOption] = (
    selectinload(tables.Container.mounts),
    selectinload(tables.Container.device_maps),
    selectinload(tables.Container.processes),
    joinedload(tables.Container.sandbox),
)
_of_sandbox = selectinload(tables.Sandbox.containers)
ALL: Sequence[ORMOption] = (
    _of_sandbox.selectinload(tables.Container.mounts),
    _of_sandbox.selectinload(tables.Container.device_maps),
    _of_sandbox.selectinload(tables.Container.processes),
)

_UTC = TimeDelta()


def new_sandbox(record: SandboxState) -> tables.Sandbox:
    """A sandbox's row to be."""
    now = datetime.now(UTC)
    return tables.Sandbox(
        host=HOST,
        sid=record.sid,
        state=record.state,
        persist_version=record.persist_version,
        cgroup_path=record.cgroup_path,
        layout=record.layout,
        document=record.document,
        revision=1,
        created_at=now,
        updated_at=now,
    )


def new_container(cid: str, record: ContainerState, sandbox_id: int | None = None) -> tables.Container:
    """A container's row to be, with its children's."""
    now = datetime.now(UTC)
    own = {} if sandbox_id is None else {"sandbox_id": sandbox_id}
    return tables.Container(
        **own,
        cid=cid,
        state=record.state,
        cgroup_path=record.cgroup_path,
        bundle_path=record.bundle_path,
        layout="",
        revision=1,
        created_at=now,
        updated_at=now,
        mounts=[
            tables.Mount(
                position=position,
                is_rootfs=position == 0,
                source=mount.source,
                destination=mount.destination,
                type=mount.type,
                options=mount.options,
                host_path=mount.host_path,
                block_device_id=mount.block_device_id,
                read_only=mount.read_only,
                mounted=mount.mounted,
            )
            for position, mount in enumerate((record.rootfs, *record.mounts))
        ],
        device_maps=[
            tables.DeviceMap(
                position=position,
                device_id=device.id,
                container_path=device.container_path,
                file_mode=device.file_mode,
                uid=device.uid,
                gid=device.gid,
                shared=device.shared,
            )
            for position, device in enumerate(record.device_maps)
        ],
        # the composite foreign key fills in the sandbox
        processes=[
            tables.Process(
                position=position, token=process.token or None, pid=process.pid, **started(process.start_time)
            )
            for position, process in enumerate(record.processes)
        ],
    )


def started(moment: OffsetDateTime | None) -> dict[str, Any]:
    """A start time as its three columns."""
    if moment is None:
        return {"start_time": None, "start_time_ns": None, "start_time_offset": None}
    utc = moment.to_fixed_offset(_UTC)
    return {
        "start_time": utc.replace(nanosecond=utc.nanosecond // 1000 * 1000, stale_offset_ok=True).to_stdlib(),
        "start_time_ns": utc.nanosecond % 1000,
        "start_time_offset": int(moment.offset.total("minutes")),
    }


def container(row: Any, host: str, sid: str, mounts: Any, devices: Any, processes: Any) -> Container:
    """The record of a row and its children, whichever library loaded them."""
    rootfs, *others = (
        Mount(
            source=mount.source,
            destination=mount.destination,
            type=mount.type,
            options=mount.options,
            host_path=mount.host_path,
            block_device_id=mount.block_device_id,
            read_only=bool(mount.read_only),
            mounted=bool(mount.mounted),
        )
        for mount in mounts
    )
    return Container(
        host=host,
        sid=sid,
        cid=row.cid,
        record=ContainerState(
            state=row.state,
            rootfs=rootfs,
            cgroup_path=row.cgroup_path,
            bundle_path=row.bundle_path,
            mounts=others,
            device_maps=[
                DeviceMap(
                    id=device.device_id,
                    container_path=device.container_path,
                    file_mode=device.file_mode,
                    uid=device.uid,
                    gid=device.gid,
                    shared=bool(device.shared),
                )
                for device in devices
            ],
            processes=[
                Process(token=process.token or "", pid=process.pid, start_time=_start_time(process))
                for process in processes
            ],
        ),
        revision=row.revision,
        origin=Origin(
            layout=row.layout,
            extra=None if row.extra is None else msgspec.json.encode(row.extra).decode(),
            document=row.document,
        ),
        created_at=_aware(row.created_at),
        updated_at=_aware(row.updated_at),
    )


def sandbox(row: Any, containers: Sequence[Container]) -> Sandbox:
    """The record of a sandbox's row and its containers."""
    return Sandbox(
        host=row.host,
        record=SandboxState(
            sid=row.sid,
            state=row.state,
            persist_version=row.persist_version,
            cgroup_path=row.cgroup_path,
            document=row.document,
            layout=row.layout,
        ),
        containers={one.cid: one for one in containers},
        revision=row.revision + sum(one.revision for one in containers),
        created_at=_aware(row.created_at),
        updated_at=_aware(row.updated_at),
    )


def of_mapped(row: tables.Container, parent: tables.Sandbox | None = None) -> Container:
    """The record of a mapped container."""
    parent = parent or row.sandbox
    return container(row, parent.host, parent.sid, row.mounts, row.device_maps, row.processes)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _start_time(process: Any) -> OffsetDateTime | None:
    if process.start_time is None:
        return None
    instant = Instant(_aware(process.start_time)).add(nanoseconds=process.start_time_ns)
    return instant.to_fixed_offset(TimeDelta(minutes=process.start_time_offset))


@contextlib.contextmanager
def plain_session(database: Database) -> Iterator[Session]:
    """Open SQLAlchemy's own session, committed at the end: persistdb's would keep the revisions itself."""
    with Session(database.writer, expire_on_commit=False) as session:
        yield session
        session.commit()
