"""What differs between two versions of a container. Pure: nothing here touches a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..records import Changes, TextChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import Container, DeviceMap, Mount, Process

T = TypeVar("T", "Mount", "DeviceMap", "Process")


def changes(old: Container, new: Container) -> Changes:
    """Return the differences; what only has another place in its list is none."""
    before, after = old.record, new.record
    texts = [
        ("state", before.state, after.state),
        ("bundle_path", before.bundle_path, after.bundle_path),
        ("cgroup_path", before.cgroup_path, after.cgroup_path),
        ("layout", old.origin.layout, new.origin.layout),
        ("extra", old.origin.extra, new.origin.extra),
        ("document", old.origin.document, new.origin.document),
    ]
    mounts_removed, mounts_added = _of_lists([before.rootfs, *before.mounts], [after.rootfs, *after.mounts])
    devices_removed, devices_added = _of_lists(before.device_maps, after.device_maps)
    processes_removed, processes_added = _of_lists(before.processes, after.processes)
    return Changes(
        texts=[TextChange(field=field, old=one, new=other) for field, one, other in texts if one != other],
        mounts_removed=mounts_removed,
        mounts_added=mounts_added,
        devices_removed=devices_removed,
        devices_added=devices_added,
        processes_removed=processes_removed,
        processes_added=processes_added,
    )


def _of_lists(old: Sequence[T], new: Sequence[T]) -> tuple[list[T], list[T]]:
    """Return what is in the one list only, and what in the other; a list may have the same twice."""
    removed, added = list(old), []
    for one in new:
        if one in removed:
            removed.remove(one)
        else:
            added.append(one)
    return removed, added
