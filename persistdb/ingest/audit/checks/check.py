"""What a check is: a name, and the function that finds what differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ....errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....records import AuditFinding, Container
    from ..node import Node
    from ..recorded import Pod, Recorded


class Check(NamedTuple):
    """A check of a node.

    ``find`` yields what differs; it raises :class:`~persistdb.errors.FileError` where the node cannot be seen.
    """

    name: str
    find: Callable[[Node, Recorded], Iterator[AuditFinding]]


def is_gone(node: Node, pod: Pod, of: Container | None = None) -> bool:
    """Return whether the files of a sandbox, or of a container of it, are gone from where they were last found.

    What its runtime has deleted since is an old record, which ``left-over-state`` names; nothing else is wrong with it.
    """
    try:
        paths = [path for path, cid in pod.folders().items() if of is None or cid is None or cid == of.cid]
        return bool(paths) and not any(map(node.exists, paths))
    except FileError:
        return False  # it cannot be seen


def booted_since(node: Node, pod: Pod, of: Container | None = None) -> datetime | None:
    """Return when the node was booted, if that was after all that is known of a sandbox, or of a container of it."""
    booted = utc(node.booted_at)
    known = max(
        (of or pod.sandbox).updated_at,
        pod.seen.seen_at if pod.seen is not None else pod.sandbox.updated_at,
    )
    return booted if booted is not None and known < booted else None


def utc(seconds: float | None) -> datetime | None:
    """Return a time in seconds since 1970 as a timestamp; ``None`` for one that no timestamp can be."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a file may have any time


def said(time: datetime | None) -> str:
    """Write a time for people, to the second."""
    return "at an unknown time" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
