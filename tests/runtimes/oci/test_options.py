"""Mount flags as options: each name, and what has none."""

from __future__ import annotations

import pytest

from persistdb.runtimes.oci.options import (
    attribute_options,
    extension_options,
    flag_options,
    propagation_options,
)


@pytest.mark.parametrize(
    ("flags", "cleared", "options"),
    [
        (0, 0, []),
        (4096, 0, ["bind"]),
        (20481, 0, ["rbind", "ro"]),
        (2097167, 0, ["ro", "nosuid", "nodev", "noexec", "relatime"]),
        (16777218, 0, ["nosuid", "strictatime"]),
        (0, 0b1111, ["rw", "suid", "dev", "exec"]),
        (1 << 8 | 1 << 25, 1 << 11, ["nosymfollow", "lazytime", "diratime"]),
        (1 | 1 << 40, 0, ["ro", hex(1 << 40)]),
        (16384, 0, [hex(16384)]),
        (0, 1 << 5, [hex(1 << 5)]),
    ],
)
def test_flags(flags: int, cleared: int, options: list[str]) -> None:
    """Flags have the names that a configuration gives them, and a bit without a name is not lost."""
    assert list(flag_options(flags, cleared)) == options


def test_propagation() -> None:
    """A propagation is of one mount or, with MS_REC, of all below it."""
    values = [1 << 18, 278528, 1 << 19 | 16384, 1 << 20, 1 << 17, 3]
    assert list(propagation_options(values)) == ["private", "rprivate", "rslave", "shared", "unbindable", "0x3"]


def test_attributes_and_extensions() -> None:
    """Attributes of a whole tree, those that are cleared too, and runc's own options have names."""
    assert list(attribute_options(0x1 | 0x80, 0x4 | 0x200000)) == ["rro", "rnodiratime", "rdev", "rsymfollow"]
    assert [*extension_options(1), *extension_options(2)] == ["tmpcopyup", "0x2"]
