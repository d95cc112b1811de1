"""An OCI ``config.json``: what a record takes of it.

The keys are those of the runtime specification (``config.md``, ``config-linux.md``).
"""

from __future__ import annotations

import os
from typing import Annotated, Final

import msgspec

from ...records import DeviceMap, Mount
from .devices import DEFAULT_MODE, device_map, is_default
from .json import UINT32, decode

_RO: Final = frozenset({"ro", "rro"})


class _Root(msgspec.Struct):
    path: str = ""
    readonly: bool | None = None


class _Mount(msgspec.Struct):
    destination: str = ""
    type: str | None = None
    source: str | None = None
    options: list[str] | None = None


class _Device(msgspec.Struct):
    path: str
    type: str
    major: int = 0
    minor: int = 0
    file_mode: Annotated[int, UINT32] | None = msgspec.field(name="fileMode", default=None)
    uid: Annotated[int, UINT32] | None = None
    gid: Annotated[int, UINT32] | None = None


class _Linux(msgspec.Struct):
    devices: list[_Device] | None = None


class Config(msgspec.Struct):
    """The keys of a config.json that records or readers use."""

    root: _Root | None = None
    mounts: list[_Mount] | None = None
    linux: _Linux | None = None
    annotations: dict[str, str] | None = None

    def rootfs(self, bundle: str, path: str = "") -> Mount:
        """Return the root file system; ``path`` is what the runtime recorded of it, relative to the bundle or not."""
        root = self.root or _Root()
        return rootfs(os.path.join(bundle, path or root.path), read_only=bool(root.readonly))

    def other_mounts(self) -> list[Mount]:
        """Return all other mounts, in the file's order."""
        return [
            Mount(
                source=mount.source or "",
                destination=mount.destination,
                type=mount.type or "",
                options=mount.options,
                read_only=not _RO.isdisjoint(mount.options or ()),
            )
            for mount in self.mounts or ()
        ]

    def device_maps(self) -> list[DeviceMap]:
        """Return the device nodes that the configuration adds to those of every container."""
        return [
            device_map(
                device.type,
                device.major,
                device.minor,
                device.path,
                DEFAULT_MODE if device.file_mode is None else device.file_mode,
                device.uid or 0,
                device.gid or 0,
            )
            for device in (self.linux.devices if self.linux is not None else None) or ()
            if not is_default(device.type, device.major, device.minor, device.path)
        ]


def rootfs(path: str, *, read_only: bool) -> Mount:
    """Make the mount that is a container's root file system, a folder of the host."""
    return Mount(source=path, destination="/", read_only=read_only)


_decoder: Final = msgspec.json.Decoder(Config)


def decode_config(data: bytes, path: str) -> Config:
    """Decode a config.json; raises :class:`~persistdb.errors.DamagedFile`, which names ``path``."""
    return decode(_decoder, data, path)
