"""Mounts of a mount namespace, from the text of ``/proc/PID/mountinfo`` (proc_pid_mountinfo(5)).

Pure: nothing here reads a file.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The kernel writes blanks, tabs, newlines, backslashes and, since Linux 6.x, number signs so (mangle() and
# show_mountinfo() in fs/proc_namespace.c of Linux)
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_DELETED = "//deleted"


class MountPoint(NamedTuple):
    """A mount, with the fields of its line.

    ``root`` is the folder of the file system that is mounted, other than ``/`` for a bind mount; ``is_deleted`` says
    that it was removed since. ``tags`` are the optional fields, such as ``master:1``.
    """

    id: int
    parent: int
    device: str
    root: str
    path: str
    options: str
    tags: tuple[str, ...]
    type: str
    source: str
    super_options: str

    @property
    def is_deleted(self) -> bool:
        """Whether the folder or file that is mounted was removed."""
        return self.root.endswith(_DELETED)

    def __str__(self) -> str:
        origin = self.source if self.root == "/" else f"{self.source}[{self.root}]"
        return f"{self.type} {origin} ({self.device})"


class BadMountInfo(ValueError):
    """A line that is not of the form which proc_pid_mountinfo(5) describes."""


def parse(data: bytes) -> list[MountPoint]:
    """Return the mounts in the order of the lines, in which a mount comes after the ones below it.

    Raises :class:`BadMountInfo`.
    """
    return [_parse_line(line) for line in os.fsdecode(data).split("\n") if line]


def _parse_line(line: str) -> MountPoint:
    fields = line.split(" ")  # not by any blanks: the source of a mount may be empty
    try:
        separator = fields.index("-", 6)
        if "\\" in line:
            fields[3:] = [_unescaped(field) for field in fields[3:]]
        id_, parent, device, root, path, options = fields[:6]
        type_, source, super_options = fields[separator + 1 : separator + 4]
        tags = tuple(fields[6:separator])
        return MountPoint(int(id_), int(parent), device, root, path, options, tags, type_, source, super_options)
    except ValueError:
        raise BadMountInfo(f"not a line of mountinfo: {line[:200]!r}") from None


def _unescaped(field: str) -> str:
    if "\\" not in field:
        return field
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), os.fsencode(field)))


class Mounts:
    """The mounts of a namespace, by the paths on which they are."""

    def __init__(self, mounts: Iterable[MountPoint]) -> None:
        self._by_path: dict[str, list[MountPoint]] = {}
        for mount in mounts:
            self._by_path.setdefault(mount.path, []).append(mount)

    @cached_property
    def paths(self) -> Sequence[str]:
        """The paths, sorted."""
        return sorted(self._by_path)

    def at(self, path: str) -> Sequence[MountPoint]:
        """Return the mounts that are stacked on a path; the last one is seen."""
        return self._by_path.get(path, ())

    def below(self, folder: str) -> Iterator[str]:
        """Yield the paths of mounts in a folder, at any depth, sorted."""
        prefix = folder.rstrip("/") + "/"
        for path in self.paths[bisect_left(self.paths, prefix) :]:
            if not path.startswith(prefix):
                return
            yield path
