"""youki's state.json (``State`` of ``crates/libcontainer/src/container/state.rs``) and youki_config.json.

The latter is ``YoukiConfig`` of ``config.rs``: the hooks and the cgroup's path. Mounts and devices are in the bundle's
config.json only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from ...records import ContainerState, Mount, Process
from ..oci.config import Config, decode_config
from ..oci.json import INT64, decode
from ..oci.traits import BUNDLE_CONFIG, Decoded

if TYPE_CHECKING:
    from ..folders import Files

STATE: Final = "state.json"
CONFIG: Final = "youki_config.json"


class _State(msgspec.Struct):
    id: str
    status: str
    bundle: str
    pid: Annotated[int, INT64] | None = None
    annotations: dict[str, str] | None = None


class _YoukiConfig(msgspec.Struct):
    cgroup_path: str = ""


_decode_state: Final = msgspec.json.Decoder(_State)
_decode_config: Final = msgspec.json.Decoder(_YoukiConfig)


def decode_state(files: Files, folder: str) -> Decoded:
    """Decode a container's files; raises :class:`~persistdb.errors.DamagedFile`."""
    state = decode(_decode_state, files[STATE], folder + STATE)
    youki = decode(_decode_config, files[CONFIG], folder + CONFIG)
    spec = decode_config(files[BUNDLE_CONFIG], folder + BUNDLE_CONFIG) if BUNDLE_CONFIG in files else Config()
    pid = state.pid or 0
    return Decoded(
        record=ContainerState(
            rootfs=spec.rootfs(state.bundle) if spec.root is not None else Mount(destination="/"),
            cgroup_path=youki.cgroup_path,
            device_maps=spec.device_maps(),
            mounts=spec.other_mounts(),
            processes=[Process(pid=pid)] if pid > 0 else [],
            bundle_path=state.bundle,
        ),
        annotations=state.annotations or {},
        # refresh_status of container.rs refines it by the process
        status=state.status,
    )


def bundle_of(files: Files, folder: str) -> str:
    """Return the path of the container's bundle."""
    return decode(_decode_state, files[STATE], folder + STATE).bundle
