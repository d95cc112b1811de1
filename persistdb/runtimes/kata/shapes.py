"""A container's persist.json as structs: msgspec decodes it to them, and encodes each layout from them.

A struct that is encoded has its fields in the order in which the layout has the keys.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Process
from .. import gojson
from .emptylists import NO_LISTS
from .layouts import LAYOUTS, Layout
from .specs import json_names

if TYPE_CHECKING:
    from collections.abc import Callable


class Rootfs(msgspec.Struct):
    """``RootfsState`` of Kata: what it keeps of the rootfs's mount."""

    block_device_id: str = msgspec.field(name="BlockDeviceID")
    type: str = msgspec.field(name="FsType")


class ProcessKeys(msgspec.Struct):
    """A process with its time as text, its keys in the order of layouts up to 1.7."""

    token: str = msgspec.field(name="Token")
    pid: int = msgspec.field(name="Pid")
    start_time: str = msgspec.field(name="StartTime")


class _ProcessKeys22(msgspec.Struct):
    start_time: str = msgspec.field(name="StartTime")
    token: str = msgspec.field(name="Token")
    pid: int = msgspec.field(name="Pid")


class File(msgspec.Struct):
    """Any layout's file. msgspec takes the keys in any order, and ignores keys that it does not know."""

    state: str = msgspec.field(name="State")
    cgroup_path: str = msgspec.field(name="CgroupPath")
    device_maps: list[DeviceMap] | None = msgspec.field(name="DeviceMaps")
    mounts: list[Mount] | None = msgspec.field(name="Mounts")
    process: ProcessKeys | list[ProcessKeys] | None = msgspec.field(name="Process")
    bundle_path: str = msgspec.field(name="BundlePath")


class _SeedFile(File):
    rootfs: Mount = msgspec.field(name="Rootfs")


class _KataFile(File):
    rootfs: Rootfs = msgspec.field(name="Rootfs")


_decode_seed = msgspec.json.Decoder(_SeedFile).decode
_decode_kata = msgspec.json.Decoder(_KataFile).decode


def decode_file(data: bytes, layout: Layout) -> tuple[File, Mount]:
    """Decode a file and its rootfs; raises :class:`msgspec.MsgspecError` for anything that Kata does not write."""
    if layout.rootfs_is_mount:
        seed = _decode_seed(data)
        return seed, seed.rootfs
    kata = _decode_kata(data)
    return kata, Mount(type=kata.rootfs.type, block_device_id=kata.rootfs.block_device_id)


class Shape:
    """One layout's structs: ``rootfs``, ``device``, ``mount`` and ``process`` each make the struct of a record."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.mount = _ordered(Mount, layout.mount)
        self.device = _ordered(DeviceMap, layout.device)
        self.rootfs = self.mount if layout.rootfs_is_mount else _rootfs
        self.process = _process if layout.process[0] == "token" else _process_22
        names = json_names(ContainerState)
        self._file = msgspec.defstruct(
            "File", [(name, object, msgspec.field(name=names[name])) for name in layout.keys], kw_only=True
        )
        self._no_process = None if layout.process_is_list else self.process(Process())

    def file(
        self,
        record: ContainerState,
        rootfs: object,
        devices: list[Any],
        mounts: list[Any],
        processes: list[Any],
        empty: frozenset[str] = NO_LISTS,
    ) -> msgspec.Struct:
        """Make the struct of the whole file from a record and the structs of its parts.

        Without items a list is ``null``, or ``[]`` if ``empty`` has its attribute.
        """
        process: object = self._no_process
        if self.layout.process_is_list:
            process = processes or ([] if "processes" in empty else None)
        elif processes:
            process = processes[0]
        return self._file(
            state=record.state,
            rootfs=rootfs,
            cgroup_path=record.cgroup_path,
            device_maps=devices or ([] if "device_maps" in empty else None),
            mounts=mounts or ([] if "mounts" in empty else None),
            processes=process,
            bundle_path=record.bundle_path,
        )


def _ordered(record: type[msgspec.Struct], attributes: tuple[str, ...]) -> Callable[[Any], msgspec.Struct]:
    names = json_names(record)
    struct = msgspec.defstruct(
        record.__name__, [(name, object, msgspec.field(name=names[name])) for name in attributes]
    )
    values = attrgetter(*attributes)
    return lambda of: struct(*values(of))


def _rootfs(mount: Mount) -> Rootfs:
    return Rootfs(mount.block_device_id, mount.type)


def _process(process: Process) -> ProcessKeys:
    return ProcessKeys(process.token, process.pid, gojson.write_time(process.start_time))


def _process_22(process: Process) -> _ProcessKeys22:
    return _ProcessKeys22(gojson.write_time(process.start_time), process.token, process.pid)


SHAPES: Final = {name: Shape(layout) for name, layout in LAYOUTS.items()}
"""The structs of each layout of persist.json, by the layout's name."""
