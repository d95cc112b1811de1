"""Filters and sort orders as SQL; pure: nothing here touches a database.

SQLAlchemy takes ten times as long to put a select together as SQLite to run it. So filters are split in their form,
which a statement is built for once, and their values, which are its parameters.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, func, literal_column, not_, or_, select, true

from ..errors import InvalidValue
from ..filters import KEYS, Filter
from ..schema.tables import IS_PATH, IS_PID, NOT_EMPTY
from ..validation import check_text
from .rows import utc_text
from .statements import container, device_map, mount, parameter, process, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Label, Select, Table

    from ..db.connection import Statement
    from ..filters import Kind
    from .statements import Statements

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


class FilterShape(NamedTuple):
    """The form of one filter: all of it that its SQL depends on.

    ``indexed``: its column's index has rows of this value; ``end``: what begins with its prefix ends somewhere.
    """

    key: str
    negated: bool
    prefix: bool
    indexed: bool
    end: bool


class QueryShape(NamedTuple):
    """The form of a question: its filters, in the order of their keys, and whose containers it is about."""

    terms: tuple[FilterShape, ...]
    all_hosts: bool


def split(filters: Iterable[Filter], *, host: str | None) -> tuple[QueryShape, dict[str, object]]:
    """Split filters in their form and the values of its parameters; ``host=None`` is about all hosts.

    Raises :class:`~persistdb.errors.InvalidValue` for a key that there is not, and a value that no row can have.
    """
    filters = list(filters)
    for given in filters:
        if not isinstance(given, Filter):
            raise InvalidValue("filter", given, "must be a Filter, which filters.parse() makes of text")
    values: dict[str, object] = {"host": host}
    terms: list[FilterShape] = []
    for i, condition in enumerate(sorted(filters, key=lambda one: (one.key, one.negated))):
        _check(condition)
        value = condition.value
        end = successor(value) if condition.prefix and isinstance(value, str) else None
        values[f"value{i}"] = utc_text(value) if isinstance(value, datetime) else value
        values[f"end{i}"] = end
        terms.append(
            FilterShape(
                condition.key, condition.negated, condition.prefix, _is_indexed(condition.key, value), end is not None
            )
        )
    return QueryShape(tuple(terms), host is None), values


class Selects:
    """The statements for questions with filters, each built once for a form of question, the last ones kept."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        keep = lru_cache(maxsize=256)
        self.page = keep(self._page)
        self.summaries = keep(self._summaries)
        self.page_after = keep(self._page_after)
        self.count = keep(self._count)

    def _page(self, form: QueryShape, sort: str) -> Statement:
        """A page in an order of :data:`SORTS`: the form's values, ``limit``, ``offset``."""
        return self._sorted(self._statements.container_json, form, sort)

    def _summaries(self, form: QueryShape, sort: str) -> Statement:
        """The same page, its containers as a list shows them."""
        return self._sorted(self._statements.summary_json, form, sort)

    def _sorted(self, document: Label[str], form: QueryShape, sort: str) -> Statement:
        order_by = order(sort)
        ids = self._where(select(container.c.id), form).order_by(*order_by)
        page = self._documents(document, self._statements.limited(ids, offset=True))
        return self._statements.compile(page.order_by(*order_by))

    def _page_after(self, form: QueryShape) -> Statement:
        """The page after a container, by their ids, and the ids: the form's values, ``after``, ``limit``.

        Any other order would be sorted by the servers, for each page anew.
        """
        ids = self._where(select(container.c.id), form) if form.terms else self._all(form)
        ids = ids.where(container.c.id > parameter("after"))
        page = self._statements.limited(ids.order_by(container.c.id))
        return self._statements.compile(
            self._documents(self._statements.container_json, page).add_columns(container.c.id)
        )

    def _all(self, form: QueryShape) -> Select[Any]:
        """The ids of all containers, so that an engine can only go through them in their order.

        Joined, it would begin with the sandboxes of the host, and sort what is in them.
        """
        ids = select(container.c.id)
        of = select(sandbox.c.host).where(sandbox.c.id == container.c.sandbox_id).scalar_subquery()
        return ids if form.all_hosts else ids.where(of == parameter("host"))

    def _count(self, form: QueryShape) -> Statement:
        """How many there are: the form's values."""
        return self._statements.compile(self._where(select(func.count()), form))

    def _documents(self, document: Label[str], page: Select[Any]) -> Select[Any]:
        """The documents of a page of ids: an engine that sorts documents makes all, to throw most of them away."""
        ids = page.subquery("page")
        # outer joins, for they begin with the page: an engine that thinks it large would go through all containers
        joined = ids.outerjoin(container, container.c.id == ids.c.id).outerjoin(
            sandbox, sandbox.c.id == container.c.sandbox_id
        )
        return select(document).select_from(joined)

    def _where(self, query: Select[Any], form: QueryShape) -> Select[Any]:
        """Combine filters: those that name the same key with or, negated ones and different keys with and."""
        query = query.select_from(sandbox.join(container))
        for (_, negated), group in groupby(enumerate(form.terms), key=lambda one: (one[1].key, one[1].negated)):
            clauses = [self._condition(term, i) for i, term in group]
            query = query.where(*(not_(clause) for clause in clauses)) if negated else query.where(or_(*clauses))
        if form.all_hosts:
            return query
        # SQLite knows nothing of how many rows a value has: with the host in an index it goes through all of the host's
        # containers in their order, and asks of each whether it is one of the few that a device or path leads to.
        starts = any(term.key in _LEADING and not term.negated and term.indexed for term in form.terms)
        host = sandbox.c.host + literal_column("''") if starts else sandbox.c.host
        return query.where(host == parameter("host"))

    def _condition(self, term: FilterShape, i: int) -> ColumnElement[bool]:
        write = self._statements.opaque_parameter if term.prefix else parameter
        return _condition(term, write(f"value{i}"), write(f"end{i}"))


