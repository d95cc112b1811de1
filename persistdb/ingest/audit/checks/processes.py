"""``dead-process``: a container is recorded as running, and its process is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....documents import OCI_RUNTIMES
from ....records import AuditFinding
from ..recorded import IN_USE, ticks_of
from .check import Check, booted_since, is_gone, said, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....records import Container, Process
    from ..node import Node
    from ..recorded import Pod, Recorded

_SLACK: Final = 2.0
"""Seconds by which a start differs: the kernel's time of the boot is whole seconds, and moves when the clock is set."""
_LATE: Final = 120.0
"""Seconds after which Kata, at the latest, writes the time at which it started a process (``newProcess``)."""


def _find(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    for pod, container in recorded.containers():
        if container.record.state not in IN_USE or is_gone(node, pod, container):
            continue
        for process in container.record.processes:
            if process.pid <= 0:  # Kata 2.0 and later have none on the host
                continue
            fault = _fault(node, pod, container, process)
            if fault is not None:
                at = process.start_time
                started = "" if at is None else f", started {said(utc(at.timestamp(unit='nanosecond') / 1e9))}"
                yield AuditFinding(
                    check=CHECK.name,
                    subject=f"pid {process.pid} of {pod.sid}/{container.cid}",
                    recorded=f"{container.record.state}, pid {process.pid}{started}",
                    observed=fault,
                    advice=(
                        "ask the runtime for the container, and delete it there if it agrees "
                        f"({pod.runtime} state {container.cid}); then import, or persistdb rm"
                    ),
                    began_at=booted_since(node, pod, container),
                    sid=pod.sid,
                    cid=container.cid,
                )


def _fault(node: Node, pod: Pod, container: Container, process: Process) -> str | None:
    """Return what is wrong; ``None`` if the process is the one that was recorded."""
    booted = booted_since(node, pod, container)
    if booted is not None:
        return f"the node was booted since, {said(booted)}"
    there = node.process(process.pid)
    if there is None:
        return f"no process {process.pid}"
    if not there.is_alive:
        return f"pid {process.pid} has ended, and its parent has not waited for it (a zombie)"
    ticks = ticks_of(container)
    if there.ticks == ticks or (ticks is None and _fits(node.started_at(there), process, container)):
        return None
    return f"pid {process.pid} is another process: {there.name}, started {said(utc(node.started_at(there)))}"


def _fits(started: float | None, process: Process, container: Container) -> bool:
    if started is None or process.start_time is None:
        return True  # nothing tells
    late = process.start_time.timestamp(unit="nanosecond") / 1e9 - started
    is_exact = container.origin.layout in OCI_RUNTIMES
    return -_SLACK <= late <= (_SLACK if is_exact else _LATE)


CHECK: Final = Check("dead-process", _find)
