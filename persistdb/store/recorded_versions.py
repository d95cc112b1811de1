"""The statements that keep versions of rows, before the statement that ends them.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Table, and_, case, func, insert, literal_column, not_, null, or_, select, text

from ..engines.types import UTCDateTime
from ..schema.core import container, device_map, mount, process, sandbox
from ..schema.core_history import (
    IS_RECORDED,
    container_history,
    device_map_history,
    mount_history,
    process_history,
    sandbox_history,
)
from .past import OldChild, OldContainer, OldSandbox
from .statements import FIRST, LAST, later, parameter, parameters

if TYPE_CHECKING:
    from sqlalchemy import CTE, ColumnElement, FromClause, Select, TextClause
    from sqlalchemy.sql.dml import Insert

    from ..db.work import Statement
    from ..engines import Backend
    from .statements import Statements

CHILDREN = ((mount, mount_history), (device_map, device_map_history), (process, process_history))
"""The tables of what belongs to containers, each with the one for what did."""

ZERO: ColumnElement[int] = literal_column("0")
ONE: ColumnElement[int] = literal_column("1")
NOW = parameter("now")
WHOLE: ColumnElement[Any] = literal_column("TRUE", Boolean)
PART: ColumnElement[Any] = literal_column("FALSE", Boolean)


class RecordedVersions:
    """The versions of sandboxes, containers and what belongs to them that a change or a removal ends."""

    def __init__(self, backend: Backend, statements: Statements) -> None:
        self._backend, self._statements = backend, statements
        self._is_recorded: TextClause = text(IS_RECORDED)
        # as a column, where one part of a statement asks for all: PostgreSQL opens the table each time, 6 µs
        self.is_recorded: ColumnElement[bool] = literal_column(IS_RECORDED)

    @cached_property
    def old_sandboxes(self) -> Statement:
        """Keep versions of sandboxes' own rows: ``rows`` of :class:`OldSandbox`."""
        r = self._statements.rows(sandbox, OldSandbox)
        return self._keep_sandboxes(
            r.join(sandbox, and_(sandbox.c.id == r.c.id, sandbox.c.revision == r.c.number)),
            r.c.revision,
            r.c.whole,
            r.c.now,
        )

    @cached_property
    def old_sandbox(self) -> Statement:
        """Keep one of them: the fields of an :class:`OldSandbox`."""
        r = parameters(OldSandbox)
        here = and_(sandbox.c.id == r["id"], sandbox.c.revision == r["number"])
        return self._keep_sandboxes(sandbox, r["revision"], r["whole"], r["now"], here)

    @cached_property
    def old_number(self) -> Statement:
        """Keep one of which only the number and the state are others: the fields of an :class:`OldSandbox`."""
        r = parameters(OldSandbox)
        here = and_(sandbox.c.id == r["id"], sandbox.c.revision == r["number"])
        return self._keep_sandboxes(sandbox, r["revision"], PART, r["now"], here)

    @cached_property
    def old_containers(self) -> Statement:
        """Keep versions of containers' own rows: ``rows`` of :class:`OldContainer`."""
        r = self._statements.rows(container, OldContainer)
        joined = r.join(container, and_(container.c.id == r.c.id, container.c.revision == r.c.revision))
        return self._statements.compile(self._old_containers(select().select_from(joined), r.c.whole, r.c.now))

    @cached_property
    def old_container(self) -> Statement:
        """Keep one of them: the fields of an :class:`OldContainer`."""
        r = parameters(OldContainer)
        here = select().select_from(container).where(container.c.id == r["id"], container.c.revision == r["revision"])
        return self._statements.compile(self._old_containers(here, r["whole"], r["now"]))

    @cached_property
    def old_part(self) -> Statement:
        """Keep one of which only the state becomes another: the fields of an :class:`OldContainer`."""
        r = parameters(OldContainer)
        here = select().select_from(container).where(container.c.id == r["id"], container.c.revision == r["revision"])
        return self._statements.compile(self._old_containers(here, PART, r["now"]))

    @cached_property
    def old_children(self) -> tuple[Statement, Statement, Statement]:
        """Keep mounts, device maps and processes that are overwritten: ``rows`` of :class:`OldChild`."""

        def of(live: Table, past: Table) -> Statement:
            r = self._statements.rows(live, OldChild)
            joined = r.join(container, and_(container.c.id == r.c.container_id, container.c.revision == r.c.revision))
            here = and_(live.c.container_id == r.c.container_id, live.c.position == r.c.position)
            return self._keep_children(live, past, joined.join(live, here), r.c.now)

        mounts, devices, processes = (of(live, past) for live, past in CHILDREN)
        return mounts, devices, processes

    @cached_property
    def old_child(self) -> tuple[Statement, Statement, Statement]:
        """Keep one of them: the fields of an :class:`OldChild`."""

        def of(live: Table, past: Table) -> Statement:
            r = parameters(OldChild)
            there = and_(container.c.id == r["container_id"], container.c.revision == r["revision"])
            here = and_(live.c.container_id == container.c.id, live.c.position == r["position"], there)
            return self._keep_children(live, past, container.join(live, here), r["now"])

        mounts, devices, processes = (of(live, past) for live, past in CHILDREN)
        return mounts, devices, processes

    @cached_property
    def all_children(self) -> tuple[Statement, Statement, Statement]:
        """Keep all mounts, device maps and processes of containers: ``rows`` of :class:`OldContainer`."""

        def of(live: Table, past: Table) -> Statement:
            r = self._statements.rows(container, OldContainer)
            joined = r.join(container, and_(container.c.id == r.c.id, container.c.revision == r.c.revision))
            return self._keep_children(live, past, joined.join(live, live.c.container_id == container.c.id), r.c.now)

        mounts, devices, processes = (of(live, past) for live, past in CHILDREN)
        return mounts, devices, processes

    def _keep_sandboxes(
        self,
        source: FromClause,
        revision: ColumnElement[Any],
        whole: ColumnElement[Any],
        now: ColumnElement[Any],
        *where: ColumnElement[bool],
    ) -> Statement:
        return self._statements.compile(self._old_sandboxes(source, sandbox, revision, whole, now, *where))

    def _old_sandboxes(
        self,
        source: FromClause,
        of: Table | CTE,
        revision: ColumnElement[Any],
        whole: ColumnElement[Any],
        now: ColumnElement[Any],
        *where: ColumnElement[bool],
        recorded: ColumnElement[bool] | None = None,
    ) -> Insert:
        s = of.c
        details = () if whole is PART else ("persist_version", "cgroup_path", "layout", "document")
        columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": s.id,
            "valid_to": later(s.updated_at, now),
            "revision": revision,
            "number": s.revision,
            "whole": whole,
            "state": s.state,
            **{name: s[name] if whole is WHOLE else case((_is_true(whole), s[name])) for name in details},
            "valid_from": s.updated_at,
        }
        sound = self._sound(of, "revision", "state", *details, "updated_at")
        query = select(*columns.values()).select_from(source).where(*where, self._if(recorded), *sound)
        return insert(sandbox_history).from_select(list(columns), query)

    def _old_containers(
        self,
        query: Select[Any],
        whole: ColumnElement[Any],
        now: ColumnElement[Any],
        of: Table | CTE = container,
        recorded: ColumnElement[bool] | None = None,
    ) -> Insert:
        """Keep the own rows that a query without columns is of."""
        c = of.c
        details = ("cgroup_path", "bundle_path", "layout", "extra", "document")

        def detail(name: str) -> ColumnElement[Any]:
            return null() if whole is PART else c[name] if whole is WHOLE else case((_is_true(whole), c[name]))

        columns: dict[str, ColumnElement[Any]] = {
            "container_id": c.id,
            "valid_to": later(c.updated_at, now),
            "revision": c.revision,
            "whole": whole,
            "state": c.state,
            **({} if whole is PART else {name: detail(name) for name in details}),
            "valid_from": c.updated_at,
        }
        if whole is PART:  # the state is the one that was asked for
            sound = [*self._sound(of, "revision"), is_readable(c.updated_at)]
        else:
            sound = self._sound(of, "revision", "state", "updated_at", *details)
        return insert(container_history).from_select(
            list(columns), query.add_columns(*columns.values()).where(self._if(recorded), *sound)
        )

    def _keep_children(self, live: Table, past: Table, source: FromClause, now: ColumnElement[Any]) -> Statement:
        c = container.c
        before = (
            select(func.max(container_history.c.valid_to))
            .where(
                container_history.c.container_id == c.id,
                container_history.c.whole == literal_column(self._backend.true),
                container_history.c.revision == live.c.since - ONE,
            )
            .scalar_subquery()
        )
        own = [column.name for column in live.c if column.name != "since"]
        columns: dict[str, ColumnElement[Any]] = {
            **{name: live.c[name] for name in own},
            "until": c.revision + ONE,
            "since": live.c.since,
            "valid_from": case(
                (live.c.since == ZERO, c.created_at),
                (live.c.since == c.revision, c.updated_at),
                else_=func.coalesce(before, c.created_at),
            ),
            "valid_to": later(c.updated_at, now),
        }
        sound = [*self._sound(container, "revision", "created_at", "updated_at"), *self._sound(live, *own, "since")]
        query = select(*columns.values()).select_from(source).where(self._is_recorded, *sound)
        return self._statements.compile(insert(past).from_select(list(columns), query))

    def _sound(self, table: Table | CTE, *columns: str) -> list[ColumnElement[bool]]:
        """Return the conditions that columns have what can be read: what is spoilt is not kept."""
        conditions: list[ColumnElement[bool]] = []
        for name in columns:
            column = table.c[name]
            misfit = self._backend.misfit(f"{table.name}.{name}", column.type)
            if misfit is not None:
                conditions.append(not_(literal_column(f"({misfit})", Boolean)))
            elif isinstance(column.type, UTCDateTime):
                conditions.append(
                    or_(column.is_(None), is_readable(column)) if column.nullable else is_readable(column)
                )
        return conditions

    def _if(self, recorded: ColumnElement[bool] | None) -> ColumnElement[bool] | TextClause:
        """Return the condition that the database records: what was asked already, or the question."""
        return self._is_recorded if recorded is None else recorded


def is_readable(time: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a timestamp is within the years that can be read."""
    return and_(time >= literal_column(FIRST), time <= literal_column(LAST))


def _is_true(flag: ColumnElement[Any]) -> ColumnElement[bool]:
    return flag.is_(True)
