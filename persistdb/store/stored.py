"""Sandboxes and containers as the store holds them: records with the IDs of their rows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..errors import Unreadable
from ..records import Container, SandboxState
from . import revisions


class StoredContainer(Container, frozen=True, kw_only=True):
    """A container with the IDs of its row and of its sandbox's."""

    id: int
    sandbox_id: int


class SpoiltContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container of whose rows no record can be made; ``revision`` is ``None`` where even that is not a number."""

    id: int
    cid: str
    revision: int | None


class StoredSandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox with the ID of its row, and its containers; ``own_revision`` is the row's (:mod:`.revisions`).

    ``spoilt`` are its containers that cannot be read, of which the payload of a statement has none.
    """

    id: int
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: list[StoredContainer]
    spoilt: tuple[SpoiltContainer, ...] = ()

    @property
    def revision(self) -> int:
        """The sandbox's revision, which grows with each change of the sandbox or of one of its containers."""
        numbers = [container.revision for container in self.containers]
        numbers += [container.revision or 0 for container in self.spoilt]
        return revisions.of_sandbox(self.own_revision, numbers)


class SpoiltSandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox that cannot be read: its faults, or its containers'."""

    sid: str
    faults: list[Unreadable]
