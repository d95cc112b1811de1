"""The statements that record what changes: events, lifetimes, and the versions that are superseded.

They are of the transaction that makes the change, whichever way it is made, and run before it where they copy what it
is about to overwrite. Whether anything is recorded is the database's to say: each asks ``retention``.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal_column,
    not_,
    null,
    or_,
    select,
    text,
    update,
)

from ..engines.types import UTCDateTime
from ..schema.core import container, device_map, mount, process, sandbox
from ..schema.core_history import (
    IS_RECORDED,
    container_history,
    container_lifetime,
    device_map_history,
    event,
    mount_history,
    process_history,
    retention,
    sandbox_history,
    sandbox_lifetime,
)
from .past import GAP, ContainerLife, EventRow, GapRow, OldChild, OldContainer, OldSandbox, SandboxLife
from .rows import RowKey, SandboxKey
from .statements import (
    FIRST,
    LAST,
    later,
    parameter,
    parameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CTE, ColumnElement, FromClause, Join, Select, Subquery, TextClause
    from sqlalchemy.sql.dml import Insert

    from ..db.work import Statement
    from ..engines import Backend
    from .encoding import Row
    from .statements import Statements

CHILDREN = ((mount, mount_history), (device_map, device_map_history), (process, process_history))
"""The tables of what belongs to containers, each with the one for what did."""

_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_NOW = parameter("now")
_CAUSE = {name: parameter(name) for name in ("cause", "actor", "reason")}
_WHOLE: ColumnElement[Any] = literal_column("TRUE", Boolean)
_PART: ColumnElement[Any] = literal_column("FALSE", Boolean)


class Recording:
    """Every statement that records, for one engine."""

    def __init__(self, backend: Backend, statements: Statements) -> None:
        self._backend, self._statements = backend, statements
        self._is_recorded: TextClause = text(IS_RECORDED)
        # as a column, where one part of a statement asks for all: PostgreSQL opens the table each time, 6 µs
        self.is_recorded: ColumnElement[bool] = literal_column(IS_RECORDED)

    # --- events and lifetimes, from rows

    @cached_property
    def events(self) -> Statement:
        """Write events, in the order of the ``rows`` of :class:`EventRow`: ``cause``, ``actor``, ``reason``."""
        return self._insert(event, dict(self._rows(event, EventRow).c), _CAUSE)

    @cached_property
    def event(self) -> Statement:
        """Write one of them: the fields of an :class:`EventRow`, ``cause``, ``actor``, ``reason``."""
        return self._insert(event, parameters(EventRow), _CAUSE)

    @cached_property
    def gap(self) -> Statement:
        """Write an event of a host: ``rows`` of :class:`GapRow`, ``cause``, ``actor``, ``reason``."""
        return self._insert(event, dict(self._rows(event, GapRow).c), _CAUSE)

    @cached_property
    def find_gap(self) -> Statement:
        """Find a gap that was written: ``host``, ``at``."""
        return self._statements.compile(
            select(event.c.id).where(
                event.c.host == parameter("host"),
                event.c.at == parameter("at"),
                event.c.kind == literal_column(f"'{GAP}'"),
            )
        )

    @cached_property
    def find_event(self) -> Statement:
        """Whether an event was written, and whether it would be there.

        ``sandbox_id``, ``container_id``, which is 0 for none, ``kind``, ``revision``, ``at``.
        """
        names = ("sandbox_id", "kind", "revision", "at")
        same = [event.c[name] == parameter(name) for name in names]
        of_container = func.coalesce(event.c.container_id, _ZERO) == parameter("container_id")
        is_there = exists(select(event.c.id).where(*same, of_container))
        is_kept = text("(seconds IS NULL OR seconds > 0) AND horizon < :at")
        return self._statements.compile(
            select(case((is_there, _ONE), else_=_ZERO), case((is_kept, _ONE), else_=_ZERO)).select_from(retention)
        )

    @cached_property
    def find_creation(self) -> Statement:
        """The revision with which a container was created at a time: ``host``, ``sid``, ``cid``, ``at``.

        It and its sandbox may have gone since.
        """
        home, life = sandbox_lifetime.c, container_lifetime.c
        joined = sandbox_lifetime.join(container_lifetime, life.sandbox_id == home.id)
        of_container = and_(event.c.sandbox_id == home.id, event.c.container_id == life.id)
        return self._find_creation(joined.join(event, of_container), life.cid == parameter("cid"))

    @cached_property
    def find_sandbox_creation(self) -> Statement:
        """The same of a sandbox: ``host``, ``sid``, ``at``."""
        joined = sandbox_lifetime.join(event, event.c.sandbox_id == sandbox_lifetime.c.id)
        return self._find_creation(joined, event.c.container_id.is_(None))

    def _find_creation(self, joined: Join, which: ColumnElement[bool]) -> Statement:
        home = sandbox_lifetime.c
        return self._statements.compile(
            select(event.c.revision)
            .select_from(joined)
            .where(
                home.host == parameter("host"),
                home.sid == parameter("sid"),
                which,
                event.c.at == parameter("at"),
                event.c.kind == literal_column("'created'"),
            )
        )

    @cached_property
    def sandbox_lifetimes(self) -> Statement:
        """Write lifetimes that begin: ``rows`` of :class:`SandboxLife`."""
        return self._insert(sandbox_lifetime, dict(self._rows(sandbox_lifetime, SandboxLife).c), {})

    @cached_property
    def container_lifetimes(self) -> Statement:
        """Write lifetimes that begin, or end: ``rows`` of :class:`ContainerLife`."""
        source = select(*self._rows(container_lifetime, ContainerLife).c).where(self._is_recorded)
        return self._statements.compile(self._backend.upsert(container_lifetime, source))

    @cached_property
    def container_lifetime(self) -> Statement:
        """Write one of them: the fields of a :class:`ContainerLife`."""
        source = select(*parameters(ContainerLife).values()).where(self._is_recorded)
        return self._statements.compile(self._backend.upsert(container_lifetime, source))

    @cached_property
    def end_container(self) -> Statement:
        """End the lifetime of a container whose row cannot be read: ``id``, ``now``."""
        return self._statements.compile(
            update(container_lifetime).where(container_lifetime.c.id == parameter("id")).values(removed_at=_NOW)
        )

    def _insert(
        self, table: Table, r: Mapping[str, ColumnElement[Any]], more: Mapping[str, ColumnElement[Any]]
    ) -> Statement:
        columns: dict[str, ColumnElement[Any]] = {**r, **more}
        if table is event:
            columns |= self._transaction
        source = select(*columns.values()).where(self._is_recorded)
        return self._statements.compile(insert(table).from_select(list(columns), source))

    @property
    def _transaction(self) -> dict[str, ColumnElement[Any]]:
        id_ = self._backend.transaction_id
        return {} if id_ is None else {"transaction_id": literal_column(id_)}

    @cached_property
    def next_ids(self) -> tuple[Statement, Statement] | None:
        """The next IDs of a sandbox and of a container, where the engine would take past ones."""
        pairs = ((sandbox, sandbox_lifetime), (container, container_lifetime))
        if not self._backend.new_ids(*pairs[0]):
            return None
        of_sandbox, of_container = (self._statements.compile(select(self._backend.next_id(*pair))) for pair in pairs)
        return of_sandbox, of_container

    # --- versions that end, before the statement that ends them

    @cached_property
    def old_sandboxes(self) -> Statement:
        """Keep versions of sandboxes' own rows: ``rows`` of :class:`OldSandbox`."""
        r = self._rows(sandbox, OldSandbox)
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
        return self._keep_sandboxes(sandbox, r["revision"], _PART, r["now"], here)

    @cached_property
    def old_containers(self) -> Statement:
        """Keep versions of containers' own rows: ``rows`` of :class:`OldContainer`."""
        r = self._rows(container, OldContainer)
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
        return self._statements.compile(self._old_containers(here, _PART, r["now"]))

    @cached_property
    def old_children(self) -> tuple[Statement, Statement, Statement]:
        """Keep mounts, device maps and processes that are overwritten: ``rows`` of :class:`OldChild`."""

        def of(live: Table, past: Table) -> Statement:
            r = self._rows(live, OldChild)
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
            r = self._rows(container, OldContainer)
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
        details = () if whole is _PART else ("persist_version", "cgroup_path", "layout", "document")
        columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": s.id,
            "valid_to": later(s.updated_at, now),
            "revision": revision,
            "number": s.revision,
            "whole": whole,
            "state": s.state,
            **{name: s[name] if whole is _WHOLE else case((_is_true(whole), s[name])) for name in details},
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
            return null() if whole is _PART else c[name] if whole is _WHOLE else case((_is_true(whole), c[name]))

        columns: dict[str, ColumnElement[Any]] = {
            "container_id": c.id,
            "valid_to": later(c.updated_at, now),
            "revision": c.revision,
            "whole": whole,
            "state": c.state,
            **({} if whole is _PART else {name: detail(name) for name in details}),
            "valid_from": c.updated_at,
        }
        if whole is _PART:  # the state is the one that was asked for
            sound = [*self._sound(of, "revision"), _is_readable(c.updated_at)]
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
                container_history.c.revision == live.c.since - _ONE,
            )
            .scalar_subquery()
        )
        own = [column.name for column in live.c if column.name != "since"]
        columns: dict[str, ColumnElement[Any]] = {
            **{name: live.c[name] for name in own},
            "until": c.revision + _ONE,
            "since": live.c.since,
            "valid_from": case(
                (live.c.since == _ZERO, c.created_at),
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
                    or_(column.is_(None), _is_readable(column)) if column.nullable else _is_readable(column)
                )
        return conditions

    # --- a creation: ``recorded`` is the condition, or what a part of the statement has asked already

    def old_number_of(
        self,
        source: FromClause,
        of: Table | CTE,
        revision: ColumnElement[Any],
        *where: ColumnElement[bool],
        recorded: ColumnElement[bool] | None = None,
    ) -> Insert:
        """Keep the number of a sandbox's row that is in ``of``, of a sandbox that is at a revision: ``now``."""
        return self._old_sandboxes(source, of, revision, _PART, _NOW, *where, recorded=recorded)

    def new_lifetime(
        self, created: Mapping[str, ColumnElement[Any]], cid: ColumnElement[Any], recorded: ColumnElement[bool]
    ) -> Insert:
        """Begin the lifetime of a container, of which ``id`` and ``sandbox_id`` are given: ``now``."""
        query = select(created["id"], created["sandbox_id"], cid, _NOW).where(recorded)
        return insert(container_lifetime).from_select(["id", "sandbox_id", "cid", "created_at"], query)

    def creation_event(
        self, created: Mapping[str, ColumnElement[Any]], state: ColumnElement[Any], recorded: ColumnElement[bool]
    ) -> Insert:
        """Write the event of it, with its ``revision``: ``now``, ``cause``, ``actor``, ``reason``."""
        columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": created["sandbox_id"],
            "container_id": created["id"],
            "kind": literal_column("'created'"),
            "revision": created["revision"],
            "at": _NOW,
            "new_state": state,
            **_CAUSE,
            **self._transaction,
        }
        return insert(event).from_select(list(columns), select(*columns.values()).where(recorded))

    # --- a change of state

    def old_state(
        self, query: Select[Any], of: Table | CTE = container, recorded: ColumnElement[bool] | None = None
    ) -> Insert:
        """Keep the version that a query without columns is of, before its state is changed: ``now``."""
        return self._old_containers(query, _PART, _NOW, of, recorded)

    def state_event(
        self,
        query: Select[Any],
        new: ColumnElement[Any],
        of: Table | CTE = container,
        recorded: ColumnElement[bool] | None = None,
    ) -> Insert:
        """Write the event of that change: ``now``, ``cause``, ``actor``, ``reason``."""
        return self._of_containers(query, "state", parameter("old"), new, of, recorded)

    def _of_containers(
        self,
        query: Select[Any],
        kind: str,
        old: ColumnElement[Any],
        new: ColumnElement[Any],
        of: Table | CTE = container,
        recorded: ColumnElement[bool] | None = None,
    ) -> Insert:
        c = of.c
        columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": c.sandbox_id,
            "container_id": c.id,
            "kind": literal_column(f"'{kind}'"),
            "revision": c.revision + _ONE,
            "at": later(c.updated_at, _NOW),
            "old_state": old,
            "new_state": new,
            **_CAUSE,
            **self._transaction,
        }
        return insert(event).from_select(list(columns), query.add_columns(*columns.values()).where(self._if(recorded)))

    def _if(self, recorded: ColumnElement[bool] | None) -> ColumnElement[bool] | TextClause:
        """Return the condition that the database records: what was asked already, or the question."""
        return self._is_recorded if recorded is None else recorded

    def _if_sound(self, table: Table | CTE, name: str) -> ColumnElement[Any]:
        sound = self._sound(table, name)
        return case((and_(*sound), table.c[name])) if sound else table.c[name]

    # --- the removal of whole sandboxes

    @cached_property
    def removals(self) -> tuple[Statement, ...]:
        """Record that sandboxes go with all that is in them, before they do.

        ``rows`` of :class:`~.rows.SandboxKey`, ``now``, ``cause``, ``actor``, ``reason``.
        """
        r = self._statements.rows(sandbox, SandboxKey)
        return self._removals(r.join(sandbox, and_(sandbox.c.host == r.c.host, sandbox.c.sid == r.c.sid)))

    @cached_property
    def removals_by_id(self) -> tuple[Statement, ...]:
        """Record the same of sandboxes by their IDs: ``rows`` of :class:`~.rows.RowKey`."""
        r = self._statements.rows(sandbox, RowKey)
        return self._removals(r.join(sandbox, sandbox.c.id == r.c.id))

    def _removals(self, here: FromClause) -> tuple[Statement, ...]:
        within = here.join(container, container.c.sandbox_id == sandbox.c.id)
        total = select(func.coalesce(func.sum(container.c.revision), _ZERO)).where(
            container.c.sandbox_id == sandbox.c.id
        )
        revision = self._backend.as_bigint(sandbox.c.revision + total.correlate(sandbox).scalar_subquery())
        compile_ = self._statements.compile
        s, c = sandbox.c, container.c
        event_columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": s.id,
            "kind": literal_column("'removed'"),
            "revision": revision + _ONE,
            "at": later(s.updated_at, _NOW),
            "old_state": self._if_sound(sandbox, "state"),
            **_CAUSE,
            **self._transaction,
        }
        ended = (
            select(s.id, s.host, s.sid, s.created_at, later(s.updated_at, _NOW))
            .select_from(here)
            .where(self._is_recorded, _is_readable(s.created_at))
        )
        ended_within = (
            select(c.id, c.sandbox_id, c.cid, c.created_at, later(c.updated_at, _NOW))
            .select_from(within)
            .where(self._is_recorded, _is_readable(c.created_at))
        )
        locks = (
            (
                compile_(select(s.id).select_from(here).order_by(s.id).with_for_update(of=sandbox)),
                compile_(select(c.id).select_from(within).order_by(c.id).with_for_update(of=container)),
            )
            if self._backend.locks_rows
            else ()
        )
        return (
            *locks,
            *(
                self._keep_children(live, past, within.join(live, live.c.container_id == c.id), _NOW)
                for live, past in CHILDREN
            ),
            compile_(self._old_containers(select().select_from(within), _WHOLE, _NOW)),
            self._keep_sandboxes(here, revision, _WHOLE, _NOW),
            compile_(
                self._of_containers(
                    select().select_from(within).order_by(c.id), "removed", self._if_sound(container, "state"), null()
                )
            ),
            compile_(
                insert(event).from_select(
                    list(event_columns), select(*event_columns.values()).select_from(here).where(self._is_recorded)
                )
            ),
            compile_(self._backend.upsert(container_lifetime, ended_within)),
            compile_(self._backend.upsert(sandbox_lifetime, ended)),
        )

    def _rows(self, table: Table, kind: type[Row]) -> Subquery:
        """Read the parameter ``rows``: columns that the table does not have are times, flags or numbers of it."""
        types = {column.name: column.type for column in table.c}
        more = {
            "now": container.c.updated_at.type,
            "whole": container_history.c.whole.type,
            "number": sandbox.c.revision.type,
            "revision": container.c.revision.type,
        }
        return self._backend.rows("rows", [(name, (types | more)[name]) for name in kind.__struct_fields__])


def _is_readable(time: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(time >= literal_column(FIRST), time <= literal_column(LAST))


def _is_true(flag: ColumnElement[Any]) -> ColumnElement[bool]:
    return flag.is_(True)
