"""The names of Kata's files, and of the folders below a root that have them."""

from __future__ import annotations

import os
from typing import Final

STORE: Final = ("run", "vc", "sbs")
"""The folder of sandboxes."""
PLACE: Final = "/".join(STORE)
CONFIGS: Final = ("var", "lib", "vc", "sbs")
"""The folder in which the old stores keep each config.json."""

PERSIST: Final = "persist.json"
"""The one file of a sandbox, and of each container, in all but the old stores."""
STATE: Final = "state.json"
"""The one file that a sandbox and a container of an old store always have."""
CONTAINER_FILES: Final = (STATE, "process.json", "mounts.json", "devices.json")
"""The files of a container of an old store."""
SANDBOX_FILES: Final = (STATE, "devices.json", "network.json", "hypervisor.json", "agent.json")
"""The files of a sandbox of an old store."""
OWN_FILES: Final = frozenset({PERSIST, STATE})
"""The files of which a sandbox's folder has one."""
CONFIG: Final = "config.json"
LOCK: Final = "lock"
"""An empty file of an old store."""


def root_of(path: str) -> str | None:
    """Return the root whose folder of sandboxes a path is, ``None`` if it is not named like one."""
    tail = os.sep + os.path.join(*STORE)
    return path[: -len(tail)] or os.sep if path.endswith(tail) else None
