"""Filters, by which ``find`` and ``ls`` select: ``state=running``, ``host-path=/var/*``, ``cid!=web-1``.

Filters with the same key are combined with or, different keys with and. ``!=`` negates: each such filter excludes what
it names. A ``*`` at the end makes a prefix of the value. No other character is special.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import InvalidValue
from .validation import INT64, check_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["text", "number", "since", "before"]

KEYS: dict[str, Kind] = {
    "host": "text",
    "sid": "text",
    "cid": "text",
    "state": "text",
    "runtime": "text",
    "namespace": "text",
    "pod": "text",
    "name": "text",
    "image": "text",
    "bundle": "text",
    "cgroup": "text",
    "device": "text",
    "block-device": "text",
    "rootfs-device": "text",
    "source": "text",
    "destination": "text",
    "host-path": "text",
    "type": "text",
    "token": "text",
    "pid": "number",
    "since": "since",
    "before": "before",
}
"""The keys, each with the kind of its values."""

_SYNTAX = re.compile(r"([a-z-]+)(!?=)(.*)", re.DOTALL)
AGE = re.compile("([0-9]+)([smhdw])")
"""An age: a number, and one of :data:`UNITS`."""
_NUMBER = re.compile("(-?)0*([0-9]+)")
_DIGITS = 19  # of the longest number of 64 bits
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""The units of ages, in seconds, the shortest first."""


class Filter(NamedTuple):
    """One condition; ``value`` is text, a number or a timestamp, as the key demands."""

    key: str
    value: str | int | datetime
    negated: bool = False
    prefix: bool = False


class Scope(NamedTuple):
    """Whose containers a question is about: one host's, or all hosts' (``None``)."""

    host: str | None


ALL_HOSTS = Scope(None)


def parse(text: str, *, now: datetime | None = None) -> Filter:
    """Read a filter as people write it.

    A timestamp is ISO 8601 with its time zone, a date in UTC, or an age (``90s``, ``15m``, ``2h``, ``7d``, ``3w``).

    Raises :class:`~persistdb.errors.InvalidValue`, which lists the keys.
    """
    check_kind("filter", text, str)
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise InvalidValue("filter", text, f"not KEY=VALUE or KEY!=VALUE with KEY one of {', '.join(KEYS)}")
    key, operator, value = match.groups()
    kind = KEYS.get(key)
    if kind is None:
        raise InvalidValue("filter", text, f"unknown key; use one of {', '.join(KEYS)}")
    negated = operator == "!="
    if kind == "text":
        prefix = value.endswith("*")
        return Filter(key, value.removesuffix("*"), negated, prefix)
    if kind == "number":
        return Filter(key, _number(text, value), negated)
    if negated:
        opposite = "before" if kind == "since" else "since"
        raise InvalidValue("filter", text, f"{key} cannot be negated; use {opposite}")
    return Filter(key, _timestamp(text, value, now or datetime.now(UTC)))


def parse_all(given: Iterable[Filter | str]) -> list[Filter]:
    """Read the filters that are text, with one time as now for all.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    now = datetime.now(UTC)
    filters = []
    for one in given:
        if not isinstance(one, Filter | str):
            raise InvalidValue("filter", one, "must be text such as state=running, or a Filter")
        filters.append(parse(one, now=now) if isinstance(one, str) else one)
    return filters


def time_ago(age: str, now: datetime) -> datetime | None:
    """Return the timestamp that lies an age (``90s``, ``15m``, ``2h``, ``7d``, ``3w``) before ``now``.

    Return ``None`` for text that is no age, and for an age that reaches back beyond the year 1.
    """
    match = AGE.fullmatch(age)
    if match is None:
        return None
    number, unit = match.groups()
    try:
        return now - timedelta(seconds=int(number) * UNITS[unit])
    except (ValueError, OverflowError):  # ValueError: more digits than int() reads
        return None


def parse_time(text: str, *, now: datetime | None = None) -> datetime:
    """Read a time as people write it: a timestamp, a date or an age, as filters have it.

    Raises :class:`~persistdb.errors.InvalidValue`.
    """
    return _timestamp(text, text, now or datetime.now(UTC), field="time")


def _number(text: str, value: str) -> int:
    match = _NUMBER.fullmatch(value)  # int() also takes underscores, blanks, and digits of other scripts
    if match is None:
        raise InvalidValue("filter", text, "the value is not a whole number")
    if len(match[2]) > _DIGITS or int(match[1] + match[2]) not in INT64:
        raise InvalidValue("filter", text, "the number does not fit in 64 bits")
    return int(match[1] + match[2])


def _timestamp(text: str, value: str, now: datetime, field: str = "filter") -> datetime:
    past = time_ago(value, now)
    if past is not None:
        return past
    try:
        timestamp = datetime.fromisoformat(value)
        if timestamp.tzinfo is not None:
            return timestamp.astimezone(UTC)
    except (ValueError, OverflowError):
        reason = "not a timestamp such as 2026-01-31T12:00:00Z, a date, or an age such as 15m, 2h, 7d"
        raise InvalidValue(field, text, reason) from None
    if len(value) > len("2026-01-31"):
        raise InvalidValue(field, text, "a timestamp needs its time zone, as in 2026-01-31T12:00:00Z")
    return timestamp.replace(tzinfo=UTC)
