"""Filters as SQL conditions: which of them an index serves, and which one to begin with.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, literal_column, select, true

from ..schema.tables import IS_PATH, IS_PID, NOT_EMPTY
from .statements import container, device_map, mount, process, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Select, Table

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
    "rootfs-device": (mount, mount.c.block_device_id, mount.c.position == literal_column("0")),
    "source": (mount, mount.c.source, true()),
    "destination": (mount, mount.c.destination, true()),
    "host-path": (mount, mount.c.host_path, true()),
    "type": (mount, mount.c.type, true()),
    "token": (process, process.c.token, true()),
    "pid": (process, process.c.pid, true()),
}

# What an index of only some rows holds, and whether a filter's value is among it. Without an index for the value it is
# better to go through the containers in the order that is asked for, and to look at the children of each.
_PARTIAL_INDEXES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bundle": (NOT_EMPTY, bool),
    "cgroup": (NOT_EMPTY, bool),
    "block-device": (NOT_EMPTY, bool),
    "rootfs-device": (NOT_EMPTY, bool),
    "host-path": (NOT_EMPTY, bool),
    "source": (IS_PATH, lambda value: value.startswith("/")),
    "pid": (IS_PID, lambda value: value > 0),
}
# The keys whose index leads to few rows.
_LEADING = {*_PARTIAL_INDEXES, "cid", "device", "token"}
_NOT_INDEXED = {"destination", "type"}


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


def lead(shape: QueryShape) -> Sequence[tuple[int, FilterShape]]:
    """Return the filters with the key whose index leads to few rows of a host; none beside a sandbox's ID."""
    if any(each.key == "sid" and not each.negated for each in shape.filters):
        return ()
    leads: dict[str, Sequence[tuple[int, FilterShape]]] = {}
    for (key, negated), group in grouped(shape):
        if key in _LEADING and not negated and all(each.indexed for _, each in group):
            leads[key] = group
    # the index of cid alone holds all rows, and would be taken for a start beside another lead
    return leads.get("cid") or next(iter(leads.values()), ())


def grouped(shape: QueryShape) -> Iterator[tuple[tuple[str, bool], Sequence[tuple[int, FilterShape]]]]:
    """Yield the filters with the same key and sign, each with its number."""
    for key, group in groupby(enumerate(shape.filters), key=lambda one: (one[1].key, one[1].negated)):
        yield key, tuple(group)


def unindexed(shape: FilterShape) -> FilterShape:
    """Return a filter's shape with which each container is looked at for itself."""
    return shape._replace(indexed=False)


def ids_of(key: str) -> Select[Any]:
    """Return a select of containers' IDs from the table that has a filter's column."""
    return select(container.c.id if key in _OWN else _OF_CHILDREN[key][0].c.container_id)


def indexed_rows(shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return a filter's condition on rows of that table, in the words of the index that serves it."""
    column, also = (_OWN[shape.key], true()) if shape.key in _OWN else _OF_CHILDREN[shape.key][1:]
    return and_(_matches(column, shape, value, end), also, _holds(column, shape))


def is_indexed(key: str, value: object) -> bool:
    """Return whether an index has the rows with a filter's value."""
    if key in _PARTIAL_INDEXES:
        return _PARTIAL_INDEXES[key][1](value)
    return key not in _NOT_INDEXED


def condition(shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return a filter's condition on a container, with which an engine may start where an index serves it."""
    if shape.key == "since":
        return container.c.updated_at >= value
    if shape.key == "before":
        return container.c.updated_at < value
    own = _OWN.get(shape.key)
    if own is not None:
        return and_(_matches(own, shape, value, end), _holds(own, shape))
    table, column, also = _OF_CHILDREN[shape.key]
    matches = _matches(column, shape, value, end)
    if not shape.indexed:
        return exists().where(table.c.container_id == container.c.id, matches, also).correlate(container)
    # IN rather than EXISTS: the engine may start from the few rows that the child's index gives
    return container.c.id.in_(select(table.c.container_id).where(indexed_rows(shape, value, end)))


def _holds(column: ColumnElement[Any], shape: FilterShape) -> ColumnElement[bool]:
    """Return what a partial index holds, in the index's own words, if the filter's value is in it."""
    if shape.indexed and shape.key in _PARTIAL_INDEXES:
        return literal_column(_PARTIAL_INDEXES[shape.key][0].format(column))
    return true()


def _matches(
    column: ColumnElement[Any], shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Compare text with a value or prefix, as a range that an index can serve and that has no wildcards.

    Text is compared by code points, which is the order of UTF-8's bytes, on every engine.
    """
    if not shape.prefix:
        return column == value
    return and_(column >= value, column < end) if shape.bounded else column >= value


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
