"""Filters as SQL conditions: which of them an index serves, and which one to begin with.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, literal_column, or_, select, true

from ..schema.core import IS_PATH, IS_PID, NOT_EMPTY, container, device_map, mount, process, sandbox
from ..schema.core_history import device_map_history, mount_history, process_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Select, Table

    from .shapes import FilterShape, QueryShape

_OWN: dict[str, ColumnElement[Any]] = {
    "host": sandbox.c.host,
    "sid": sandbox.c.sid,
    "cid": container.c.cid,
    "state": container.c.state,
    "runtime": container.c.runtime,
    "namespace": container.c.namespace,
    "pod": container.c.pod,
    "name": container.c.container_name,
    "image": container.c.image,
    "bundle": container.c.bundle_path,
    "cgroup": container.c.cgroup_path,
}
# key: the child table and its column
_OF_CHILDREN: dict[str, tuple[Table, str]] = {
    "device": (device_map, "device_id"),
    "block-device": (mount, "block_device_id"),
    "rootfs-device": (mount, "block_device_id"),
    "source": (mount, "source"),
    "destination": (mount, "destination"),
    "host-path": (mount, "host_path"),
    "type": (mount, "type"),
    "token": (process, "token"),
    "pid": (process, "pid"),
}
# the table with the past rows of each
_PAST: dict[Table, Table] = {mount: mount_history, device_map: device_map_history, process: process_history}

# What an index of only some rows holds: where a filter's value is among it, its condition has these words.
_PARTIAL_INDEXES: dict[str, str] = {
    **dict.fromkeys(
        ("bundle", "cgroup", "pod", "name", "image", "block-device", "rootfs-device", "host-path"), NOT_EMPTY
    ),
    "source": IS_PATH,
    "pid": IS_PID,
}
# The keys whose index leads to few rows.
_LEADING = {*_PARTIAL_INDEXES, "cid", "device", "token"}
_OF_SANDBOXES = {"host", "sid"}


def of_sandboxes(shape: QueryShape) -> bool:
    """Return whether a filter is about the containers' sandboxes."""
    return any(each.key in _OF_SANDBOXES for each in shape.filters)


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


def past_ids_of(key: str) -> Select[Any]:
    """Return a select of containers' IDs from the past rows of the table that has the column of a filter on a list."""
    return select(_PAST[_OF_CHILDREN[key][0]].c.container_id)


def is_of_list(key: str) -> bool:
    """Return whether a filter is about rows of a container's lists."""
    return key in _OF_CHILDREN


def indexed_rows(
    shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any], *, past: bool = False
) -> ColumnElement[bool]:
    """Return a filter's condition on rows of that table, in the words of the index that serves it."""
    if shape.key in _OWN:
        column = _OWN[shape.key]
        return and_(matches(column, shape, value, end), _holds(column, shape))
    return _child(shape, value, end, past=past)


def _child(
    shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any], *, past: bool = False
) -> ColumnElement[bool]:
    """Return a filter's condition on rows of a list's table, or of the one with its past rows."""
    live, name = _OF_CHILDREN[shape.key]
    table = _PAST[live] if past else live
    also = table.c.position == literal_column("0") if shape.key == "rootfs-device" else true()
    return and_(matches(table.c[name], shape, value, end), also, _holds(table.c[name], shape))


def condition(shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return a filter's condition on a container, with which an engine may start where an index serves it."""
    if shape.key == "since":
        return container.c.updated_at >= value
    if shape.key == "before":
        return container.c.updated_at < value
    own = _OWN.get(shape.key)
    if own is not None:
        return and_(matches(own, shape, value, end), _holds(own, shape))
    table, _ = _OF_CHILDREN[shape.key]
    rows = _child(shape, value, end)
    if not shape.indexed:
        return exists().where(table.c.container_id == container.c.id, rows).correlate(container)
    # IN rather than EXISTS: the engine may start from the few rows that the child's index gives
    return container.c.id.in_(select(table.c.container_id).where(rows))


def past_condition(shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return a filter's condition on a version of a container, each of which is looked at for itself."""
    shape = unindexed(shape)
    if not is_of_list(shape.key):
        return condition(shape, value, end)
    live, _ = _OF_CHILDREN[shape.key]
    found = []
    for table in (live, _PAST[live]):
        past = table is not live
        there = [table.c.container_id == container.c.id, table.c.since <= container.c.revision]
        there += [table.c.until > container.c.revision] if past else []
        found.append(exists().where(*there, _child(shape, value, end, past=past)).correlate(container))
    return or_(*found)


def _holds(column: ColumnElement[Any], shape: FilterShape) -> ColumnElement[bool]:
    """Return what a partial index holds, in the index's own words, if the filter's value is in it."""
    if shape.indexed and shape.key in _PARTIAL_INDEXES:
        return literal_column(_PARTIAL_INDEXES[shape.key].format(column))
    return true()


def matches(
    column: ColumnElement[Any], shape: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Compare text with a value or prefix, as a range that an index can serve and that has no wildcards.

    Text is compared by code points, which is the order of UTF-8's bytes, on every engine.
    """
    if not shape.prefix:
        return column == value
    return and_(column >= value, column < end) if shape.bounded else column >= value