def _check(condition: Filter) -> None:
    kind = KEYS.get(condition.key)
    if kind is None:
        raise InvalidValue("filter", condition.key, f"unknown key; use one of {', '.join(KEYS)}")
    value = condition.value
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, datetime) and value.tzinfo is None):
        raise InvalidValue("filter", value, f"not a value for {condition.key}: {_WANTED[kind]}")
    if isinstance(value, str):
        check_text(value)


def _is_indexed(key: str, value: object) -> bool:
    if key in _PARTIAL_INDEXES:
        return _PARTIAL_INDEXES[key][1](value)
    return key not in _NOT_INDEXED


def _condition(term: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    if term.key == "since":
        return container.c.updated_at >= value
    if term.key == "before":
        return container.c.updated_at < value
    own = _OWN.get(term.key)
    if own is not None:
        return and_(_matches(own, term, value, end), _holds(own, term))
    table, column, also = _OF_CHILDREN[term.key]
    matches = _matches(column, term, value, end)
    if not term.indexed:
        return exists().where(table.c.container_id == container.c.id, matches, also)
    # IN rather than EXISTS: the engine may start from the few rows that the child's index gives
    return container.c.id.in_(select(table.c.container_id).where(matches, also, _holds(column, term)))


def _holds(column: ColumnElement[Any], term: FilterShape) -> ColumnElement[bool]:
    """What the column's index holds, said in its own words, where the filter's value is among it."""
    if term.indexed and term.key in _PARTIAL_INDEXES:
        return literal_column(_PARTIAL_INDEXES[term.key][0].format(column))
    return true()


def _matches(
    column: ColumnElement[Any], term: FilterShape, value: ColumnElement[Any], end: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether text is a value, or begins with it, as a range that an index can serve and that knows no wildcards.

    Text is compared by code points, which is the order of UTF-8's bytes, on every engine.
    """
    if not term.prefix:
        return column == value
    return and_(column >= value, column < end) if term.end else column >= value


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
