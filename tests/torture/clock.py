"""A clock that jumps, for one process: libfaketime cannot, because with it Python's time.sleep fails (EINVAL)."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import time_ns
from typing import TYPE_CHECKING

from persistdb.store import encoding, operations

if TYPE_CHECKING:
    import random
    from datetime import tzinfo

_SECOND, _YEAR = timedelta(seconds=1), timedelta(days=365)
_JUMPS = (0 * _SECOND, -_SECOND, _SECOND, -3600 * _SECOND, 3600 * _SECOND, -10 * _YEAR, 10 * _YEAR, -50 * _YEAR)


class JumpingClock(datetime):
    """What the store takes for ``datetime``: the time of day, and what it is off by."""

    off = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the time of day that this clock shows."""
        return datetime.now(tz) + cls.off


def install() -> None:
    """Let the store stamp its rows by this clock from now on. The monotonic clock never jumps."""
    assert operations.datetime is datetime  # type: ignore[attr-defined]
    operations.datetime = JumpingClock  # type: ignore[attr-defined]
    assert encoding.time_ns is time_ns  # type: ignore[attr-defined]
    encoding.time_ns = _jumping_ns  # type: ignore[attr-defined]


def _jumping_ns() -> int:
    return time_ns() + JumpingClock.off // timedelta(microseconds=1) * 1000


def jump(chance: random.Random) -> None:
    """Set the clock, now and then."""
    if chance.random() < 0.2:
        JumpingClock.off = chance.choice(_JUMPS)
