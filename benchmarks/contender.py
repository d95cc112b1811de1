"""The interface of each contender."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from persistdb import Container, ContainerState, Sandbox, SandboxState, SandboxWrite

BATCH = 1000
"""Containers that a bulk save commits at once, and that an iteration reads at once."""


class Contender(ABC):
    """One way to store containers, on a database that is there already, with the product's schema.

    What its reads give is its own; ``container`` and ``sandbox`` make records of it, to be compared and not timed.
    """

    name: ClassVar[str]
    #: The operations that it does not take part in, by the names of its methods.
    skips: ClassVar[frozenset[str]] = frozenset()

    def close(self) -> None:  # noqa: B027  files have none
        """Close all connections."""

    # --- writes, each in a transaction of its own

    @abstractmethod
    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """Store one new container of a sandbox that exists."""

    @abstractmethod
    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Change one container's state if it is the expected one."""

    def prepare_sandbox(self, sid: str) -> None:  # noqa: B027  few need it
        """Get ready for ``save_sandbox``, not timed: what the caller would hold from before."""

    @abstractmethod
    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Store a whole sandbox of which little changed."""

    @abstractmethod
    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Store many new sandboxes, about ``BATCH`` containers in a transaction."""

    # --- reads

    @abstractmethod
    def get(self, sid: str, cid: str) -> object:
        """Load one container."""

    @abstractmethod
    def look_up(self, prefix: str) -> object:
        """Find the one container of the host whose ID begins with this."""

    @abstractmethod
    def load_sandbox(self, sid: str) -> object:
        """Load a sandbox with all its containers."""

    @abstractmethod
    def iterate(self) -> Iterable[object]:
        """Load all containers of the host, a part of them in memory at a time."""

    # --- for the checks

    @abstractmethod
    def container(self, found: object) -> Container:
        """Make a record of what a read gave for a container."""

    @abstractmethod
    def sandbox(self, found: object) -> Sandbox:
        """Make a record of what a read gave for a sandbox."""


def batches(writes: Iterable[SandboxWrite]) -> Iterable[list[SandboxWrite]]:
    """Split sandboxes into batches as persistdb does, for contenders that batch by hand."""
    pending: list[SandboxWrite] = []
    size = 0
    for write in writes:
        if pending and size + len(write.containers) > BATCH:
            yield pending
            pending, size = [], 0
        pending.append(write)
        size += len(write.containers) + 1
    if pending:
        yield pending
