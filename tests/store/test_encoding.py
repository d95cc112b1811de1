"""Timestamps as the text that statements take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from persistdb.store import encoding
from persistdb.store.encoding import now_text, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_now_is_between_two_looks_at_the_clock() -> None:
    """The time as it is now is written as any other, to the microsecond."""
    before, text, after = datetime.now(UTC), now_text(), datetime.now(UTC)
    assert utc_text(before) <= text <= utc_text(after)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01 00:00:00.000000"),
        (1_999_999_999, "1970-01-01 00:00:01.999999"),
        (2_000_000_000, "1970-01-01 00:00:02.000000"),
        (1_000_001_000, "1970-01-01 00:00:01.000001"),
        (-1, "1969-12-31 23:59:59.999999"),
    ],
)
def test_each_second_is_its_own(monkeypatch: pytest.MonkeyPatch, nanoseconds: int, text: str) -> None:
    """A clock that goes on by less than a second, by more, or back is written as it is."""
    ticks: Iterator[int] = iter([1_500_000_000, nanoseconds])
    monkeypatch.setattr(encoding, "time_ns", lambda: next(ticks))
    assert now_text() == "1970-01-01 00:00:01.500000"
    assert now_text() == text
