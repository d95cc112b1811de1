"""What tells youki from the other runtimes that keep a folder for each container."""

from __future__ import annotations

from typing import Final

from ..oci.runtime import OCIRuntime
from ..oci.traits import Traits
from .state import CONFIG, STATE, bundle_of, decode_state

YOUKI: Final = OCIRuntime(
    Traits(
        name="youki",
        places=("run/youki", "run/user/*/youki"),
        files=(STATE, CONFIG),
        keys=frozenset({"ociVersion", "id", "status", "bundle"}),
        folder_mode=0o755,
        decode=decode_state,
        bundle=bundle_of,
        keeps_state=True,
    )
)
