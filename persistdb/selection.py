"""Filters, sort orders and look-ups as SQL conditions; pure: nothing here touches a database."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, literal_column, not_, or_, select, true

from .connection import check_text
from .errors import InvalidValue
from .filters import KEYS
from .orm import IS_PATH, IS_PID, NOT_EMPTY
from .queries import container, device_map, mount, process, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Table

    from .filters import Filter, Kind

_OWN: dict[str, ColumnElement[Any]] = {
    "host": sandbox.c.host,
    "sid": sandbox.c.sid,
    "cid": container.c.cid,
    "state": container.c.state,
    "bundle": container.c.bundle_path,
    "cgroup": container.c.cgroup_path,
}
# key: the child table, its column, and what else must hold of the child's row
_OF_CHILDREN: dict[str, tuple[Table, ColumnElement[Any], ColumnElement[bool]]] = {
    "device": (device_map, device_map.c.device_id, true()),
    "block-device": (mount, mount.c.block_device_id, true()),
    "rootfs-device": (mount, mount.c.block_device_id, mount.c.position == 0),
    "source": (mount, mount.c.source, true()),
    "destination": (mount, mount.c.destination, true()),
    "host-path": (mount, mount.c.host_path, true()),
    "type": (mount, mount.c.type, true()),
    "token": (process, process.c.token, true()),
    "pid": (process, process.c.pid, true()),
}

# What an index of only some rows holds, and whether a filter's value is among it. Without an index for the value it is
# better to go through the containers in the order that is asked for, and to look at the children of each.
_HELD: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bundle": (NOT_EMPTY, bool),
    "cgroup": (NOT_EMPTY, bool),
    "block-device": (NOT_EMPTY, bool),
    "rootfs-device": (NOT_EMPTY, bool),
    "host-path": (NOT_EMPTY, bool),
    "source": (IS_PATH, lambda value: value.startswith("/")),
    "pid": (IS_PID, lambda value: value > 0),
}
# The keys whose index leads to few rows.
_LEADING = {*_HELD, "cid", "device", "token"}
_NOT_INDEXED = {"destination", "type"}

_TYPES: dict[Kind, type] = {"text": str, "number": int, "since": datetime, "before": datetime}
_WANTED: dict[Kind, str] = {
    "text": "text",
    "number": "a whole number",
    "since": "a datetime with its time zone",
    "before": "a datetime with its time zone",
}

SORTS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "sid": (sandbox.c.sid, container.c.cid, sandbox.c.host),
    "cid": (container.c.cid, sandbox.c.sid, sandbox.c.host),
    "state": (container.c.state, sandbox.c.sid, container.c.cid, sandbox.c.host),
    "host": (sandbox.c.host, sandbox.c.sid, container.c.cid),
    "created": (container.c.created_at, container.c.id),
    "updated": (container.c.updated_at, container.c.id),
}
"""What ``find`` and ``ls`` sort by: as far as no two containers are alike, so that pages make up a whole."""


def conditions(filters: Iterable[Filter]) -> list[ColumnElement[bool]]:
    """Combine filters: those that name the same key with or, negated ones and different keys with and."""
    found: list[ColumnElement[bool]] = []
    ordered = sorted(filters, key=lambda condition: (condition.key, condition.negated))
    for (_, negated), group in groupby(ordered, key=lambda condition: (condition.key, condition.negated)):
        clauses = [_condition(condition) for condition in group]
        found += [not_(clause) for clause in clauses] if negated else [or_(*clauses)]
    return found


def of_host(host: str, filters: Iterable[Filter]) -> ColumnElement[bool]:
    """Whether a container is on a host, in words that let an engine start from the filters' indexes where it should.

    SQLite knows nothing of how many rows a value has: with the host in an index it goes through all of the host's
    containers in their order, and asks of each whether it is one of the few that a device or path leads to.
    """
    starts = any(
        condition.key in _LEADING and not condition.negated and _held(sandbox.c.sid, condition) is not None
        for condition in filters
    )
    return sandbox.c.host + literal_column("''") == host if starts else sandbox.c.host == host


def _check(condition: Filter) -> None:
    """Refuse a key that there is not, and a value that no row can have."""
    kind = KEYS.get(condition.key)
    if kind is None:
        raise InvalidValue("filter", condition.key, f"unknown key; use one of {', '.join(KEYS)}")
    value = condition.value
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, datetime) and value.tzinfo is None):
        raise InvalidValue("filter", value, f"not a value for {condition.key}: {_WANTED[kind]}")
    if isinstance(value, str):
        check_text(value)


def _condition(condition: Filter) -> ColumnElement[bool]:
    _check(condition)
    if condition.key == "since":
        return container.c.updated_at >= condition.value
    if condition.key == "before":
        return container.c.updated_at < condition.value
    own = _OWN.get(condition.key)
    if own is not None:
        held = _held(own, condition)
        return and_(_matches(own, condition), true() if held is None else held)
    table, column, also = _OF_CHILDREN[condition.key]
    held = _held(column, condition)
    if held is None:
        return exists().where(table.c.container_id == container.c.id, _matches(column, condition), also)
    # IN rather than EXISTS: the engine may start from the few rows that the child's index gives
    return container.c.id.in_(select(table.c.container_id).where(_matches(column, condition), also, held))


def _held(column: ColumnElement[Any], condition: Filter) -> ColumnElement[bool] | None:
    """What the column's index holds, said in its own words; ``None`` if it does not hold the filter's value."""
    if condition.key in _NOT_INDEXED:
        return None
    if condition.key not in _HELD:
        return true()
    holds, is_held = _HELD[condition.key]
    return literal_column(holds.format(column)) if is_held(condition.value) else None


def _matches(column: ColumnElement[Any], condition: Filter) -> ColumnElement[bool]:
    if condition.prefix:
        return starts_with(column, str(condition.value))
    return column == condition.value


def starts_with(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Whether text begins with a prefix, as a range that an index can serve and that knows no wildcards.

    Text is compared by code points, which is the order of UTF-8's bytes, on every engine.
    """
    end = successor(prefix)
    return column >= prefix if end is None else and_(column >= prefix, column < end)


def successor(prefix: str) -> str | None:
    """The smallest text that is greater than all that begin with a prefix; ``None`` if there is none.

    Surrogates, which are no characters, are passed over.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None


def order(sort: str) -> Sequence[ColumnElement[Any]]:
    """The columns to sort by; ``-`` before the name turns the order round.

    Raises :class:`~persistdb.errors.InvalidValue`, which lists the names.
    """
    columns = SORTS.get(sort.removeprefix("-"))
    if columns is None:
        raise InvalidValue("sort", sort, f"unknown; use one of {', '.join(SORTS)}, with - before it for the reverse")
    return [column.desc() for column in columns] if sort.startswith("-") else columns
