"""runc's state.json: ``State`` of ``libcontainer/container_linux.go``, with ``configs.Config`` in it.

Releases differ in keys that no record takes, and newer ones leave out what is zero in a mount.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Process
from ..oci.config import rootfs
from ..oci.devices import device_map, is_default
from ..oci.json import INT64, UINT32, decode
from ..oci.options import (
    READ_ONLY,
    attribute_options,
    extension_options,
    flag_options,
    propagation_options,
)
from ..oci.processes import CGROUPS
from ..oci.traits import Decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..folders import Files

STATE: Final = "state.json"

_BUNDLE: Final = "bundle"
"""The label that is not an annotation (``Annotations`` of libcontainer/utils)."""


class _Attributes(msgspec.Struct):
    """``unix.MountAttr``, which has Go's names for its keys."""

    set: int = msgspec.field(name="Attr_set", default=0)
    cleared: int = msgspec.field(name="Attr_clr", default=0)


class _Mapping(msgspec.Struct):
    recursive: bool = False


class _Mount(msgspec.Struct):
    source: str = ""
    destination: str = ""
    device: str = ""
    flags: int = 0
    cleared_flags: int = 0
    propagation_flags: list[int] | None = None
    data: str = ""
    rec_attr: _Attributes | None = None
    extensions: int = 0
    id_mapping: _Mapping | None = None


class _Device(msgspec.Struct):
    type: Annotated[int, msgspec.Meta(ge=0, le=0x7F)] = 0
    major: int = 0
    minor: int = 0
    path: str = ""
    file_mode: Annotated[int, UINT32] = 0
    uid: Annotated[int, UINT32] = 0
    gid: Annotated[int, UINT32] = 0


class _Cgroups(msgspec.Struct):
    path: str = ""


class _Config(msgspec.Struct):
    rootfs: str = ""
    readonlyfs: bool = False
    mounts: list[_Mount] | None = None
    devices: list[_Device] | None = None
    cgroups: _Cgroups | None = None
    labels: list[str] | None = None


class _State(msgspec.Struct):
    id: str
    init_process_pid: Annotated[int, INT64]
    # text in runc 1.0.0-rc2, a number in later releases
    init_process_start: Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")]
    config: _Config
    cgroup_paths: dict[str, str] | None = None


_decoder: Final = msgspec.json.Decoder(_State)


def decode_state(files: Files, folder: str) -> Decoded:
    """Decode a container's state.json; raises :class:`~persistdb.errors.DamagedFile`."""
    state = decode(_decoder, files[STATE], folder + STATE)
    config = state.config
    labels = dict(label.split("=", 1) for label in config.labels or () if "=" in label)
    bundle = labels.pop(_BUNDLE, "")
    cgroups = state.cgroup_paths or {}
    pid = state.init_process_pid
    return Decoded(
        record=ContainerState(
            rootfs=rootfs(config.rootfs, read_only=config.readonlyfs),
            cgroup_path=_cgroup_path(cgroups) or (config.cgroups.path if config.cgroups is not None else ""),
            device_maps=[
                _device(device)
                for device in config.devices or ()
                if not is_default(chr(device.type), device.major, device.minor, device.path)
            ],
            mounts=[_mount(mount) for mount in config.mounts or ()],
            # -1 before there is one (currentState)
            processes=[Process(pid=pid)] if pid > 0 else [],
            bundle_path=bundle,
        ),
        annotations=labels,
        ticks=int(state.init_process_start),
        freezer=_freezer(cgroups),
    )


def _mount(mount: _Mount) -> Mount:
    options = [*flag_options(mount.flags, mount.cleared_flags), *propagation_options(mount.propagation_flags or ())]
    if mount.extensions:
        options += extension_options(mount.extensions)
    if mount.rec_attr is not None:
        options += attribute_options(mount.rec_attr.set, mount.rec_attr.cleared)
    if mount.id_mapping is not None:
        options.append("ridmap" if mount.id_mapping.recursive else "idmap")
    if mount.data:
        options += mount.data.split(",")
    return Mount(
        source=mount.source,
        destination=mount.destination,
        type=mount.device,
        options=options,
        read_only=bool(mount.flags & READ_ONLY),
    )


def _device(device: _Device) -> DeviceMap:
    return device_map(
        chr(device.type), device.major, device.minor, device.path, device.file_mode, device.uid, device.gid
    )


def _cgroup_path(paths: Mapping[str, str]) -> str:
    """Return the cgroup's path below its hierarchy, the same in all of them but on nested machines.

    With cgroup v1 each controller has a hierarchy, which is the first folder below /sys/fs/cgroup; v2 has one, whose
    key is empty. A machine with both has the key, too.
    """
    controllers = sorted(paths.keys() - {""})
    if not controllers:
        return paths.get("", "").removeprefix(CGROUPS)
    # the devices are the runtime's own, so nobody moves their cgroup
    path = paths["devices" if "devices" in paths else controllers[0]]
    _, _, below = path.removeprefix(CGROUPS + "/").partition("/")
    return f"/{below}" if path.startswith(CGROUPS + "/") else path


def _freezer(paths: Mapping[str, str]) -> str:
    if "freezer" in paths:
        return posixpath.join(paths["freezer"], "freezer.state")
    return posixpath.join(paths[""], "cgroup.freeze") if "" in paths else ""
