"""Cursors: text that says where in an order the next page of a list begins.

A cursor holds the values that its container was sorted by, as they were when its page was read: the next page begins
there even if the container has changed or is gone. Pure: nothing here touches a database.
"""

from __future__ import annotations

import base64
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from ..errors import InvalidValue
from ..records import Container, ContainerSummary
from ..validation import INT64, check_text
from .encoding import NO_PID, utc_text
from .lookup import ContainerIDs
from .shapes import BY_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")
Named = Container | ContainerSummary | ContainerIDs
"""What has the IDs of a container."""

NAMED_SORTS: Final[Mapping[str, Sequence[str]]] = {
    "sid": ("sid", "cid", "host"),
    "cid": ("cid", "sid", "host"),
    "host": ("host", "sid", "cid"),
}
"""The orders by names only, in which a container's IDs say where it is."""

# The other orders end with the row's ID, which no record has.
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(NAMED_SORTS, (str, str, str)),
    "state": (str, str, str, str),
    "created": (datetime, int),
    "updated": (datetime, int),
    "pid": (int, int),
    "mounts": (int, int),
    "devices": (int, int),
    "bundle": (str, int),
    "cgroup": (str, int),
    "revision": (int, int),
    **dict.fromkeys(BY_NAMES, (str, int)),
}
_OF_SUMMARY: Final[Mapping[str, Callable[[Any], object]]] = {
    "state": attrgetter("state"),
    "created": attrgetter("created_at"),
    "updated": attrgetter("updated_at"),
    "pid": lambda one: NO_PID if one.pid is None else one.pid,
    "mounts": attrgetter("mounts"),
    "devices": attrgetter("devices"),
    "bundle": attrgetter("bundle_path"),
    "cgroup": attrgetter("cgroup_path"),
    "revision": attrgetter("revision"),
    **{name: attrgetter(column) for name, column in BY_NAMES.items()},
}
_OF_CONTAINER: Final[Mapping[str, Callable[[Any], object]]] = {
    **_OF_SUMMARY,
    "state": lambda one: one.record.state,
    "pid": lambda one: one.record.processes[0].pid if one.record.processes else NO_PID,
    "mounts": lambda one: len(one.record.mounts),
    "devices": lambda one: len(one.record.device_maps),
    "bundle": lambda one: one.record.bundle_path,
    "cgroup": lambda one: one.record.cgroup_path,
}


class Page(list[T], Generic[T]):
    """A page of a list, which is a list itself.

    ``cursor`` is where the next page begins: give it as ``after``. It is ``None`` for a page with fewer containers than
    its limit, after which there is nothing.
    """

    __slots__ = ("cursor",)

    def __init__(self, items: Iterable[T] = (), cursor: str | None = None) -> None:
        super().__init__(items)
        self.cursor = cursor


class Start(NamedTuple):
    """Where a page begins: behind these values of its order's columns, or at the first if there are none.

    ``skip`` rows from there on are left out: behind a container that cannot be read there are no values to begin with.
    """

    values: Sequence[object] = ()
    skip: int = 0


class _Row(msgspec.Struct):
    id: int
    sorted_by: str = ""


def behind(container: Container | ContainerSummary, sort: str, payload: str) -> str:
    """Return the cursor behind a container in an order, with the payload that the container was decoded from."""
    name = sort.removeprefix("-")
    if name in NAMED_SORTS:
        return write(sort, Start([getattr(container, each) for each in NAMED_SORTS[name]]))
    row = msgspec.json.decode(payload, type=_Row)
    if name in BY_NAMES and isinstance(container, Container):
        return write(sort, Start([row.sorted_by, row.id]))
    value = (_OF_CONTAINER if isinstance(container, Container) else _OF_SUMMARY)[name](container)
    if name == "state":
        return write(sort, Start([value, container.sid, container.cid, container.host]))
    if isinstance(value, datetime):
        value = utc_text(value)
    return write(sort, Start([value, row.id]))


def write(sort: str, start: Start) -> str:
    """Return the cursor of a start in an order."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, start.skip, *start.values])).decode().rstrip("=")


def read(after: Named | str, sort: str) -> Start:
    """Return the start of a page behind a container or at a cursor.

    Raises :class:`~persistdb.errors.InvalidValue` for what is neither, for a cursor of another order, and for a
    container where its IDs do not say where in the order it is.
    """
    if isinstance(after, str):
        return _read(after, sort)
    if not isinstance(after, Container | ContainerSummary | ContainerIDs):
        reason = "must be the cursor of the page before, a container of it, or its ContainerIDs"
        raise InvalidValue("after", after, reason)
    names = NAMED_SORTS.get(sort.removeprefix("-"))
    if names is None:
        reason = f"is for lists in the order of {', '.join(NAMED_SORTS)}, not {sort}: use the page's cursor"
        raise InvalidValue("after", after, reason)
    return Start([getattr(after, name) for name in names])


def _read(cursor: str, sort: str) -> Start:
    refused = InvalidValue("after", cursor, "is no cursor of a page: use one as it was returned")
    try:
        found = msgspec.json.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        of, skip, *values = found
    except (TypeError, ValueError, RecursionError):  # DecodeError and binascii.Error are ValueErrors
        raise refused from None
    types = _TYPES.get(str(of).removeprefix("-"))
    is_whole = not values or (types is not None and len(values) == len(types) and all(map(_fits, values, types)))
    if types is None or not is_whole or not _fits(skip, int) or skip < 0:
        raise refused
    if of != sort:
        raise InvalidValue("after", cursor, f"is the cursor of a page in the order {of}, not {sort}")
    return Start(values, skip)


def _fits(value: object, kind: type) -> bool:
    """Return whether an engine can compare a value with a column: people may change a cursor."""
    if kind is int:
        return type(value) is int and value in INT64
    if not isinstance(value, str):
        return False
    try:
        if kind is datetime:
            return utc_text(datetime.fromisoformat(f"{value}+00:00")) == value
        check_text(value)
    except (ValueError, InvalidValue):
        return False
    return True
