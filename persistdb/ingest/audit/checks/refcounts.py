"""``ref-count``: Kata's counts of a device's users against its users; of the records alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ....records import AuditFinding
from ..recorded import STOPPED
from .check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..node import Node
    from ..recorded import Recorded

_VFIO: Final = "vfio"


def _find(_: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    for pod in recorded.pods.values():
        maps, mounts, released = Counter[str](), Counter[str](), Counter[str]()
        for container in pod.sandbox.containers.values():
            record = container.record
            is_stopped = record.state == STOPPED
            # what a container maps it gives back when it stops (detachDevices of virtcontainers/container.go)
            maps.update(map_.id for map_ in record.device_maps if not is_stopped)
            blocks = [one.block_device_id for one in (record.rootfs, *record.mounts) if one.block_device_id]
            (released if is_stopped else mounts).update(blocks)
        for device in pod.devices:
            if device.device_id is None or device.ref_count is None or device.attach_count is None:
                continue
            number = maps[device.device_id] + mounts[device.device_id]
            # the sandbox itself is a user of the VFIO devices of its network (Sandbox.AddDevice), and whether a stopped
            # container's block mounts count depends on the release
            most = number + released[device.device_id]
            is_sandboxes = device.type == _VFIO and not maps[device.device_id] and device.attach_count > 0
            is_count = number <= device.ref_count and (device.ref_count <= most or is_sandboxes)
            if is_count and device.attach_count <= device.ref_count:
                continue
            yield AuditFinding(
                check=CHECK.name,
                subject=f"{device.device_id} of {pod.sid}",
                sid=pod.sid,
                recorded=(
                    f"{device.type or 'some'} device: RefCount {device.ref_count}, AttachCount {device.attach_count}"
                ),
                observed=f"used {number} time{'' if number == 1 else 's'} by the sandbox's containers",
                advice=(
                    "a count that is too high keeps the device attached for ever, one that is too low detaches it "
                    "while in use: restart the pod soon"
                ),
            )


CHECK: Final = Check("ref-count", _find)
