"""One whole sandbox, with what its document says of the virtual machine and its devices, and with its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..documents import SandboxDocument, runtime_of
from .lookups import sightings

if TYPE_CHECKING:
    from datetime import datetime

    from ..annotations import Names
    from ..records import Container, Sandbox
    from ..store.repository import ContainerRepository
    from ..virtual_machines import SandboxDevice


def whole_sandbox(repository: ContainerRepository, ref: str, *, at: datetime | None = None) -> dict[str, object]:
    """Return a sandbox of the repository's host as a row of JSON (``docs/json.md``, kind ``sandbox``).

    With ``at`` it is what was there at that time; when its files were last seen is known of today's only. Raises what
    :meth:`~persistdb.store.repository.ContainerRepository.look_up_sandbox` and ``load_sandbox`` do.
    """
    found = repository.load_sandbox(repository.look_up_sandbox(ref, at=at), at=at)
    seen_at, source = (None, None) if at is not None else sightings(repository.database, found.host, found.record.sid)
    record, document = found.record, SandboxDocument(found.record.document)
    names = {cid: document.names(document.of_container(cid, one.origin)) for cid, one in found.containers.items()}
    pod = _pod(found, names)
    namespace, _, name = pod.pod.partition("/") if pod else ("", "", "")
    origins = [one.origin for one in found.containers.values()]
    runtimes = [runtime_of(origin.layout) for origin in origins] or [runtime_of(record.layout)]
    machine = document.virtual_machine
    return {
        "host": found.host,
        "sid": record.sid,
        "state": record.state,
        "runtime": max(runtimes),
        "namespace": max((origin.namespace for origin in origins), default=""),
        "pod_namespace": namespace,
        "pod_name": name,
        "pod_uid": pod.pod_uid if pod else "",
        "cgroup": record.cgroup_path,
        "layout": record.layout,
        "revision": found.revision,
        "created": found.created_at,
        "updated": found.updated_at,
        "seen": seen_at,
        "source": source,
        "hypervisor_pid": machine.hypervisor_pid,
        "hypervisor_path": machine.hypervisor_path,
        "virtiofsd_pid": machine.virtiofsd_pid,
        "netns_path": machine.netns_path,
        "containers": [_container(one, names[cid]) for cid, one in sorted(found.containers.items())],
        "devices": [_device(device, found) for device in document.devices],
        "annotations": dict(sorted(document.annotations.items())),
    }


def _pod(sandbox: Sandbox, names: dict[str, Names]) -> Names | None:
    """Return the names of the container that tells the pod: the sandbox's own first, as the view has it."""
    named = [cid for cid, each in names.items() if each.pod]
    return names[min(named, key=lambda cid: (cid != sandbox.record.sid, cid))] if named else None


def _container(container: Container, names: Names) -> dict[str, object]:
    record = container.record
    return {
        "cid": container.cid,
        "state": record.state,
        "pid": record.processes[0].pid if record.processes else None,
        "mounts": len(record.mounts),
        "devices": len(record.device_maps),
        "name": names.container_name,
        "image": names.image,
        "revision": container.revision,
        "updated": container.updated_at,
    }


def _device(device: SandboxDevice, sandbox: Sandbox) -> dict[str, object]:
    """Return a device that Kata attached, with how many of the sandbox's containers' rows name it."""
    records = [one.record for one in sandbox.containers.values()]
    maps = sum(each.id == device.device_id for record in records for each in record.device_maps)
    mounts = (mount for record in records for mount in (record.rootfs, *record.mounts))
    return {
        "device_id": device.device_id,
        "type": device.type,
        "kind": device.kind,
        "major": device.major,
        "minor": device.minor,
        "host_path": device.host_path,
        "ref_count": device.ref_count,
        "attach_count": device.attach_count,
        "maps": maps,
        "block_mounts": sum(bool(device.device_id) and mount.block_device_id == device.device_id for mount in mounts),
        "vfio_devices": [each._asdict() for each in device.vfio],
    }
