"""What tells runc from the other runtimes that keep a folder for each container."""

from __future__ import annotations

from typing import Final

from ..oci.runtime import OCIRuntime
from ..oci.traits import Traits
from .state import STATE, decode_state

RUNC: Final = OCIRuntime(
    Traits(
        name="runc",
        # runc itself and CRI-O; containerd, by its namespaces; Docker; and without root
        places=("run/runc", "run/containerd/runc/*", "run/docker/runtime-*/*", "run/user/*/runc"),
        files=(STATE,),
        keys=frozenset({"id", "init_process_pid", "init_process_start", "config"}),
        folder_mode=0o711,
        decode=decode_state,
        # refreshState of libcontainer/container_linux.go
        freezer_first=True,
    )
)
