"""``left-over-state``: folders of runtimes without a record, and records without a folder."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING, Final

from ....records import AuditFinding
from ....runtimes.trees import may_be_entry
from .check import Check, booted_since, said, utc
from .mounts import SHARED, without_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..node import Node
    from ..recorded import Pod, Recorded


def _find(node: Node, recorded: Recorded) -> Iterator[AuditFinding]:
    sources: dict[str, list[Pod]] = {}
    for pod in recorded.pods.values():
        if pod.seen is not None:
            sources.setdefault(pod.seen.source, []).append(pod)
    known = recorded.ids()
    for source, pods in sorted(sources.items()):
        there = node.folders(source)
        yield from _without_folder(node, pods, there)
        for name, changed in sorted((there or {}).items()):
            is_known = name in known or not may_be_entry(name) or not recorded.is_readable(name)
            # a folder may come, and change, after the records were read
            if not is_known and not recorded.is_young(changed, [source]):
                yield _without_record(posixpath.join(source, name), changed)
    yield from _shared(node, recorded, known)


def _without_folder(node: Node, pods: list[Pod], there: dict[str, float] | None) -> Iterator[AuditFinding]:
    for pod in pods:
        for path, cid in pod.folders().items():
            if there is None or posixpath.basename(path) not in there:
                booted = booted_since(node, pod, pod.sandbox.containers.get(cid or ""))
                yield AuditFinding(
                    check=CHECK.name,
                    subject=path,
                    sid=pod.sid,
                    cid=cid,
                    recorded=f"found {said(pod.seen.seen_at if pod.seen is not None else None)}, not removed",
                    observed="no such folder" if booted is None else f"no such folder since the boot, {said(booted)}",
                    advice=(
                        "the record is old: persistdb import --prune removes it; after a crash look for what was left "
                        "first"
                    ),
                    began_at=booted,
                )


def _without_record(path: str, changed: float) -> AuditFinding:
    return AuditFinding(
        check=CHECK.name,
        subject=path,
        recorded="no sandbox or container of this name",
        observed=f"a folder, last changed {said(utc(changed))}",
        advice=(
            "import it; if it is damaged and its runtime does not list the container, have the runtime delete it, "
            f"or move {shlex.quote(path)} away"
        ),
        began_at=utc(changed),
    )


def _shared(node: Node, recorded: Recorded, known: set[str]) -> Iterator[AuditFinding]:
    """Yield the shared folders of sandboxes that no record has, in which nothing is mounted."""
    there = {sid: at for sid, at in (node.folders(SHARED) or {}).items() if sid not in known}
    unrecorded = without_record(node, recorded, set(there))
    for sid, removed in sorted(unrecorded.items()):
        path, changed = posixpath.join(SHARED, sid), there[sid]
        if node.mounts.at(path) or any(node.mounts.below(path)):
            continue  # the mounts are findings of their own
        yield AuditFinding(
            check=CHECK.name,
            subject=path,
            sid=None if removed is None else sid,
            recorded=f"no sandbox {sid}" if removed is None else f"sandbox removed {said(removed)}",
            observed=f"a shared folder without mounts, last changed {said(utc(changed))}",
            advice=f"find {shlex.quote(path)} -xdev -depth -type d -empty -delete removes it if nothing is in it",
            began_at=removed or utc(changed),
        )


CHECK: Final = Check("left-over-state", _find)
