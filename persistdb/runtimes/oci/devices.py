"""Device nodes of an OCI container as device maps."""

from __future__ import annotations

import stat
from typing import Final

from ...records import DeviceMap

DEFAULT_MODE: Final = 0o666
"""The mode of a node for which the configuration gives none: runc and crun create it so."""

_DEFAULT: Final = {
    "/dev/null": (1, 3),
    "/dev/zero": (1, 5),
    "/dev/full": (1, 7),
    "/dev/random": (1, 8),
    "/dev/urandom": (1, 9),
    "/dev/tty": (5, 0),
}
"""The nodes that each container has (``config-linux.md`` of the runtime specification, "Default Devices")."""

_KINDS: Final = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def is_default(kind: str, major: int, minor: int, path: str) -> bool:
    """Return whether a node is one that each container has: it holds no device of the host that could be missed."""
    return kind == "c" and _DEFAULT.get(path) == (major, minor)


def device_map(kind: str, major: int, minor: int, path: str, mode: int, uid: int, gid: int) -> DeviceMap:
    """Make the record of a device node.

    Its ID is the host's device as the kernel's ``devices.list`` writes it: ``c 10:229``. The mode gets the bits of the
    node's kind, which the files have apart from the permissions.
    """
    bits = _KINDS.get(kind, 0) if mode == stat.S_IMODE(mode) else 0
    return DeviceMap(
        id=f"{kind} {major}:{minor}",
        container_path=path,
        file_mode=mode | bits,
        uid=uid,
        gid=gid,
    )
