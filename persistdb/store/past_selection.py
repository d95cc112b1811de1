"""Questions with filters about what was: the selects of :mod:`.selection` over versions (:mod:`.versions`).

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, case, func, literal_column, or_, select, union

from ..schema.core import container, sandbox
from . import conditions
from .encoding import NO_PID
from .selection import SORTS, Selects
from .statements import parameter
from .versions import CONTAINER_HELD, LIFETIMES, RECORDED, SANDBOX_HELD, PastStatements, Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ClauseElement, ColumnElement, FromClause

    from ..db.work import Statement
    from ..engines import Backend
    from ..engines.syntax import JSONRows
    from .shapes import FilterShape, QueryShape

# a filter with one of these is about a lifetime
_OF_LIFETIMES = {"host": "s.host", "sid": "s.sid", "cid": "l.cid"}


class PastSelects(Selects):
    """The selects for one shape of a question, over the versions that may be its answer."""

    def __init__(self, statements: PastStatements) -> None:
        super().__init__(statements)
        self._statements: PastStatements = statements
        pid = _each("p.pid", statements.listed("process", "p").also("p.position = 0"))
        no_pid: ColumnElement[Any] = literal_column(str(NO_PID))
        computed = {
            "pid": func.coalesce(*pid, no_pid),
            "mounts": _sum(statements.listed("mount", "m").also("m.position > 0")),
            "devices": _sum(statements.listed("device_map", "d")),
        }
        self.sorts = {**SORTS, **{name: (value, container.c.id) for name, value in computed.items()}}

    def window(self, shape: QueryShape) -> Statement:
        """The next versions, by the rows' IDs: the payload, NULL where the filters do not match, and the ID."""
        filters = and_(literal_column("1 = 1"), *self._filters(shape))
        payload = case((filters, self._statements.container_json.element)).label("payload")
        query = select(payload, container.c.id).select_from(self._joined(shape, "sid"))
        return self._statements.compile(query.order_by(container.c.id))

    def _first(self, shape: QueryShape, sort: str, *, after: bool) -> FromClause:  # noqa: ARG002  one signature
        return sandbox.join(container)  # versions are not in the order of an index

    def _chooses(self, shape: QueryShape) -> bool:  # noqa: ARG002  one signature
        return False

    def _lead(self, shape: QueryShape) -> Sequence[tuple[int, FilterShape]]:  # noqa: ARG002  the parts begin with it
        return ()

    def _condition(self, shape: FilterShape, i: int) -> ColumnElement[bool]:
        return conditions.past_condition(shape, *self._bounds(shape, i))


class PastQuestions:
    """The selects for questions about what was, each built once for a shape; the last ones are kept."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._dialect = backend.dialect()
        self._versions = Versions(backend)
        keep = lru_cache(maxsize=64)
        self.of = keep(self._of)
        self.windows = keep(self._windows)
        row = self._versions.at("container", LIFETIMES, f"l.id = :id AND {_HELD}")
        self.row = PastStatements(backend, self._versions.names, row)
        """Statements over one container: ``id``, ``at``."""

    def _of(self, shape: QueryShape) -> PastSelects:
        return self._selects(shape, "")

    def _windows(self, shape: QueryShape) -> PastSelects:
        return self._selects(shape, " AND l.id > :after ORDER BY l.id LIMIT :limit")

    def _selects(self, shape: QueryShape, tail: str) -> PastSelects:
        source, where = LIFETIMES, [RECORDED, SANDBOX_HELD, CONTAINER_HELD]
        if not shape.all_hosts:
            where.append("s.host = :host")
        for (key, negated), group in conditions.grouped(shape):
            column = _OF_LIFETIMES.get(key)
            if column is not None and not negated:
                own: ColumnElement[Any] = literal_column(column, Text)
                where.append(self._sql(or_(*(conditions.matches(own, each, *_bounds(i)) for i, each in group))))
        lead = conditions.lead(shape)
        if lead and conditions.is_of_list(lead[0][1].key):
            source = self._led(lead)
        part = self._versions.at("container", source, " AND ".join(where), tail)
        return PastSelects(PastStatements(self._backend, self._versions.names, part))

    def _led(self, lead: Sequence[tuple[int, FilterShape]]) -> str:
        """Begin with the rows, live and past, that an index has for filters on a list."""
        key = lead[0][1].key
        live = [conditions.indexed_rows(each, *_bounds(i)) for i, each in lead]
        past = [conditions.indexed_rows(each, *_bounds(i), past=True) for i, each in lead]
        then: ColumnElement[bool] = literal_column("valid_from <= :at AND valid_to > :at")
        ids = union(conditions.ids_of(key).where(or_(*live)), conditions.past_ids_of(key).where(or_(*past), then))
        return (
            f"({self._sql(ids)}) AS w JOIN container_lifetime AS l ON l.id = w.container_id"
            " JOIN sandbox_lifetime AS s ON s.id = l.sandbox_id"
        )

    def _sql(self, clause: ClauseElement) -> str:
        return str(clause.compile(dialect=self._dialect))


_HELD = f"{RECORDED} AND {SANDBOX_HELD} AND {CONTAINER_HELD}"


def _bounds(i: int) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return parameter(f"value{i}"), parameter(f"end{i}")


def _each(expression: str, rows: JSONRows) -> list[ColumnElement[Any]]:
    return [literal_column(f"(SELECT {expression} FROM {source})") for source in rows.sources()]


def _sum(rows: JSONRows) -> ColumnElement[Any]:
    live, past = _each("count(*)", rows)
    return live + past
