"""``leaked-mount`` and ``missing-mount``: what runtimes mounted on the host, and what is mounted there."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING, Final

from ....records import AuditFinding
from ....runtimes.folders import printable_path
from ..recorded import IN_USE, KATA, STOPPED
from .check import Check, is_gone, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ....records import Container, Mount
    from ..node import Node
    from ..recorded import Pod, Recorded

SHARED: Final = "/run/kata-containers/shared/sandboxes"
"""The folder that has a folder for each sandbox, shared with its VM (``kataHostSharedDir`` of kata_agent.go)."""
_KERNEL: Final = ("/proc", "/sys", "/dev")
"""Folders in which no runtime mounts what a container has."""


def _paths(container: Container) -> Iterator[tuple[str, Mount]]:
    """Yield the paths on the host that a container's mounts have."""
    for mount in (container.record.rootfs, *container.record.mounts):
        if mount.host_path.startswith("/"):
            yield posixpath.normpath(mount.host_path), mount


def _leaked(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    mounts = node.mounts
    in_use: set[str] = set()
    stopped: dict[str, tuple[Pod, Container]] = {}
    for pod, container in recorded.containers():
        for path, _ in _paths(container):
            if container.record.state == STOPPED:
                stopped[path] = (pod, container)
            else:
                in_use.add(path)
        root = container.record.rootfs.source
        if root.startswith("/"):  # the mount of a root file system is its engine's, which keeps it until it is removed
            in_use.add(posixpath.normpath(root))
    for path, (pod, container) in stopped.items():
        if path not in in_use and mounts.at(path):
            yield _leak(node, path, "container stopped", container.updated_at, sid=pod.sid, cid=container.cid)
    candidates = {
        path
        for path in mounts.paths
        if path not in in_use and path not in stopped and not f"{path}/".startswith(tuple(f"{x}/" for x in _KERNEL))
    }
    removed = recorded.holders({printable_path(path) for path in candidates} - {"/"})
    found = {path for path in candidates if path in removed and recorded.is_readable(removed[path].sid)}
    for path in sorted(found):
        one = removed[path]
        yield _leak(node, path, f"container removed {said(one.removed_at)}", one.removed_at, sid=one.sid, cid=one.cid)
    yield from _shared(node, recorded, {path for path in candidates if path not in found})


def _shared(node: Node, recorded: Recorded, candidates: set[str]) -> Iterator[AuditFinding]:
    """Yield the mounts in folders of sandboxes that no record has."""
    of: dict[str, list[str]] = {}
    for path in sorted(candidates):
        if path.startswith(f"{SHARED}/"):
            of.setdefault(printable_path(path[len(SHARED) + 1 :].split("/", 1)[0]), []).append(path)
    for sid, at in sorted(without_record(node, recorded, set(of)).items()):
        told = f"no sandbox {sid}" if at is None else f"sandbox removed {said(at)}"
        for path in of[sid]:
            yield _leak(node, path, told, at, sid=None if at is None else sid)


def without_record(node: Node, recorded: Recorded, sids: set[str]) -> dict[str, datetime | None]:
    """Return the sandboxes of shared folders that should have a record and have none, with their time of removal.

    A folder that came after the records were read has yet to be imported. Where no import reads Kata's files, only what
    was removed is known.
    """
    unknown = {sid for sid in sids if sid not in recorded.pods and recorded.is_readable(sid)}
    if not unknown:
        return {}
    changed = node.folders(SHARED) or {}
    unknown = {sid for sid in unknown if not recorded.is_young(changed.get(sid), KATA)}
    removed = recorded.removed(unknown)
    return {sid: removed.get(sid) for sid in unknown if sid in removed or recorded.is_complete(KATA)}


def _leak(
    node: Node, path: str, told: str, began: datetime | None, sid: str | None, cid: str | None = None
) -> AuditFinding:
    stack = node.mounts.at(path)
    times = f", {len(stack)} times" if len(stack) > 1 else ""
    deleted = "; its source was removed" if stack[-1].is_deleted else ""
    return AuditFinding(
        check=LEAKED.name,
        subject=printable_path(path),
        sid=sid,
        cid=cid,
        recorded=told,
        observed=printable_path(f"mounted{times}: {stack[-1]}{deleted}"),
        advice=(
            f"umount {shlex.quote(printable_path(path))}{times}; "
            "never rm -r a path that is mounted: it deletes what the mount shows"
        ),
        began_at=began,
    )


def _missing(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    mounts = node.mounts
    for pod, container in recorded.containers():
        if container.record.state not in IN_USE or is_gone(node, pod, container):
            continue
        for path, mount in _paths(container):
            if mounts.at(path) or (mount is container.record.rootfs and not mount.mounted):
                continue
            there = "not mounted: an unmounted path" if node.exists(path) else "not mounted: the path does not exist"
            yield AuditFinding(
                check=MISSING.name,
                subject=path,
                recorded=f"{container.record.state}, {mount.destination or 'rootfs'} from {mount.source or '-'}",
                observed=there,
                advice="the container sees an empty or stale path: restart it; do not mount by hand",
                sid=pod.sid,
                cid=container.cid,
            )


LEAKED: Final = Check("leaked-mount", _leaked)
MISSING: Final = Check("missing-mount", _missing)
