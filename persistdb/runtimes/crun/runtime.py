"""What tells crun from the other runtimes that keep a folder for each container."""

from __future__ import annotations

from typing import Final

from ..oci.runtime import OCIRuntime
from ..oci.traits import CONFIG, Traits
from .status import STATUS, decode_status

CRUN: Final = OCIRuntime(
    Traits(
        name="crun",
        # crun itself, Podman and CRI-O; and without root
        places=("run/crun", "run/user/*/crun"),
        files=(STATUS, CONFIG),
        # status files of old releases have no process-start-time (libcrun_read_container_status)
        keys=frozenset({"pid", "cgroup-path", "rootfs", "bundle", "created"}),
        folder_mode=0o700,
        decode=decode_status,
    )
)
