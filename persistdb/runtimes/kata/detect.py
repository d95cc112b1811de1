"""Recognise the layout of Kata's files by their keys, because the version number in them does not tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...errors import UnsupportedLayout
from ..gojson import scan
from .layouts import LAYOUTS, NAMES, OLD_LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ...records import ContainerState, Origin
    from ..tree import SandboxTree
    from .layouts import Layout, OldLayout

_RUNTIME_RS_KEYS: Final = frozenset({"sandbox_type", "resource", "hypervisor"})
# Added to HypervisorConfig after DeviceMaps[].Shared (kata-containers pull request 12683): a Kata that writes this key
# to the sandbox's file also writes Shared.
_SINCE_328: Final = '"BlockDeviceLogicalSectorSize":'
_MOUNT_KEYS: Final = frozenset({"source", "destination", "mounted", "type"})


def guess_layout(data: bytes) -> Layout:
    """Guess the layout of a container's persist.json without parsing it.

    The guess is right if encoding the record in that layout gives the same bytes. A quote inside a string is escaped,
    so the quoted names match keys only.
    """
    if b'"Rootfs":{"Source":' in data:
        return LAYOUTS["seed"]
    if data.find(b',"CgroupPath":') < data.find(b',"Rootfs":'):
        return LAYOUTS["3.28" if b',"Shared":' in data else "2.2"]
    return LAYOUTS["1.7" if b',"Process":{' in data else "1.7-rc1"]


def detect_layout(text: str, start: int) -> Layout:
    """Return the layout of the container's persist.json whose object begins at ``start``.

    Without devices the layouts 2.2 and 3.28 look the same, and 2.2 is returned (:func:`is_ambiguous`).
    """
    members = [(scan.fold(member.key), member.start) for member in scan.members(text, start)[0]]
    values = dict(members)
    process = values.get("process")
    if process is not None and not text.startswith("{", process):
        rootfs_is_mount = _MOUNT_KEYS & _keys(text, values.get("rootfs"))
        is_seed = rootfs_is_mount or "mounted" in _keys_of_items(text, values.get("mounts"))
        return LAYOUTS["seed" if is_seed else "1.7-rc1"]
    if "shared" in _keys_of_items(text, values.get("devicemaps")):
        return LAYOUTS["3.28"]
    order = [key for key, _ in members]
    before_rootfs = order[: order.index("rootfs")] if "rootfs" in order else []
    return LAYOUTS["2.2" if "cgrouppath" in before_rootfs or "bundlepath" in before_rootfs else "1.7"]


def _keys(text: str, pos: int | None) -> set[str]:
    """Return the folded keys of the object at ``pos``; none if there is something else."""
    if pos is None or not text.startswith("{", pos):
        return set()
    return {scan.fold(member.key) for member in scan.members(text, pos)[0]}


def _keys_of_items(text: str, pos: int | None) -> set[str]:
    """Return the folded keys of all objects in the list at ``pos``; none if there is something else."""
    if pos is None or not text.startswith("[", pos):
        return set()
    return set().union(*(_keys(text, start) for start, _ in scan.items(text, pos)))


def is_ambiguous(record: ContainerState, origin: Origin) -> bool:
    """Return whether the container's own file is the same in layouts 2.2 and 3.28."""
    return origin.layout == "2.2" and not record.device_maps


def detect_sandbox_layout(text: str, keys: list[str]) -> str:
    """Return the layout of a sandbox's persist.json, as far as its own keys show it."""
    if _SINCE_328 in text:
        return "3.28"
    # Since 2.2 the keys are ordered by size, and PersistVersion is no longer the first.
    if "SandboxCgroupPath" in keys or ("PersistVersion" in keys and keys[0] != "PersistVersion"):
        return "2.2"
    return "1.7"


def settle_layouts(tree: SandboxTree) -> None:
    """Decide between 2.2 and 3.28 for files that fit both, by the sandbox's other files: one Kata wrote them all."""
    certain = {origin.layout for record, origin in tree.containers.values() if not is_ambiguous(record, origin)}
    own = tree.record.layout if tree.record is not None else ""
    if "3.28" in certain or (own == "3.28" and "2.2" not in certain):
        for cid, (record, origin) in tree.containers.items():
            if is_ambiguous(record, origin):
                tree.containers[cid] = record, msgspec.structs.replace(origin, layout="3.28")
    if tree.record is not None and tree.containers:
        newest = max((origin.layout for _, origin in tree.containers.values()), key=NAMES.index)
        tree.record = msgspec.structs.replace(tree.record, layout=newest)


def detect_old_layout(keys: Iterable[str], mounts: str = "", *, is_sandbox: bool = False) -> OldLayout:
    """Return the layout of an old store by the keys of state.json and, for a container, the text of mounts.json."""
    folded = {scan.fold(key) for key in keys}
    if {"hotpluggeddrive", "rootfspciaddr"} & folded:
        return OLD_LAYOUTS["old-1.2" if "pid" in folded and '"BlockDevice":' not in mounts else "old-1.0"]
    if is_sandbox and "guestmemoryhotplugprobe" in folded:
        return OLD_LAYOUTS["old-1.7"]
    if "resources" in folded:
        return OLD_LAYOUTS["old-1.6"]
    if {"blockindex", "guestmemoryblocksize", "pid"} & folded:
        return OLD_LAYOUTS["old-1.3"]
    return OLD_LAYOUTS["old-1.7"]


def check_old_state(keys: Collection[str], path: str) -> None:
    """Raise :class:`~persistdb.errors.UnsupportedLayout` for keys of a state.json that is not one of Kata's old store.

    Other runtimes have files of that name, too; every Kata has written ``state`` into its own.
    """
    refuse_runtime_rs(keys, path)
    if not is_old_state(keys):
        raise UnsupportedLayout(
            path, "is not Kata's: it has no key 'state', which every state.json of Kata has; nothing was read from it"
        )


def is_old_state(keys: Iterable[str]) -> bool:
    """Return whether a state.json has the key that each release with an old store wrote."""
    return "state" in map(scan.fold, keys)


def is_runtime_rs(keys: Collection[str]) -> bool:
    """Return whether a state.json has the keys of runtime-rs."""
    return _RUNTIME_RS_KEYS.issubset(keys)


def refuse_runtime_rs(keys: Collection[str], path: str) -> None:
    """Raise :class:`~persistdb.errors.UnsupportedLayout` for the keys of runtime-rs's state.json."""
    if is_runtime_rs(keys):
        raise UnsupportedLayout(
            path, "is the state.json of runtime-rs, which holds the hypervisor's state and no container data"
        )
