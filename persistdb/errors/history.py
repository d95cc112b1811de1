"""Errors of history and the feed of events."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from .base import PersistDBError, command
from .database import DatabaseError

if TYPE_CHECKING:
    from datetime import datetime


class HistoryOff(PersistDBError):
    """A question about what was, or happened, to a database that records nothing."""

    url: str

    def __str__(self) -> str:
        return f"{self.url}: history is off: nothing is recorded; to record it: {command(self.url, 'db retention 30d')}"


class BeforeHorizon(PersistDBError):
    """A time of which nothing is known: it is before ``horizon``, from which on there is history."""

    at: datetime
    horizon: datetime

    def __str__(self) -> str:
        return (
            f"{_time(self.at)} is before {_time(self.horizon)}, from which on there is history: ask for a later time, "
            "and keep it longer with persistdb db retention"
        )


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class EventsPruned(PersistDBError):
    """A cursor behind which events were removed, or not recorded, before they were read; ``horizon`` is up to when."""

    cursor: str
    horizon: datetime

    def __str__(self) -> str:
        return self._say("begin again without a cursor, or with since=")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._say("begin again without --after, or with --since")

    def _say(self, remedy: str) -> str:
        return (
            f"cursor {self.cursor}: events behind it are gone, for history is kept from {_time(self.horizon)} on; "
            f"{remedy}"
        )


class FeedUnavailable(DatabaseError):
    """A server that cannot tell which events are settled; ``detail`` says why."""

    def __str__(self) -> str:
        return self._say("no feed of events from this server, for it could miss one; ask for the view events, or read")
