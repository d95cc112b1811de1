"""Stored records built without a database, and a model of the tables as dictionaries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from whenever import Instant, TimeDelta

from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from persistdb.store import record_rows, rows
from persistdb.store.diff import Snapshot
from persistdb.store.rows import ContainerKey, ContainerRow
from persistdb.store.stored import StoredContainer, StoredSandbox

from .samples import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from persistdb.store.diff import Diff
    from persistdb.store.encoding import Row
    from persistdb.store.rows import DeviceMapRow, MountRow, ProcessRow

replace = msgspec.structs.replace

HOST = "node-1"
BEFORE = "2026-03-14 15:09:26.535897"
NOW = "2026-03-14 16:00:00.000000"


def at(text: str) -> datetime:
    """Return the timestamp that a row's text stands for."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def stored_container(cid: str, record: ContainerState, **values: Any) -> StoredContainer:
    """Return a stored container of the sandbox ``pod-1``, whose row has the ID 1."""
    defaults: dict[str, Any] = {"id": 11, "sandbox_id": 1, "revision": 2, "origin": Origin()}
    times = {"created_at": at(BEFORE), "updated_at": at(BEFORE)}
    return StoredContainer(
        **{"host": HOST, "sid": "pod-1", "cid": cid, "record": record, **defaults, **times, **values}
    )


def stored_sandbox(*containers: StoredContainer, **values: Any) -> StoredSandbox:
    """Return the stored sandbox ``pod-1`` with these containers."""
    defaults: dict[str, Any] = {"id": 1, "record": SANDBOX, "own_revision": 1}
    defaults |= {"created_at": at(BEFORE), "updated_at": at(BEFORE)}
    return StoredSandbox(**{**defaults, **values}, containers=list(containers))


