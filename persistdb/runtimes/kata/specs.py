"""The Go structs that Kata's files hold, as keys and kinds for the careful decoder."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Process
from ..gojson import Kind, ListOf, Spec
from .layouts import LAYOUTS, Layout

_KINDS: Final[dict[str, Kind]] = {
    "options": "strings",
    "read_only": "bool",
    "mounted": "bool",
    "shared": "bool",
    "file_mode": "uint32",
    "uid": "uint32",
    "gid": "uint32",
    "pid": "int64",
    "start_time": "time",
}


@cache
def json_names(record: type[msgspec.Struct]) -> dict[str, str]:
    """Map a record's attributes to the keys that Go gives them."""
    return {field.name: field.encode_name for field in msgspec.structs.fields(record)}


def spec_of(record: type[msgspec.Struct], attributes: tuple[str, ...]) -> Spec:
    """Return the Go struct whose fields are these attributes of a record."""
    names = json_names(record)
    return Spec({names[name]: (name, _KINDS.get(name, "string")) for name in attributes})


ROOTFS: Final = Spec({"BlockDeviceID": ("block_device_id", "string"), "FsType": ("type", "string")})
"""``RootfsState`` of Kata: what it keeps of the rootfs's mount."""


class ContainerSpecs(msgspec.Struct, frozen=True):
    """The structs of one layout of persist.json."""

    container: Spec
    rootfs: Spec
    mount: Spec
    device: Spec
    process: Spec


def _specs(layout: Layout) -> ContainerSpecs:
    mount = spec_of(Mount, layout.mount)
    device = spec_of(DeviceMap, layout.device)
    process = spec_of(Process, layout.process)
    rootfs = mount if layout.rootfs_is_mount else ROOTFS
    nested: dict[str, Kind | Spec | ListOf] = {
        "rootfs": rootfs,
        "device_maps": ListOf(device),
        "mounts": ListOf(mount),
        "processes": ListOf(process) if layout.process_is_list else process,
    }
    names = json_names(ContainerState)
    container = Spec({names[name]: (name, nested.get(name, "string")) for name in layout.keys})
    return ContainerSpecs(container, rootfs, mount, device, process)


SPECS: Final = {name: _specs(layout) for name, layout in LAYOUTS.items()}
"""The structs of each layout of persist.json, by the layout's name."""
