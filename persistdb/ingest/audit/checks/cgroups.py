"""``cgroup``: a running container whose cgroup is gone, or one that stopped and still has processes (cgroups(7))."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ....errors import FileError
from ....records import AuditFinding
from ..recorded import IN_USE, KATA, STOPPED
from .check import Check, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....records import Container
    from ..node import Node
    from ..recorded import Pod, Recorded

_ROOT: Final = ("fs", "cgroup")
_MOST: Final = 10_000
"""Folders of a v1 cgroup that are looked at."""


class _Hierarchies:
    """The cgroups of a node: one hierarchy with v2, one for each controller with v1, both on a hybrid machine."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @cached_property
    def _roots(self) -> list[tuple[str, ...]]:
        names = self._node.sys_list(*_ROOT)
        if "cgroup.controllers" in names:
            return [_ROOT]
        found: list[tuple[str, ...]] = [
            (*_ROOT, name) for name in names if self._node.sys_exists(*_ROOT, name, "cgroup.procs")
        ]
        if not found:
            raise FileError(self._node.sys(*_ROOT), "has no cgroups")
        return found

    def places(self, path: str) -> list[tuple[str, ...]]:
        """Return the folders of a cgroup, in all hierarchies that have it.

        Raises :class:`~persistdb.errors.FileError` where the node shows no cgroups.
        """
        steps = [step for step in _of_systemd(path).split("/") if step]
        if ".." in steps:
            return []
        return [(*root, *steps) for root in self._roots if self._node.sys_exists(*root, *steps)]

    def processes(self, place: tuple[str, ...]) -> int | None:
        """Return how many processes are in a cgroup and below it; ``None`` if some are, and cannot be counted."""
        events = self._node.sys_read(*place, "cgroup.events")
        if events is not None and "populated 0" in events.split("\n"):
            return 0
        total, left = 0, [place]
        for _ in range(_MOST):
            if not left:
                break
            folder = left.pop()
            total += len((self._node.sys_read(*folder, "cgroup.procs") or "").split())
            left += [(*folder, name) for name in self._node.sys_folders(*folder)]
        return total or (None if events is not None else 0)


def _of_systemd(path: str) -> str:
    """Return the path of a unit that is written as SLICE:PREFIX:NAME, the form of runc's systemd driver.

    ``system.slice`` is a folder, ``a-b.slice`` one in ``a.slice`` (systemd.slice(5)).
    """
    if path.startswith("/") or path.count(":") != 2:
        return path
    slice_, prefix, name = path.split(":")
    slices: list[str] = []
    if slice_ != "-.slice":  # the root of all
        parts = (slice_ or "system.slice").removesuffix(".slice").split("-")
        slices = [f"{'-'.join(parts[: n + 1])}.slice" for n in range(len(parts))]
    unit = name if name.endswith(".slice") else f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
    return "/" + posixpath.join(*slices, unit)


def _find(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    groups = _Hierarchies(node)
    for pod, container in recorded.containers():
        record = container.record
        # Kata's containers have theirs in the VM, unless it was told to make them on the host, too
        if record.cgroup_path == pod.sandbox.record.cgroup_path or (pod.runtime in KATA and record.state in IN_USE):
            continue
        should_be = record.state in IN_USE and not is_gone(node, pod, container)
        yield from _compare(groups, pod, container, should_be=should_be, may_have=record.state != STOPPED)
    for pod in recorded.pods.values():
        if pod.runtime in KATA:
            state = pod.sandbox.record.state
            states = {state, *(container.record.state for container in pod.sandbox.containers.values())}
            should_be = state in IN_USE and pod.hypervisor is not None and not is_gone(node, pod)
            yield from _compare(groups, pod, None, should_be=should_be, may_have=states != {STOPPED})


def _compare(
    groups: _Hierarchies, pod: Pod, container: Container | None, *, should_be: bool, may_have: bool
) -> Iterator[AuditFinding]:
    """Yield what is wrong with the cgroup of a container, or of a sandbox, which may have processes or not."""
    of = container or pod.sandbox
    path, state = of.record.cgroup_path, of.record.state
    if not path.strip("/") or (may_have and not should_be):
        return
    places = groups.places(path)
    if should_be:
        observed = None if places else "no such cgroup in any hierarchy"
        advice = "its limits no longer hold, and its processes may be elsewhere: stop and delete the container"
        if container is None:
            advice = "the VM runs without its limits, or not at all: restart the pod"
    else:
        number = next((n for n in map(groups.processes, places) if n != 0), 0)
        count = "some processes" if number is None else f"{number} process{'' if number == 1 else 'es'}"
        observed = None if number == 0 else f"{count} in it"
        advice = "look at them (systemd-cgls, cgroup.procs), and end them; then delete the container"
        if container is None:
            advice = "a VM or shim may have outlived its sandbox: look (systemd-cgls, cgroup.procs), and end it"
    if observed is not None:
        yield AuditFinding(
            check=CHECK.name,
            subject=path,
            recorded=f"{state}, cgroup {path}",
            observed=observed,
            advice=advice,
            began_at=None if should_be else of.updated_at,
            sid=pod.sid,
            cid=None if container is None else container.cid,
        )


CHECK: Final = Check("cgroup", _find)