class Tables:
    """A model of the tables as dictionaries, which applies a diff in the writer's order and enforces the keys."""

    def __init__(self, *sandboxes: StoredSandbox) -> None:
        self._sandboxes = {one.id: one for one in sandboxes}
        self._containers = {container.id: container for one in sandboxes for container in one.containers}

    def sandboxes(self) -> dict[str, StoredSandbox]:
        """Return the stored sandboxes by sid."""
        return {one.record.sid: replace(one, containers=self._of(one.id)) for one in self._sandboxes.values()}

    def snapshot(self, sid: str, cid: str) -> Snapshot:
        """Return the result of the statement ``snapshot``."""
        one = self.sandboxes()[sid]
        container = next((container for container in one.containers if container.cid == cid), None)
        total = sum(container.revision for container in one.containers)
        return Snapshot(one.id, one.own_revision, total, None, container)

    def _of(self, sandbox_id: int) -> list[StoredContainer]:
        return sorted((c for c in self._containers.values() if c.sandbox_id == sandbox_id), key=lambda c: c.cid)

    def carry_out(self, diff: Diff) -> None:
        """Apply a diff; raise an AssertionError where a database would refuse it."""
        new = {}
        for row in diff.new_sandboxes:
            assert (row.host, row.sid) not in {(HOST, sid) for sid in self.sandboxes()}
            assert row.created_at == row.updated_at == diff.now
            new[row.sid] = max(self._sandboxes, default=0) + 1
            self._put_sandbox(new[row.sid], row.sid, row, row.revision)
        if diff.renumbered is not None:
            one = self._sandboxes[diff.renumbered.id]
            assert one.own_revision == diff.renumbered.revision
            self._sandboxes[one.id] = replace(
                one, own_revision=diff.renumbered.new_revision, updated_at=at(diff.renumbered.now)
            )
        for change in diff.changed_sandboxes:
            assert self._sandboxes[change.id].own_revision == change.revision
            self._put_sandbox(change.id, self._sandboxes[change.id].record.sid, change, change.new_revision)
        for key in diff.removed:
            assert ContainerKey(key.id, self._containers.pop(key.id).revision) == key
        for changed in diff.changed:
            old = self._containers[changed.id]
            assert old.revision == changed.revision
            self._containers[old.id] = replace(
                old, **_own(old.record, changed), revision=old.revision + 1, updated_at=at(changed.updated_at)
            )
        children = [diff.children]
        for created in diff.created:
            # like SQLite, give the greatest ID again after its row was deleted
            id_ = created.row.id or max(self._containers, default=0) + 1
            sandbox_id = created.row.sandbox_id or new[created.sid]
            assert id_ not in self._containers
            assert created.row.cid not in {container.cid for container in self._of(sandbox_id)}
            self._insert(id_, sandbox_id, created.sid, created.row)
            children.append(record_rows.children(id_, sandbox_id, created.record))
        for each in record_rows.joined(children):
            for child in each:
                self._put_child(child)

    def _put_sandbox(self, id_: int, sid: str, row: rows.SandboxRow | rows.SandboxChange, revision: int) -> None:
        record = SandboxState(
            sid=sid,
            state=row.state,
            persist_version=row.persist_version,
            cgroup_path=row.cgroup_path,
            document=row.document,
            layout=row.layout,
        )
        self._sandboxes[id_] = StoredSandbox(
            id=id_,
            record=record,
            own_revision=revision,
            created_at=at(BEFORE),
            updated_at=at(row.updated_at),
            containers=[],
        )

    def _insert(self, id_: int, sandbox_id: int, sid: str, row: ContainerRow) -> None:
        self._containers[id_] = StoredContainer(
            id=id_,
            sandbox_id=sandbox_id,
            host=HOST,
            sid=sid,
            cid=row.cid,
            **_own(ContainerState(), row),
            revision=row.revision,
            created_at=at(row.created_at),
            updated_at=at(row.updated_at),
        )

    def _put_child(self, row: Row) -> None:
        assert isinstance(row, rows.MountRow | rows.DeviceMapRow | rows.ProcessRow)
        container = self._containers[row.container_id]
        record = container.record
        match row:
            case rows.MountRow():
                rootfs, *mounts = _placed([record.rootfs, *record.mounts], row.position, mount(row))
                record = replace(record, rootfs=rootfs, mounts=mounts)
            case rows.DeviceMapRow():
                record = replace(record, device_maps=_placed(record.device_maps, row.position, device_map(row)))
            case rows.ProcessRow():
                assert row.sandbox_id == container.sandbox_id
                others = (
                    (other.id, position, process.token)
                    for other in self._of(container.sandbox_id)
                    for position, process in enumerate(other.record.processes)
                    if (other.id, position) != (container.id, row.position)
                )
                assert row.token is None or row.token not in {token for _, _, token in others}
                record = replace(record, processes=_placed(record.processes, row.position, process(row)))
        self._containers[container.id] = replace(container, record=record)


def _own(record: ContainerState, row: ContainerRow | rows.ContainerChange) -> dict[str, Any]:
    own = {"state": row.state, "cgroup_path": row.cgroup_path, "bundle_path": row.bundle_path}
    origin = Origin(layout=row.layout, extra=row.extra, document=row.document)
    return {"record": replace(record, **own), "origin": origin}


def _placed(values: Sequence[Any], position: int, value: object) -> list[Any]:
    assert position <= len(values)
    return [*values[:position], value, *values[position + 1 :]]


def mount(row: MountRow) -> Mount:
    """Return the mount of a row."""
    return Mount(
        source=row.source,
        destination=row.destination,
        type=row.type,
        options=None if row.options is None else msgspec.json.decode(row.options),
        host_path=row.host_path,
        block_device_id=row.block_device_id,
        read_only=row.read_only,
        mounted=row.mounted,
    )


def device_map(row: DeviceMapRow) -> DeviceMap:
    """Return the device map of a row."""
    return DeviceMap(
        id=row.device_id,
        container_path=row.container_path,
        file_mode=row.file_mode,
        uid=row.uid,
        gid=row.gid,
        shared=row.shared,
    )


def process(row: ProcessRow) -> Process:
    """Return the process of a row."""
    start = None
    if row.start_time is not None and row.start_time_offset is not None:
        instant = Instant.parse_iso(f"{row.start_time.replace(' ', 'T')}{row.start_time_ns:03}Z")
        start = instant.to_fixed_offset(TimeDelta(minutes=row.start_time_offset))
    return Process(token=row.token or "", pid=row.pid, start_time=start)
