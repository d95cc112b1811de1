"""``record-without-vm`` and ``vm-without-record``: sandboxes, and the hypervisors and shims that run on the node."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ....documents import OCI_RUNTIMES
from ....records import AuditFinding
from ..recorded import KATA, vm_names
from .check import Check, booted_since, is_gone, said, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..node import Node, Process
    from ..recorded import Recorded

# The kernel keeps 15 bytes of a name (TASK_COMM_LEN)
_HYPERVISORS: Final = ("qemu-", "cloud-hyperviso", "firecracker", "dragonball", "stratovirt", "acrn-dm")
_SHIMS: Final = "containerd-shim"
# kata-qemu and its like are links of the shim, by which containerd finds a runtime class. Others, such as
# gVisor's, are for sandboxes whose files nothing here reads.
_SHIM = re.compile(r"containerd-shim-(?:(kata)(?:-[^/]+)?|runc)-v\d+")

# How Kata names a sandbox to its hypervisors: QEMU and StratoVirt get -name sandbox-ID, the others a socket in a folder
# of the sandbox's (virtcontainers/qemu.go, clh.go, fc.go, stratovirt.go of kata-containers).
_NAME = re.compile(r"sandbox-([^,]+)")
_FOLDER = re.compile(r"/(?:vc/vm|vc/firecracker|kata/(?:vm|firecracker)|vc/sbs)/([^/,]+)/")
# VMs of a factory or cache are made before the sandbox is, and keep the UUID that they got then (NewVM of
# virtcontainers/vm.go)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _missing(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    for pod in recorded.pods.values():
        if pod.hypervisor is None or not pod.is_running or is_gone(node, pod):
            continue
        there, booted = node.process(pod.hypervisor), booted_since(node, pod)
        if booted is not None:
            observed = f"the node was booted since, {said(booted)}"
        elif there is None or not there.is_alive:
            observed = f"no process {pod.hypervisor}"
        elif not _is_its(node, there, pod.sid):
            observed = f"pid {pod.hypervisor} is another process: {there.name}"
        else:
            continue
        yield AuditFinding(
            check=MISSING.name,
            subject=f"pid {pod.hypervisor} of {pod.sid}",
            sid=pod.sid,
            recorded=f"running, hypervisor pid {pod.hypervisor}",
            observed=observed,
            advice="remove the pod with crictl rmp -f, or stop its shim; what it leaves is named by the other checks",
            began_at=booted,
        )


def _is_its(node: Node, process: Process, sid: str) -> bool:
    """Return whether a process is a sandbox's hypervisor: its pid alone may be another's now."""
    words = node.arguments(process.pid)
    if process.name.startswith(_HYPERVISORS) and _UUID.fullmatch(_sandbox_of(words) or ""):
        return True
    # Dragonball runs within the shim, which has the ID as a word of its own
    return any(name in word for word in words for name in vm_names(sid)) or not any(words)


def _unrecorded(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    known = recorded.ids()
    known |= {name for sid in recorded.pods for name in vm_names(sid)}
    found: list[tuple[str, Process, str, bool]] = []
    for process in node.processes():
        if not process.is_alive or not process.name.startswith((*_HYPERVISORS, *_SHIMS)):
            continue
        words = node.arguments(process.pid)
        is_shim = process.name.startswith(_SHIMS)
        sid, runtimes = _of_shim(words) if is_shim else (_sandbox_of(words), KATA)
        if sid is None or sid in known or _UUID.fullmatch(sid) or not recorded.is_readable(sid):
            continue
        if recorded.is_young(node.started_at(process), runtimes) or node.is_nested(process.pid):
            continue
        found.append((sid, process, words[0] or process.name, recorded.is_complete(runtimes)))
    removed = recorded.removed({sid for sid, *_ in found})
    for sid, process, program, is_complete in found:
        if sid not in removed and not is_complete:
            continue
        yield AuditFinding(
            check=UNRECORDED.name,
            subject=f"{process.name} of {sid}",
            sid=sid if sid in removed else None,
            recorded=f"removed {said(removed[sid])}" if sid in removed else f"no sandbox {sid}",
            observed=f"pid {process.pid}: {program}, started {said(utc(node.started_at(process)))}",
            advice=(
                "import the runtimes' state; if the sandbox is in none of it, end the process with "
                f"kill {process.pid}, after a look at it"
            ),
            began_at=removed.get(sid),
        )


def _of_shim(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the sandbox that a shim is for, and the runtimes that it may be of; ``None`` for another runtime's."""
    match = _SHIM.fullmatch(posixpath.basename(words[0]))
    if match is None:
        return None, ()
    # containerd's shims take -namespace NAME -id ID (runtime/v2/shim of containerd)
    sid = next((word for before, word in pairwise(words) if before in ("-id", "--id")), None)
    return sid, KATA if match[1] else OCI_RUNTIMES  # it takes any with the command line of runc


def _sandbox_of(words: Sequence[str]) -> str | None:
    """Return the sandbox that a hypervisor is for; ``None`` for another program's, such as libvirt's."""
    for before, word in pairwise(words):
        if before == "-name" and (match := _NAME.match(word)):
            return match[1]
        if match := _FOLDER.search(f"{word}/"):
            return match[1]
    return None


MISSING: Final = Check("record-without-vm", _missing)
UNRECORDED: Final = Check("vm-without-record", _unrecorded)
