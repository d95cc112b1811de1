"""An audit: the checks that were asked for, each of which may fail alone, and what they found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...errors import FileError, InvalidValue, Unreadable
from ...records import AuditFinding, AuditRun
from .checks import CHECKS
from .recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ...store.repository import ContainerRepository
    from .checks import Check
    from .node import Node


@dataclass
class Audit:
    """What an audit found. ``faults`` are the checks that could not be made, and records that could not be read."""

    run: AuditRun
    findings: list[AuditFinding]
    faults: list[FileError | Unreadable] = field(default_factory=list)

    @property
    def unread(self) -> set[str]:
        """The sandboxes whose records could not be read, so that nothing is said about them."""
        return {fault.sid for fault in self.faults if isinstance(fault, Unreadable)}

    @classmethod
    def make(cls, repository: ContainerRepository, node: Node, checks: Collection[str] = ()) -> Audit:
        """Compare a node with the records of a host by these checks, or by all; nothing is stored.

        Raises :class:`~persistdb.errors.InvalidValue` for a check that there is not.
        """
        wanted = _wanted(checks)
        started = datetime.now(UTC)
        recorded = Recorded.read(repository)
        found: list[AuditFinding] = []
        faults: list[FileError | Unreadable] = [*recorded.unreadable]
        made = []
        for check in wanted:
            try:
                found += _once(check.find(node, recorded))
            except FileError as error:
                faults.append(error)
            else:
                made.append(check.name)
        run = AuditRun(
            started_at=started,
            finished_at=datetime.now(UTC),
            checks=made,
            roots=node.roots.others(),
            boot_id=node.boot_id,
        )
        return cls(run, found, faults)


def _wanted(names: Collection[str]) -> Sequence[Check]:
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise InvalidValue("check", name, f"unknown; use one of {', '.join(known)}")
    return [check for check in CHECKS if not names or check.name in names]


def _once(findings: Iterator[AuditFinding]) -> list[AuditFinding]:
    """Return findings without the ones whose subject another has: two containers may have one path."""
    return list({one.subject: one for one in findings}.values())
