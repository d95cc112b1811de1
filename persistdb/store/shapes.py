"""Questions, split into shapes and values.

SQLAlchemy takes ten times as long to put a select together as SQLite to run it. So a question is split into its shape,
for which a statement is built once, and its values, which are the statement's parameters.

Pure: nothing here touches a database, and nothing here needs SQLAlchemy.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidValue
from ..filters import ALL_HOSTS, KEYS, parse_all
from ..validation import check_kind, check_text
from .encoding import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..filters import Filter, Kind, Scope

_TYPES: dict[Kind, type] = {"text": str, "number": int, "since": datetime, "before": datetime}
_WANTED: dict[Kind, str] = {
    "text": "text",
    "number": "a whole number",
    "since": "a datetime with its time zone",
    "before": "a datetime with its time zone",
}


# Whether a filter's value is among what an index of only some rows holds. Without an index for the value it is better
# to go through the containers in the order that is asked for, and to look at the children of each.
_PARTIAL_INDEXES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("bundle", "cgroup", "pod", "name", "image", "block-device", "rootfs-device", "host-path"), bool),
    "source": lambda value: value.startswith("/"),
    "pid": lambda value: value > 0,
}
_NOT_INDEXED = {"destination", "type"}

BY_NAMES = {
    "runtime": "runtime",
    "namespace": "namespace",
    "pod": "pod",
    "name": "container_name",
    "image": "image",
}
"""The orders by what the documents say, with the container's column, which a summary has, too."""


class FilterShape(NamedTuple):
    """All of a filter that its SQL depends on.

    ``indexed``: the column's index has rows of this value; ``bounded``: the texts with its prefix end somewhere.
    """

    key: str
    negated: bool
    prefix: bool
    indexed: bool
    bounded: bool


class QueryShape(NamedTuple):
    """All of a question that its SQL depends on: its filters, in the order of their keys, and its scope."""

    filters: tuple[FilterShape, ...]
    all_hosts: bool


def split(filters: Iterable[Filter | str], scope: Scope) -> tuple[QueryShape, dict[str, object]]:
    """Split a question into its shape and the values of its parameters.

    Raises :class:`~persistdb.errors.InvalidValue` for text that is no filter, an unknown key, and a value that no row
    can have.
    """
    parsed = parse_all(filters)
    for condition in parsed:
        _check(condition)  # before keys are compared, which need not be text
    values: dict[str, object] = {"host": scope.host}
    shapes: list[FilterShape] = []
    for i, condition in enumerate(sorted(parsed, key=lambda one: (one.key, one.negated))):
        value = condition.value
        end = successor(value) if condition.prefix and isinstance(value, str) else None
        values[f"value{i}"] = utc_text(value) if isinstance(value, datetime) else value
        values[f"end{i}"] = end
        indexed = is_indexed(condition.key, value)
        shapes.append(FilterShape(condition.key, condition.negated, condition.prefix, indexed, end is not None))
    return QueryShape(tuple(shapes), scope == ALL_HOSTS), values


def _check(condition: Filter) -> None:
    check_kind("filter", condition.key, str)
    kind = KEYS.get(condition.key)
    if kind is None:
        raise InvalidValue("filter", condition.key, f"unknown key; use one of {', '.join(KEYS)}")
    value = condition.value
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, datetime) and value.tzinfo is None):
        raise InvalidValue("filter", value, f"not a value for {condition.key}: {_WANTED[kind]}")
    if isinstance(value, str):
        check_text(value)


def is_indexed(key: str, value: object) -> bool:
    """Return whether an index has the rows with a filter's value."""
    if key in _PARTIAL_INDEXES:
        return _PARTIAL_INDEXES[key](value)
    return key not in _NOT_INDEXED


def successor(prefix: str) -> str | None:
    """Return the smallest text that is greater than every text with a prefix; ``None`` if there is none.

    Surrogates, which are no characters, are passed over.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None
