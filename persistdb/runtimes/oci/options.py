"""Mount flags as the options that an OCI configuration names them by.

The numbers are the kernel's (``linux/mount.h``), the names those of runc (``libcontainer/specconv/spec_linux.go``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

READ_ONLY: Final = 1 << 0
_BIND: Final = 1 << 12
_RECURSIVE: Final = 1 << 14

_FLAGS: Final = {
    READ_ONLY: ("ro", "rw"),
    1 << 1: ("nosuid", "suid"),
    1 << 2: ("nodev", "dev"),
    1 << 3: ("noexec", "exec"),
    1 << 4: ("sync", "async"),
    1 << 5: ("remount", ""),
    1 << 6: ("mand", "nomand"),
    1 << 7: ("dirsync", ""),
    1 << 8: ("nosymfollow", "symfollow"),
    1 << 10: ("noatime", "atime"),
    1 << 11: ("nodiratime", "diratime"),
    1 << 15: ("silent", "loud"),
    1 << 21: ("relatime", "norelatime"),
    1 << 23: ("iversion", "noiversion"),
    1 << 24: ("strictatime", "nostrictatime"),
    1 << 25: ("lazytime", "nolazytime"),
}
"""Each flag with the option that sets it and the one that clears it."""

_PROPAGATION: Final = {1 << 17: "unbindable", 1 << 18: "private", 1 << 19: "slave", 1 << 20: "shared"}

_ATTRIBUTES: Final = {
    0x1: ("rro", "rrw"),
    0x2: ("rnosuid", "rsuid"),
    0x4: ("rnodev", "rdev"),
    0x8: ("rnoexec", "rexec"),
    0x10: ("rnoatime", "ratime"),
    0x20: ("rstrictatime", "rnostrictatime"),
    0x80: ("rnodiratime", "rdiratime"),
    0x200000: ("rnosymfollow", "rsymfollow"),
}
"""The attributes of mount_setattr(2) that are set on a whole tree of mounts."""

_EXTENSIONS: Final = {1 << 0: ("tmpcopyup", "")}


# containers have a few combinations of flags in common
@lru_cache(maxsize=256)
def flag_options(flags: int, cleared: int = 0) -> tuple[str, ...]:
    """Return the options of a mount's flags, and of those that were cleared; a bit without a name is a number."""
    options = []
    if flags & _BIND:
        options.append("rbind" if flags & _RECURSIVE else "bind")
        flags &= ~(_BIND | _RECURSIVE)
    return (*options, *_named(flags, _FLAGS, 0), *_named(cleared, _FLAGS, 1))


def propagation_options(values: Sequence[int]) -> Iterator[str]:
    """Yield the options of a mount's propagation."""
    for value in values:
        name = _PROPAGATION.get(value & ~_RECURSIVE)
        yield hex(value) if name is None else f"r{name}" if value & _RECURSIVE else name


def attribute_options(attributes: int, cleared: int) -> Iterator[str]:
    """Yield the options of attributes that are set, and that are cleared, on a whole tree of mounts."""
    yield from _named(attributes, _ATTRIBUTES, 0)
    yield from _named(cleared, _ATTRIBUTES, 1)


def extension_options(extensions: int) -> Iterator[str]:
    """Yield the options that are runc's alone."""
    yield from _named(extensions, _EXTENSIONS, 0)


def _named(bits: int, names: Mapping[int, tuple[str, str]], which: int) -> Iterator[str]:
    for bit, pair in names.items():
        if bits & bit and pair[which]:
            yield pair[which]
            bits &= ~bit
    if bits:
        yield hex(bits)
