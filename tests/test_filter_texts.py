"""Filters as people write them: keys, operators, prefixes, timestamps, and the reasons for a refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.errors import InvalidValue
from persistdb.filters import KEYS, Filter, parse, parse_all

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
TEXTS = [key for key, kind in KEYS.items() if kind == "text"]
TIMES = ["since", "before"]


@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize(
    ("text", "value", "negated", "prefix"),
    [
        ("=x", "x", False, False),
        ("!=x", "x", True, False),
        ("=x*", "x", False, True),
        ("!=x*", "x", True, True),
        ("=", "", False, False),
        ("!=", "", True, False),
        ("=*", "", False, True),
        ("=**", "*", False, True),  # only the last one is special
        ("=*x", "*x", False, False),
        ("=a*b", "a*b", False, False),
        ("==x", "=x", False, False),
        ("=!=x", "!=x", False, False),
        ("= x ", " x ", False, False),
        ("=a=b", "a=b", False, False),
        ("=a\nb", "a\nb", False, False),
        ("=%_?[x]", "%_?[x]", False, False),
    ],
)
def test_text(key: str, text: str, value: str, negated: bool, prefix: bool) -> None:
    """Only a ``*`` at the end of a text and a ``!`` before the ``=`` are special."""
    assert parse(key + text) == Filter(key, value, negated, prefix)


@given(st.text(st.characters()), st.booleans())
def test_any_text(value: str, negated: bool) -> None:
    """Any text after the operator is the value, without one ``*`` at its end."""
    operator = "!=" if negated else "="
    assert parse(f"cid{operator}{value}") == Filter("cid", value.removesuffix("*"), negated, value.endswith("*"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pid=7", Filter("pid", 7)),
        ("pid=-1", Filter("pid", -1)),
        ("pid!=0", Filter("pid", 0, negated=True)),
    ],
)
def test_numbers(text: str, expected: Filter) -> None:
    """A number is a whole number, and may be negated."""
    assert parse(text) == expected


@pytest.mark.parametrize("value", ["", "x", "7x", "1.0", "1e3", "0x7", "7*", "--1"])
def test_invalid_numbers(value: str) -> None:
    """A value that is no whole number is refused; the error has the whole filter."""
    with pytest.raises(InvalidValue, match="whole number") as caught:
        parse(f"pid={value}")
    assert (caught.value.field, caught.value.value) == ("filter", f"pid={value}")


@pytest.mark.parametrize("key", TIMES)
@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.000001+00:00", datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-01-31T12:00+05:45", datetime(2026, 1, 31, 6, 15, tzinfo=UTC)),
        ("2026-01-31 23:30:00-01:00", datetime(2026, 2, 1, 0, 30, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("20260131", datetime(2026, 1, 31, tzinfo=UTC)),
        ("1h", NOW - timedelta(hours=1)),
        ("0s", NOW),
    ],
)
def test_times(key: str, value: str, time: datetime) -> None:
    """A timestamp with its time zone, a date, and an age each become a timestamp in UTC."""
    assert parse(f"{key}={value}", now=NOW) == Filter(key, time)
    result = parse(f"{key}={value}", now=NOW).value
    assert isinstance(result, datetime)
    assert result.utcoffset() == timedelta(0)


@pytest.mark.parametrize("key", TIMES)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-02-30",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00",  # without its time zone
        "12:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "-1h",
        "1.5h",
        "1y",
        "9999999w",
        "9" * 5000 + "s",
        "2026-01-31T12:00:00Z*",
    ],
)
def test_invalid_times(key: str, value: str) -> None:
    """A value that is no timestamp in the years 1 to 9999 is refused; the error has the whole filter and an example."""
    with pytest.raises(InvalidValue, match="2026-01-31T12:00:00Z") as caught:
        parse(f"{key}={value}", now=NOW)
    assert (caught.value.field, caught.value.value) == ("filter", f"{key}={value}")


@pytest.mark.parametrize("key", TIMES)
def test_a_time_is_not_negated(key: str) -> None:
    """A negated timestamp is refused; the error names the other key."""
    with pytest.raises(InvalidValue, match="use before" if key == "since" else "use since"):
        parse(f"{key}!=1h", now=NOW)


def test_an_age_without_a_time_to_count_from() -> None:
    """Without a given time an age counts back from the present, in UTC."""
    value = parse("since=1h").value
    assert isinstance(value, datetime)
    assert value.tzinfo is UTC


def test_several_filters() -> None:
    """The ages of one call count back from the same time."""
    first, second = parse_all(["since=1h", "before=1h"])
    assert (first.key, second.key) == ("since", "before")
    assert first.value == second.value
    assert parse_all([]) == []


@pytest.mark.parametrize("text", ["", "cid", "=x", "!=x", "CID=x", "cid~x", " cid=x", "cid =x", "cid!x", "*", "cid<=x"])
def test_invalid_filters(text: str) -> None:
    """Text without a key and an operator is refused, and the error lists the keys."""
    with pytest.raises(InvalidValue) as caught:
        parse(text)
    assert (caught.value.field, caught.value.value) == ("filter", text)
    assert caught.value.reason == f"not KEY=VALUE or KEY!=VALUE with KEY one of {', '.join(KEYS)}"


@pytest.mark.parametrize("text", [None, 7, b"cid=x", Filter("cid", "x")])
def test_a_filter_that_is_no_text(text: Any) -> None:
    """A value that is not text is refused with its type."""
    with pytest.raises(InvalidValue, match=f"must be of type str, not {type(text).__name__}") as caught:
        parse(text)
    assert (caught.value.field, caught.value.value) == ("filter", text)


@pytest.mark.parametrize("text", ["nickname=x", "cids=x", "rootfs=x", "-=x"])
def test_unknown_keys(text: str) -> None:
    """An unknown key is refused, and the error lists the known keys."""
    with pytest.raises(InvalidValue) as caught:
        parse(text)
    assert (caught.value.field, caught.value.value) == ("filter", text)
    assert caught.value.reason == f"unknown key; use one of {', '.join(KEYS)}"
