"""What a watcher has done so far, and how it is."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  msgspec reads the struct's annotations

import msgspec


class WatchStatus(msgspec.Struct, kw_only=True):
    """Counts since the start of a watcher, and its present state; times are in UTC.

    ``folders`` are followed. ``imports`` sandboxes were stored because they had changed. ``rescans`` are passes over
    all folders, ``errors`` faults of files and errors of the database, and ``gaps`` times of which states may be
    missing. ``queued`` sandboxes were read and wait to be stored. ``lag`` is the time from the first change of what was
    stored last to its commit, in seconds. ``is_away``: the database does not answer.
    """

    folders: int = 0
    imports: int = 0
    rescans: int = 0
    errors: int = 0
    gaps: int = 0
    queued: int = 0
    last_success: datetime | None = None
    lag: float | None = None
    is_away: bool = False

    def __str__(self) -> str:
        folders = f"following {self.folders} {'folder' if self.folders == 1 else 'folders'}"
        if self.is_away:
            return f"{folders}; the database is away"
        if self.last_success is None:
            return f"{folders}; first pass"
        return f"{folders}; {self.imports} imports, the last at {self.last_success:%Y-%m-%d %H:%M:%S}Z"
