"""Filters and sort orders as SQL.

A question is split into its shape, for which a statement is built once, and its values (:mod:`.shapes`).

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, false, func, literal_column, not_, null, or_, select, true, tuple_, union_all

from ..schema.core import container, device_map, mount, process, sandbox
from ..validation import check_sort
from . import conditions
from .encoding import NO_PID
from .shapes import BY_NAMES
from .statements import parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Label, Select, Subquery, Table

    from ..db.work import Statement
    from .shapes import FilterShape, QueryShape
    from .statements import Statements

_CONTAINERS = sandbox.join(container)
_IS_OF = container.c.sandbox_id == sandbox.c.id
# What comes after a container in the order of names: the first condition is a range of the index, which engines do not
# see in the second, nor in a comparison of rows.
_AFTER_NAME = (
    sandbox.c.sid >= parameter("sid"),
    or_(sandbox.c.sid > parameter("sid"), container.c.cid > parameter("cid")),
)
# Up to here it costs no more to look at all hosts' rows of a value than at the containers of one host.
_FEW = 20


def _number_of(children: Table, also: ColumnElement[bool]) -> ColumnElement[Any]:
    rows = select(func.count()).where(children.c.container_id == container.c.id, also)
    return rows.correlate(container).scalar_subquery()


_FIRST_PID = (
    select(process.c.pid)
    .where(process.c.container_id == container.c.id, process.c.position == literal_column("0"))
    .correlate(container)
    .scalar_subquery()
)
_NO_PID: ColumnElement[Any] = literal_column(str(NO_PID))

SORTS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "sid": (sandbox.c.sid, container.c.cid, sandbox.c.host),
    "cid": (container.c.cid, sandbox.c.sid, sandbox.c.host),
    "state": (container.c.state, sandbox.c.sid, container.c.cid, sandbox.c.host),
    "host": (sandbox.c.host, sandbox.c.sid, container.c.cid),
    "created": (container.c.created_at, container.c.id),
    "updated": (container.c.updated_at, container.c.id),
    "pid": (func.coalesce(_FIRST_PID, _NO_PID), container.c.id),
    "mounts": (_number_of(mount, mount.c.position > literal_column("0")), container.c.id),
    "devices": (_number_of(device_map, true()), container.c.id),
    "bundle": (container.c.bundle_path, container.c.id),
    "cgroup": (container.c.cgroup_path, container.c.id),
    "revision": (container.c.revision, container.c.id),
    "runtime": (container.c.runtime, container.c.id),
    "namespace": (container.c.namespace, container.c.id),
    "pod": (container.c.pod, container.c.id),
    "name": (container.c.container_name, container.c.id),
    "image": (container.c.image, container.c.id),
}
"""What ``find`` and ``ls`` sort by; no two containers compare equal, so that pages make up a whole."""
_NAME_SORTS = {"sid", "cid", "host"}
_COMPUTED_SORTS = {"pid", "mounts", "devices"}
_CONTAINER_SORTS = SORTS.keys() - _NAME_SORTS - {"state"}


class Selects:
    """The statements for questions with filters, each built once for a shape; the last ones are kept."""

    sorts: Mapping[str, Sequence[ColumnElement[Any]]] = SORTS

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        keep = lru_cache(maxsize=256)
        self.page = keep(self._page)
        self.summaries = keep(self._summaries)
        self.page_after = keep(self._page_after)
        self.page_after_name = keep(self._page_after_name)
        self.count = keep(self._count)
        self.ids = keep(self._ids)
        self.ids_after = keep(self._ids_after)
        self.names = keep(self._names)

    def _page(self, shape: QueryShape, sort: str, *, after: bool = False) -> Statement:
        """A page in an order of :data:`SORTS`: the shape's values, ``limit``, ``offset``.

        With ``after`` it begins behind ``after0``, ``after1``…, a value for each column of the order.
        """
        column = BY_NAMES.get(sort.removeprefix("-"))
        payload = self._statements.container_json if column is None else self._statements.sorted_json(column)
        return self._sorted(payload, shape, sort, after=after)

    def _summaries(self, shape: QueryShape, sort: str, *, after: bool = False) -> Statement:
        """The same page, with containers as a list shows them."""
        return self._sorted(self._statements.summary_json, shape, sort, after=after)

    def _sorted(self, payload: Label[str], shape: QueryShape, sort: str, *, after: bool) -> Statement:
        page = self._payloads(payload, self._page_of(shape, sort, container.c.id, after=after))
        return self._statements.compile(page.order_by(*order(sort, self.sorts)))

    def _page_of(self, shape: QueryShape, sort: str, *columns: ColumnElement[Any], after: bool = False) -> Select[Any]:
        joined = self._joined(shape, sort, after=after)
        query = self._where(select(*columns), shape, joined).order_by(*order(sort, self.sorts))
        if after:
            query = query.where(*_behind(sort, self.sorts))
        return self._statements.limited(query, offset=True)

    def _joined(self, shape: QueryShape, sort: str, *, after: bool = False) -> FromClause:
        """Join sandboxes and containers; without statistics an engine goes through the smaller index, and sorts all.

        What is asked of the containers of all hosts alone needs no join.
        """
        if shape.all_hosts and sort.removeprefix("-") in _CONTAINER_SORTS and not conditions.of_sandboxes(shape):
            return container
        if not shape.all_hosts or sort.removeprefix("-") not in _NAME_SORTS or conditions.lead(shape):
            return _CONTAINERS
        if self._statements.sorts_joins and not conditions.of_sandboxes(shape):
            return self._first(shape, sort, after=after)
        if self._statements.has_statistics or sort.removeprefix("-") == "cid":
            return _CONTAINERS
        # a sum is no key: only the containers can be looked up by their sandboxes, which come in the order asked for
        return sandbox.join(container, container.c.sandbox_id == sandbox.c.id + literal_column("0"))

    def _ids(self, shape: QueryShape, sort: str, *, after: bool = False) -> Statement:
        """The same page, with only the IDs of the rows."""
        return self._statements.compile(self._page_of(shape, sort, container.c.id, after=after))

    def _names(self, shape: QueryShape, sort: str) -> Statement:
        """The same page, with ``host``, ``sid`` and ``cid``."""
        return self._statements.compile(self._page_of(shape, sort, sandbox.c.host, sandbox.c.sid, container.c.cid))

    def _page_after(self, shape: QueryShape, *, named: bool = False) -> Statement:
        """The page after a container, by the rows' IDs, and the IDs: the shape's values, ``after``, ``limit``.

        With ``named`` only what comes after a name, too: ``sid``, ``cid``.
        """
        payloads = self._payloads(self._statements.container_json, self._page_of_ids(shape, named=named))
        return self._statements.compile(payloads.add_columns(container.c.id))

    def _ids_after(self, shape: QueryShape, *, named: bool = False) -> Statement:
        """The same page, with only the IDs of the rows."""
        return self._statements.compile(self._page_of_ids(shape, named=named))

    def _page_of_ids(self, shape: QueryShape, *, named: bool) -> Select[Any]:
        if shape.filters or not shape.all_hosts:
            ids = self._where(select(container.c.id), shape)
        else:
            # alone, so that an engine can only go through them in their order
            ids = select(container.c.id)
        ids = ids.where(container.c.id > parameter("after"), *(_AFTER_NAME if named else ()))
        return self._statements.limited(ids.order_by(container.c.id))

    def _page_after_name(self, shape: QueryShape, *, first: bool) -> Statement:
        """A page of one host's containers by their names, and the names: the shape's values, ``limit``.

        It is the first page, or the one after a container: ``sid``, ``cid``. By the rows' IDs an engine would go
        through the containers of all hosts, or sort all of the host's for each page.
        """
        after = () if first else _AFTER_NAME
        names = (container.c.id, sandbox.c.sid, container.c.cid)
        joined: FromClause = _CONTAINERS
        if self._statements.sorts_joins:
            window = self._window(shape, after)
            joined = window.join(sandbox, sandbox.c.id == window.c.id).join(container)
        ids = self._where(select(*names), shape, joined).where(*after).order_by(sandbox.c.sid, container.c.cid)
        payloads = self._payloads(self._statements.container_json, self._statements.limited(ids))
        return self._statements.compile(payloads.add_columns(*names))

    def _window(self, shape: QueryShape, after: Sequence[ColumnElement[bool]]) -> Subquery:
        """The next sandboxes of a host that have such a container, as many as containers are asked for."""
        # a range of both columns of the index: with one host as a constant each page would begin at the host's first
        host = (sandbox.c.host >= parameter("host"), sandbox.c.host <= parameter("host"))
        sandboxes = select(sandbox.c.id).where(*host, *after[:1], self._has_some(shape, sandbox, container, after))
        return self._statements.limited(sandboxes.order_by(sandbox.c.host, sandbox.c.sid)).subquery("following")

    def _first(self, shape: QueryShape, sort: str, *, after: bool) -> FromClause:
        """Join sandboxes and containers, of the table that the order begins with only those among which a page is.

        Each has one of the page's at least. Of those with the same names, as many hosts may have, none is before
        another: all of them are joined.
        """
        columns = self.sorts[sort.removeprefix("-")]
        table, other = (container, sandbox) if columns[0] is container.c.cid else (sandbox, container)
        key = list(takewhile(table.c.contains_column, columns))
        behind = _behind(sort, self.sorts) if after else ()
        first = select(*key).where(*behind[:1], self._has_some(shape, table, other, behind))
        first = first.order_by(*order(sort, self.sorts)[: len(key)])
        first = first.limit(self._statements.opaque_parameter("until")).offset(literal_column("0"))
        names = select(*first.subquery("first").c).distinct().subquery("names")
        return names.join(table, and_(*(column == names.c[column.name] for column in key))).join(other, _IS_OF)

    def _has_some(
        self, shape: QueryShape, table: Table, other: Table, after: Sequence[ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        """Whether a sandbox has such a container, or a container is such and has a sandbox."""
        one: Select[Any] = select(other.c.id).where(_IS_OF, *self._filters(shape), *after)
        # not EXISTS, which may be turned round, to begin with the other table's of all hosts
        limited = one.limit(literal_column("1")).offset(literal_column("0"))
        return limited.correlate(table).scalar_subquery().is_not(None)

    def _count(self, shape: QueryShape) -> Statement:
        """How many containers there are: the shape's values."""
        return self._statements.compile(self._where(select(func.count()), shape))

    def _payloads(self, payload: Label[str], page: Select[Any]) -> Select[Any]:
        """The payloads of a page of IDs: an engine that sorts payloads makes all, to throw most of them away."""
        ids = page.subquery("page")
        # outer joins, for they begin with the page: an engine that thinks it large would go through all containers
        joined = ids.outerjoin(container, container.c.id == ids.c.id).outerjoin(
            sandbox, sandbox.c.id == container.c.sandbox_id
        )
        return select(payload).select_from(joined)

    def _where(self, query: Select[Any], shape: QueryShape, joined: FromClause = _CONTAINERS) -> Select[Any]:
        """Select what a question is about, from sandboxes and containers."""
        query = query.select_from(joined).where(*self._filters(shape))
        if shape.all_hosts:
            return query
        lead = self._lead(shape)
        if lead:
            ids = self._led(lead)
            return query.where(sandbox.c.host + literal_column("''") == parameter("host"), container.c.id.in_(ids))
        return query.where(sandbox.c.host == parameter("host"))

    def _filters(self, shape: QueryShape) -> Iterator[ColumnElement[bool]]:
        """Combine filters: with the same key by or, negated ones and different keys by and."""
        lead = self._lead(shape)
        for (_, negated), group in conditions.grouped(shape):
            if group == lead:
                continue
            # of what a host's containers are not, an index of all hosts' rows tells nothing
            alone = not self._chooses(shape) or (negated and not shape.all_hosts)
            clauses = [self._condition(conditions.unindexed(each) if alone else each, i) for i, each in group]
            if negated:
                yield from (not_(clause) for clause in clauses)
            else:
                yield or_(*clauses)

    def _chooses(self, shape: QueryShape) -> bool:
        """Whether the engine chooses what to begin with."""
        return shape.all_hosts or self._statements.has_statistics

    def _lead(self, shape: QueryShape) -> Sequence[tuple[int, FilterShape]]:
        return () if self._chooses(shape) else conditions.lead(shape)

    def _led(self, lead: Sequence[tuple[int, FilterShape]]) -> CompoundSelect[Any]:
        """The IDs of what filters with one key lead to, for a planner that does not know how many they are.

        A few on all hosts are looked at, whose they are. Where there are more, such as a path that each host has, the
        host's own containers are.
        """
        rows = [conditions.indexed_rows(each, *self._bounds(each, i)) for i, each in lead]
        start = conditions.ids_of(lead[0][1].key).where(or_(*rows)).correlate(None)
        first = start.limit(literal_column(str(_FEW))).offset(literal_column("0")).subquery("first")
        number = select(func.count()).select_from(first).scalar_subquery()
        few = number < literal_column(str(_FEW))
        matches = or_(*(self._condition(conditions.unindexed(each), i) for i, each in lead))
        # an outer join begins with the sandboxes: those without such a container give NULL, which is no ID
        joined = sandbox.outerjoin(container, and_(container.c.sandbox_id == sandbox.c.id, matches))
        # no condition of its own, which would be asked of each sandbox
        host = case((few, null()), else_=parameter("host"))
        own = select(container.c.id).select_from(joined).where(sandbox.c.host == host)
        return union_all(select(*first.c).where(few), own.correlate(None))

    def _condition(self, shape: FilterShape, i: int) -> ColumnElement[bool]:
        return conditions.condition(shape, *self._bounds(shape, i))

    def _bounds(self, shape: FilterShape, i: int) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        write = self._statements.opaque_parameter if shape.prefix else parameter
        return write(f"value{i}"), write(f"end{i}")


