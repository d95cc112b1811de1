"""The on-disk layouts of Kata's container files, by name.

The names are a closed set, because they are stored in the database. Each is the first Kata release that wrote the
layout (``seed``: the commit that the records follow). PersistVersion does not tell the layout: it is 2 from 1.9 to 4.1.

==========  ==========================================  ===============================================================
name        written by Kata                             how it differs from the others
==========  ==========================================  ===============================================================
old-1.0     1.0, 1.1                                    four files; state.json has drive fields and no pid
old-1.2     1.2                                         state.json gains ``pid``; devices are ``{ID, ContainerPath}``
old-1.3     1.3 to 1.5                                  ``BlockDeviceID``, ``guestMemoryBlockSize``; no drive fields
old-1.6     1.6                                         gains ``resources`` and, unless empty, ``cgroupPath``
old-1.7     1.7 to 1.10 by default, 1.11 to 1.13-alpha  state.json is down to four keys; devices have mode, UID and GID
1.7-rc1     1.7.0-rc1, opt-in                           persist.json; ``Process`` is a list, in fact always ``null``
seed        20 to 23 April 2019 (commit 196661bc)       ``Rootfs`` is a mount, mounts have ``Mounted``, processes a list
1.7         1.7.0 to 1.10 opt-in, 1.11 to 2.1           ``Process`` is an object
2.2         2.2 to 3.27                                 the same keys in another order
3.28        3.28 to 4.1 and later                       ``DeviceMaps[].Shared``
==========  ==========================================  ===============================================================
"""

from __future__ import annotations

from typing import Final

import msgspec

from ...errors import InvalidValue

DEFAULT: Final = "3.28"
"""The layout for a sandbox that never was in files: the newest."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """One layout of persist.json: its keys in their order, and how it differs from others.

    The tuples have the attributes of the records, in the order of their keys in the file.
    """

    name: str
    keys: tuple[str, ...]
    mount: tuple[str, ...]
    device: tuple[str, ...]
    process: tuple[str, ...]
    rootfs_is_mount: bool = False
    process_is_list: bool = False
    sandbox_cgroup_key: str = "CgroupPath"
    persist_version: int = 2


class OldLayout(msgspec.Struct, frozen=True, kw_only=True):
    """One layout of an old store's files.

    ``state`` has the keys of a container's state.json in their order, each with the attribute of the record or, for a
    key without one, the JSON text of Go's zero value; such keys are kept in ``Origin.extra``. ``sandbox_state`` is the
    same for a sandbox's state.json. ``device`` is empty where devices.json has the structs of the devices' drivers.
    """

    name: str
    state: tuple[tuple[str, str], ...]
    sandbox_state: tuple[tuple[str, str], ...]
    device: tuple[str, ...]
    mount_has_device_object: bool = False


_KEYS_17 = ("state", "rootfs", "cgroup_path", "device_maps", "mounts", "processes", "bundle_path")
_KEYS_22 = ("state", "cgroup_path", "bundle_path", "rootfs", "processes", "device_maps", "mounts")
_MOUNT_SEED = (
    "source",
    "destination",
    "type",
    "options",
    "host_path",
    "block_device_id",
    "read_only",
    "mounted",
)
_MOUNT_17 = ("source", "destination", "type", "options", "host_path", "read_only", "block_device_id")
_MOUNT_22 = ("source", "destination", "type", "host_path", "block_device_id", "options", "read_only")
_DEVICE = ("id", "container_path", "file_mode", "uid", "gid")
_PROCESS_17 = ("token", "pid", "start_time")
_PROCESS_22 = ("start_time", "token", "pid")

LAYOUTS: Final[dict[str, Layout]] = {
    layout.name: layout
    for layout in (
        Layout(
            name="1.7-rc1",
            keys=_KEYS_17,
            mount=_MOUNT_17,
            device=_DEVICE,
            process=_PROCESS_17,
            process_is_list=True,
            persist_version=1,
        ),
        Layout(
            name="seed",
            keys=_KEYS_17,
            mount=_MOUNT_SEED,
            device=_DEVICE,
            process=_PROCESS_17,
            rootfs_is_mount=True,
            process_is_list=True,
            persist_version=1,
        ),
        Layout(name="1.7", keys=_KEYS_17, mount=_MOUNT_17, device=_DEVICE, process=_PROCESS_17),
        Layout(
            name="2.2",
            keys=_KEYS_22,
            mount=_MOUNT_22,
            device=_DEVICE,
            process=_PROCESS_22,
            # In fact since 2.3: 2.2 itself is the one release with the new order and the old name. An export to a
            # version converts it.
            sandbox_cgroup_key="SandboxCgroupPath",
        ),
        Layout(
            name="3.28",
            keys=_KEYS_22,
            mount=_MOUNT_22,
            device=(*_DEVICE, "shared"),
            process=_PROCESS_22,
            sandbox_cgroup_key="SandboxCgroupPath",
        ),
    )
}
"""The layouts of persist.json."""

_STATE_10 = (
    ("state", "state"),
    ("blockIndex", "0"),
    ("fstype", "type"),
    ("hotpluggedDrive", "false"),
    ("rootfsPCIAddr", '""'),
)
_STATE_12 = (*_STATE_10, ("pid", "0"))
_STATE_13 = (
    ("state", "state"),
    ("BlockDeviceID", "block_device_id"),
    ("blockIndex", "0"),
    ("fstype", "type"),
    ("pid", "0"),
    ("guestMemoryBlockSize", "0"),
)
_STATE_16 = (*_STATE_13, ("cgroupPath", "cgroup_path"), ("resources", "{}"))
_STATE_17 = (
    ("state", "state"),
    ("BlockDeviceID", "block_device_id"),
    ("fstype", "type"),
    ("cgroupPath", "cgroup_path"),
)

OLD_LAYOUTS: Final[dict[str, OldLayout]] = {
    layout.name: layout
    for layout in (
        OldLayout(name="old-1.0", state=_STATE_10, sandbox_state=_STATE_10, device=(), mount_has_device_object=True),
        OldLayout(name="old-1.2", state=_STATE_12, sandbox_state=_STATE_12, device=_DEVICE[:2]),
        OldLayout(name="old-1.3", state=_STATE_13, sandbox_state=_STATE_13, device=_DEVICE[:2]),
        OldLayout(name="old-1.6", state=_STATE_16, sandbox_state=_STATE_16, device=_DEVICE[:2]),
        OldLayout(
            name="old-1.7",
            state=_STATE_17,
            sandbox_state=(
                ("state", "state"),
                ("blockIndex", "0"),
                ("guestMemoryBlockSize", "0"),
                ("guestMemoryHotplugProbe", "false"),
                ("cgroupPath", "cgroup_path"),
            ),
            device=_DEVICE,
        ),
    )
}
"""The layouts of the old stores, where a container is state.json, process.json, mounts.json and devices.json."""

NAMES: Final = (*OLD_LAYOUTS, *LAYOUTS)
"""Every layout's name, oldest first."""


def check_name(name: str) -> None:
    """Raise :class:`~persistdb.errors.InvalidValue` for a name that is not in :data:`NAMES`."""
    if name not in NAMES:
        raise InvalidValue("layout", name, f"must be one of {', '.join(NAMES)}")
