"""The rows of when and where imports found sandboxes."""

from __future__ import annotations

from .encoding import Row


class SeenRow(Row, frozen=True):
    """A sandbox whose files were found."""

    host: str
    sid: str
    seen_at: str
    source: str


class SidRow(Row, frozen=True):
    """A sandbox by its ID."""

    sid: str


class HostRow(Row, frozen=True):
    """A host whose files were read; what is ``None`` stays as it is stored."""

    name: str
    last_seen: str
    boot_id: str | None
    kernel: str | None
    programs: str | None
