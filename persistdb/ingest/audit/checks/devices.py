"""``leaked-device`` and ``missing-device``: block and PCI devices of records, and those that the node has."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from ....records import AuditFinding
from ..recorded import IN_USE, STOPPED, vm_names
from .check import Check, is_gone, said
from .mounts import SHARED, without_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....records import AuditFinding as Finding
    from ....virtual_machines import SandboxDevice, VFIODevice
    from ..node import Node
    from ..recorded import Pod, Recorded

_PCI: Final = ("bus", "pci", "devices")
_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_VFIO: Final = "vfio"
"""What the names of all drivers for it have: vfio-pci, and variants such as mlx5_vfio_pci and nvgrace-gpu-vfio-pci."""
_OCI = re.compile(r"([bcu]) (\d+):(\d+)")
_DELETED: Final = " (deleted)"
_NO_SYSFS: Final = frozenset(range(136, 144))
"""Major numbers of pseudo terminals, of which sysfs has none (devices.txt of Linux)."""


def _missing(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    for pod in recorded.pods.values():
        if not pod.is_running or is_gone(node, pod):
            continue
        for device in pod.devices:
            fault = _fault(node, device) if device.attach_count else None
            if fault is not None:
                yield AuditFinding(
                    check=MISSING.name,
                    subject=f"{device.device_id or _name(device)} of {pod.sid}",
                    sid=pod.sid,
                    recorded=f"attached to the VM: {_name(device)}",
                    observed=fault,
                    advice="the VM works on a device that is gone: stop the pod, and look at the node's kernel log",
                )
    for pod, container in recorded.containers():
        if container.record.state not in IN_USE or is_gone(node, pod, container):
            continue
        for map_ in container.record.device_maps:
            match = _OCI.fullmatch(map_.id)
            if match is None or int(match[2]) in _NO_SYSFS:
                continue
            kind = "block" if match[1] == "b" else "char"
            number = f"{match[2]}:{match[3]}"
            if not _has(node, kind, number, map_.container_path):
                yield AuditFinding(
                    check=MISSING.name,
                    subject=f"{map_.container_path} of {pod.sid}/{container.cid}",
                    recorded=f"{container.record.state}, {map_.container_path} is {map_.id}",
                    observed=f"no {kind} device {number}",
                    advice="the device was unplugged or its driver unloaded: stop the container",
                    sid=pod.sid,
                    cid=container.cid,
                )


def _has(node: Node, kind: str, number: str, path: str) -> bool:
    """Return whether a node has a device.

    Not all drivers tell sysfs of their character devices: NVIDIA's are made by mknod, and those of modules that are
    loaded at the first use, such as fuse, are files before they are devices.
    """
    node.see_sys("dev", kind)
    return node.sys_exists("dev", kind, number) or (kind == "char" and node.device(path) == (kind, number))


def _name(device: SandboxDevice) -> str:
    numbers = "" if device.kind is None else f"{device.kind} {device.major}:{device.minor}"
    return " ".join(filter(None, (device.type, device.host_path, *(one.bdf for one in device.vfio), numbers)))


def _is_mediated(device: VFIODevice) -> bool:
    """Return whether a device is a part of a PCI device, which has a UUID and leaves the whole to its own driver."""
    return bool(device.sysfs_dev) and _ADDRESS.fullmatch(posixpath.basename(device.sysfs_dev)) is None


def _fault(node: Node, device: SandboxDevice) -> str | None:
    """Return what the node lacks of a device; ``None`` if it has it."""
    for one in device.vfio:
        if not one.bdf:
            continue
        node.see_sys(*_PCI)
        if not node.sys_exists(*_PCI, one.bdf):
            return f"no PCI device {one.bdf}"
        driver = node.sys_link(*_PCI, one.bdf, "driver") or "no driver"
        if _VFIO not in driver and not _is_mediated(one):
            return f"PCI device {one.bdf} is bound to {driver}, not to one for VFIO"
    if (device.host_path or "").startswith("/") and not node.exists(device.host_path or ""):
        return f"{device.host_path} does not exist"
    number = f"{device.major}:{device.minor}"
    is_missing = device.kind == "block" and device.major and not _has(node, "block", number, "")
    return f"no block device {number}" if is_missing else None


def _leaked(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    yield from _loops(node, recorded)
    held = {address for pod in recorded.pods.values() if pod.is_running for address in _addresses(pod)}
    loose: dict[str, list[tuple[str, str]]] = {}
    for pod in recorded.pods.values():
        if not pod.is_running:
            for address in set(_addresses(pod)) - held:
                group = node.sys_link(*_PCI, address, "iommu_group")
                if group is not None and _VFIO in (node.sys_link(*_PCI, address, "driver") or ""):
                    loose.setdefault(pod.sid, []).append((f"/dev/vfio/{group}", address))
    if not loose:
        return
    # a device may stay bound to the driver for the next pod, and be open for one; what is leaked is one that the
    # hypervisor of the stopped pod still has open
    for process in node.processes():
        words = node.arguments(process.pid)
        of = [sid for sid in loose if any(name in word for word in words for name in vm_names(sid))]
        opened = set(node.open_files(process.pid)) if of else set()
        for pod, path, address in ((recorded.pods[sid], *one) for sid in of for one in loose[sid]):
            if path not in opened:
                continue
            yield AuditFinding(
                check=LEAKED.name,
                subject=address,
                sid=pod.sid,
                recorded=f"of a sandbox that is {pod.sandbox.record.state or 'not started'}",
                observed=f"{path} is open in process {process.pid} ({process.name})",
                advice=f"look at process {process.pid}, and end it: the device is free when nobody has it open",
                began_at=pod.sandbox.updated_at,
            )


def _addresses(pod: Pod) -> Iterator[str]:
    for device in pod.devices:
        yield from (one.bdf for one in device.vfio if one.bdf and not _is_mediated(one))


def _loops(node: Node, recorded: Recorded) -> Iterator[Finding]:
    """Yield the loop devices whose file belongs to what stopped or was removed."""
    backing = {}
    for name in node.sys_list("block"):
        if name.startswith("loop"):
            file = node.sys_read("block", name, "loop", "backing_file")
            if file:
                backing[name] = file
    if not backing:
        return
    in_use, stopped = set[str](), dict[str, tuple[str, str | None]]()
    for pod, container in recorded.containers():
        record = container.record
        folders = [record.bundle_path, record.rootfs.source, *(m.host_path for m in (record.rootfs, *record.mounts))]
        if record.state != STOPPED:  # the source of a mount is a volume, which others have, too
            folders += [mount.source for mount in record.mounts]
        files = {posixpath.normpath(path) for path in folders if path.startswith("/") and path != "/"}
        if record.state == STOPPED:
            stopped |= dict.fromkeys(files, (pod.sid, container.cid))
        else:
            in_use |= files
    parents = {parent for file in backing.values() for parent in _parents(file.removesuffix(_DELETED))}
    removed = recorded.holders(parents - in_use - stopped.keys())
    shared = {path for path in parents if posixpath.dirname(path) == SHARED}
    unrecorded = without_record(node, recorded, set(map(posixpath.basename, shared)))
    for name, file in sorted(backing.items()):
        chain = list(_parents(file.removesuffix(_DELETED)))
        # the innermost folder tells: a volume such as /var has those of others in it
        owner = next((path for path in chain if path in in_use or path in stopped or path in removed), None)
        sid, cid, began, told = None, None, None, ""
        if owner in in_use:
            continue
        if owner in stopped:
            (sid, cid), told = stopped[owner], "container stopped"
        elif owner in removed:
            one = removed[owner]
            sid, cid, began, told = one.sid, one.cid, one.removed_at, f"container removed {said(one.removed_at)}"
        else:
            lost = next((posixpath.basename(path) for path in chain if path in shared), None)
            if lost is None or lost not in unrecorded:
                continue
            began = unrecorded[lost]
            told = f"no sandbox {lost}" if began is None else f"sandbox removed {said(began)}"
        yield AuditFinding(
            check=LEAKED.name,
            subject=f"/dev/{name} {file}",
            sid=sid,
            cid=cid,
            recorded=told,
            observed=f"/dev/{name} is attached to {file}",
            advice=f"losetup -d /dev/{name}, once nothing has it mounted (findmnt /dev/{name})",
            began_at=began,
        )


def _parents(path: str) -> Iterator[str]:
    """Yield a path and the folders that it is in, but for the root."""
    while path not in ("/", ""):
        yield path
        path = posixpath.dirname(path)


LEAKED: Final = Check("leaked-device", _leaked)
MISSING: Final = Check("missing-device", _missing)