def _behind(sort: str, sorts: Mapping[str, Sequence[ColumnElement[Any]]]) -> Sequence[ColumnElement[bool]]:
    """Return what holds of all that comes after a container in an order.

    The first condition is a range of an index, which engines do not see in the other. What is computed has no index,
    and is computed once for each time that it is named: so it stands in a comparison of rows.
    """
    reverse, columns = sort.startswith("-"), sorts[sort.removeprefix("-")]
    starts = [parameter(f"after{i}") for i in range(len(columns))]
    if sort.removeprefix("-") in _COMPUTED_SORTS:
        row, start_row = tuple_(*columns), tuple_(*starts)
        return (row < start_row if reverse else row > start_row,)
    behind: ColumnElement[bool] = false()
    for column, start in zip(reversed(columns), reversed(starts), strict=True):
        behind = or_(column < start if reverse else column > start, and_(column == start, behind))
    first, start = columns[0], starts[0]
    return first <= start if reverse else first >= start, behind


def order(sort: str, sorts: Mapping[str, Sequence[ColumnElement[Any]]] = SORTS) -> Sequence[ColumnElement[Any]]:
    """Return the columns to sort by; ``-`` before the name reverses the order.

    Raises :class:`~persistdb.errors.InvalidValue`, which lists the names.
    """
    columns = sorts[check_sort(sort, sorts)]
    return [column.desc() for column in columns] if sort.startswith("-") else columns
