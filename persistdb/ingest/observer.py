"""Who learns of an import's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..errors import FileError


class Observer(Protocol):
    """A listener to the events of an import."""

    def fault(self, problem: FileError) -> None:
        """Handle a file or folder that could not be read or stored."""

    def note(self, text: str) -> None:
        """Handle a sentence about something that is no fault."""

    def stored(self, sid: str, containers: int) -> None:
        """Handle a sandbox that was stored, with so many containers from its files."""

    def left_out(self, sid: str) -> None:
        """Handle a sandbox of which nothing was stored; its faults were reported before."""

    def removed(self, sid: str) -> None:
        """Handle a sandbox that was removed, because its folder no longer has it."""

    def lost(self, sid: str) -> None:
        """Handle a sandbox that was removed, because it was there until the node was booted."""
