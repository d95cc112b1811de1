"""Filters as people write them, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from persistdb import Filter, InvalidValue, parse
from persistdb.filters import time_ago

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("3w", timedelta(weeks=3)),
    ],
)
def test_age(age: str, expected: timedelta) -> None:
    """An age leads back by its number of units."""
    assert time_ago(age, NOW) == NOW - expected
    assert parse(f"since={age}", now=NOW) == Filter("since", NOW - expected)


@pytest.mark.parametrize("age", ["", "2", "h", "-1h", "1.5h", "2 h", "2y", "999999w", "9" * 30 + "d", "9" * 5000 + "s"])
def test_no_age(age: str) -> None:
    """Text that is no age, or that leads back beyond the year 1, is refused."""
    assert time_ago(age, NOW) is None
    with pytest.raises(InvalidValue):
        parse(f"before={age}", now=NOW)


@pytest.mark.parametrize(("key", "opposite"), [("since", "before"), ("before", "since")])
def test_negated_timestamp(key: str, opposite: str) -> None:
    """A timestamp cannot be negated, and the error names the key that does it."""
    with pytest.raises(InvalidValue, match=f"{key} cannot be negated; use {opposite}") as caught:
        parse(f"{key}!=2h")
    assert (caught.value.field, caught.value.value) == ("filter", f"{key}!=2h")


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
def test_number(number: int) -> None:
    """A number of 64 bits is one that every engine can compare."""
    assert parse(f"pid={number}") == Filter("pid", number)


@pytest.mark.parametrize("number", ["1_000", " 1", "1 ", "+1", "٣", "\uff11", "1.0", "", "-", "0x1", "1e3"])
def test_digits(number: str) -> None:
    """A number is ASCII digits, and nothing else that Python reads as a number; so is an age."""
    with pytest.raises(InvalidValue, match="whole number") as caught:
        parse(f"pid={number}")
    assert (caught.value.field, caught.value.value) == ("filter", f"pid={number}")
    assert time_ago(f"{number}d", NOW) is None


def test_zeros() -> None:
    """Zeros before a number change nothing, however many they are."""
    assert parse(f"pid={'0' * 5000}7") == Filter("pid", 7)
    assert parse("pid=-007") == Filter("pid", -7)


@pytest.mark.parametrize("number", [-(2**63) - 1, 2**63, 10**30, int("9" * 4000)])
def test_number_beyond_64_bits(number: int) -> None:
    """A number that no engine can compare is refused."""
    with pytest.raises(InvalidValue, match="does not fit in 64 bits") as caught:
        parse(f"pid={number}")
    assert (caught.value.field, caught.value.value) == ("filter", f"pid={number}")
