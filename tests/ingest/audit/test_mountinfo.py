"""What the kernel writes of mounts is read exactly, whatever their names are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from persistdb.ingest.audit.mountinfo import BadMountInfo, MountPoint, Mounts, parse

from .nodes import Namespace

if TYPE_CHECKING:
    from pathlib import Path

# from proc_pid_mountinfo(5)
MANUAL = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"


def test_the_example_of_the_manual() -> None:
    """The line of the manual page has the fields that it names."""
    assert parse(MANUAL) == [
        MountPoint(
            36, 35, "98:0", "/mnt1", "/mnt2", "rw,noatime", ("master:1",), "ext3", "/dev/root", "rw,errors=continue"
        )
    ]


# as mangle() of the kernel escapes: it has had the number sign since 6.x
_NAME = st.binary(min_size=1, max_size=40).map(lambda name: name.replace(b"\0", b"").replace(b"/", b"") or b"x")
_PATHS = st.lists(_NAME, min_size=1, max_size=4).map(lambda names: b"/" + b"/".join(names))
_WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-.:", min_size=1, max_size=12)


def mangle(path: bytes) -> bytes:
    return re.sub(rb"[ \t\n\\#]", lambda match: b"\\%03o" % match[0][0], path)


@given(
    root=_PATHS,
    path=_PATHS,
    tags=st.lists(st.from_regex(r"(shared|master|propagate_from):[1-9]|unbindable", fullmatch=True), max_size=4),
    source=st.binary(max_size=20).map(lambda name: name.replace(b"\0", b"")),
    kind=_WORDS,
    options=_WORDS,
)
@example(root=b"/", path=b"/a\\040b", tags=[], source=b"", kind="tmpfs", options="rw")
@example(root=b"/ - /", path=b"/- ", tags=["shared:1"], source=b"-", kind="-", options="-")
def test_any_names(root: bytes, path: bytes, tags: list[str], source: bytes, kind: str, options: str) -> None:
    """Each field comes back as it was, for any bytes in names, any tags, and a source that is empty."""
    line = b" ".join(
        [
            *(b"1", b"2", b"0:3", mangle(root), mangle(path), options.encode()),
            *map(str.encode, tags),
            *(b"-", kind.encode(), mangle(source), options.encode()),
        ]
    )
    (found,) = parse(line + b"\n")
    assert (os.fsencode(found.root), os.fsencode(found.path), os.fsencode(found.source)) == (root, path, source)
    assert (found.tags, found.type, found.options, found.super_options) == (tuple(tags), kind, options, options)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Bytes that are no mountinfo are refused as such, and nothing else happens."""
    try:
        parse(data)
    except BadMountInfo:
        assert data.strip(b"\n")


def test_the_kernels_own(tmp_path: Path) -> None:
    """Bind mounts, stacked mounts and odd names are read from a real namespace as the kernel made them."""
    odd = tmp_path / "a b\tc\\d\n#ü"
    (odd / "in").mkdir(parents=True)
    with Namespace() as namespace:
        namespace.run("mount", "--bind", odd / "in", odd)
        namespace.run("mount", "-t", "tmpfs", "a source", odd)
        mounts = Mounts(parse((namespace.proc(tmp_path / "proc") / "1/mountinfo").read_bytes()))
    below, above = mounts.at(str(odd))
    assert below.root.endswith(f"{odd.name}/in")
    assert (above.type, above.source, above.parent) == ("tmpfs", "a source", below.id)
    assert list(mounts.below(str(tmp_path))) == [str(odd)]


def test_of_this_process() -> None:
    """Each line of this process's own mountinfo is read."""
    with open("/proc/self/mountinfo", "rb") as file:
        data = file.read()
    assert len(parse(data)) == data.count(b"\n")


@pytest.mark.parametrize("path", ["/a", "/a/b", "/ab", "/a0"])
def test_what_is_below(path: str) -> None:
    """Only paths in a folder are below it, not the ones that begin with its name."""
    names = (b"/a", b"/a/b", b"/a/b/c", b"/ab/c", b"/a0")
    mounts = Mounts(parse(b"".join(b"1 2 0:3 / %s rw - x y rw\n" % name for name in names)))
    wanted = {"/a": ["/a/b", "/a/b/c"], "/a/b": ["/a/b/c"], "/ab": ["/ab/c"], "/a0": []}
    assert list(mounts.below(path)) == wanted[path]
