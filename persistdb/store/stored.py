"""Sandboxes and containers as the store holds them: records with the IDs of their rows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..records import Container, SandboxState
from . import revisions


class StoredContainer(Container, frozen=True, kw_only=True):
    """A container with the IDs of its row and of its sandbox's."""

    id: int
    sandbox_id: int


class StoredSandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox with the ID of its row, and its containers; ``own_revision`` is the row's (:mod:`.revisions`)."""

    id: int
    record: SandboxState
    own_revision: int
    updated_at: datetime
    containers: list[StoredContainer]

    @property
    def revision(self) -> int:
        """The sandbox's revision, which grows with each change of the sandbox or of one of its containers."""
        return revisions.of_sandbox(self.own_revision, (container.revision for container in self.containers))
