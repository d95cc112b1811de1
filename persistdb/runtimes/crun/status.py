"""crun's status file (``libcrun_write_container_status`` of ``src/libcrun/status.c``) and the config.json beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from ...records import ContainerState, Process
from ..oci.config import decode_config
from ..oci.json import INT64, decode
from ..oci.processes import CGROUPS
from ..oci.traits import CONFIG, Decoded

if TYPE_CHECKING:
    from ..folders import Files

STATUS: Final = "status"


class _Status(msgspec.Struct):
    pid: Annotated[int, INT64]
    cgroup_path: str = msgspec.field(name="cgroup-path")
    rootfs: str
    bundle: str
    start: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(name="process-start-time", default=0)


_decoder: Final = msgspec.json.Decoder(_Status)


def decode_status(files: Files, folder: str) -> Decoded:
    """Decode a container's files; raises :class:`~persistdb.errors.DamagedFile`."""
    status = decode(_decoder, files[STATUS], folder + STATUS)
    config = decode_config(files[CONFIG], folder + CONFIG)
    return Decoded(
        record=ContainerState(
            rootfs=config.rootfs(status.bundle, status.rootfs),
            cgroup_path=status.cgroup_path,
            device_maps=config.device_maps(),
            mounts=config.other_mounts(),
            processes=[Process(pid=status.pid)] if status.pid > 0 else [],
            bundle_path=status.bundle,
        ),
        annotations=config.annotations or {},
        ticks=status.start or None,
        freezer=freezer(status.cgroup_path),
    )


def freezer(cgroup_path: str) -> str:
    """Return the file that tells whether a cgroup is frozen, with the hierarchies of this machine."""
    if not cgroup_path:
        return ""
    path = cgroup_path.lstrip("/")
    if os.path.exists(f"{CGROUPS}/cgroup.controllers"):
        return f"{CGROUPS}/{path}/cgroup.freeze"
    return f"{CGROUPS}/freezer/{path}/freezer.state"
