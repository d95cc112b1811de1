"""The statements that record what changes: events, lifetimes, and the versions that are superseded.

They are of the transaction that makes the change, whichever way it is made, and run before it where they copy what it
is about to overwrite. Whether anything is recorded is the database's to say: each asks ``retention``.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, and_, case, exists, func, insert, literal_column, null, select, text, update

from ..schema.core import container, sandbox
from ..schema.core_history import container_lifetime, event, retention, sandbox_lifetime
from .past import GAP, ContainerLife, EventRow, GapRow, SandboxLife
from .recorded_versions import CHILDREN, NOW, ONE, PART, WHOLE, ZERO, RecordedVersions, is_readable
from .rows import RowKey, SandboxKey
from .statements import later, parameter, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CTE, ColumnElement, FromClause, Join, Select
    from sqlalchemy.sql.dml import Insert

    from ..db.work import Statement

_CAUSE = {name: parameter(name) for name in ("cause", "actor", "reason")}


class Recording(RecordedVersions):
    """Every statement that records, for one engine."""

    # --- events and lifetimes, from rows

    @cached_property
    def events(self) -> Statement:
        """Write events, in the order of the ``rows`` of :class:`EventRow`: ``cause``, ``actor``, ``reason``."""
        return self._insert(event, dict(self._statements.rows(event, EventRow).c), _CAUSE)

    @cached_property
    def event(self) -> Statement:
        """Write one of them: the fields of an :class:`EventRow`, ``cause``, ``actor``, ``reason``."""
        return self._insert(event, parameters(EventRow), _CAUSE)

    @cached_property
    def gap(self) -> Statement:
        """Write an event of a host: ``rows`` of :class:`GapRow`, ``cause``, ``actor``, ``reason``."""
        return self._insert(event, dict(self._statements.rows(event, GapRow).c), _CAUSE)

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
        of_container = func.coalesce(event.c.container_id, ZERO) == parameter("container_id")
        is_there = exists(select(event.c.id).where(*same, of_container))
        is_kept = text("(seconds IS NULL OR seconds > 0) AND horizon < :at")
        return self._statements.compile(
            select(case((is_there, ONE), else_=ZERO), case((is_kept, ONE), else_=ZERO)).select_from(retention)
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
        return self._insert(sandbox_lifetime, dict(self._statements.rows(sandbox_lifetime, SandboxLife).c), {})

    @cached_property
    def container_lifetimes(self) -> Statement:
        """Write lifetimes that begin, or end: ``rows`` of :class:`ContainerLife`."""
        source = select(*self._statements.rows(container_lifetime, ContainerLife).c).where(self._is_recorded)
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
            update(container_lifetime).where(container_lifetime.c.id == parameter("id")).values(removed_at=NOW)
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
        return self._old_sandboxes(source, of, revision, PART, NOW, *where, recorded=recorded)

    def new_lifetime(
        self, created: Mapping[str, ColumnElement[Any]], cid: ColumnElement[Any], recorded: ColumnElement[bool]
    ) -> Insert:
        """Begin the lifetime of a container, of which ``id``, ``sandbox_id`` and ``created_at`` are given."""
        query = select(created["id"], created["sandbox_id"], cid, created["created_at"]).where(recorded)
        return insert(container_lifetime).from_select(["id", "sandbox_id", "cid", "created_at"], query)

    def creation_event(
        self, created: Mapping[str, ColumnElement[Any]], state: ColumnElement[Any], recorded: ColumnElement[bool]
    ) -> Insert:
        """Write the event of it, with its ``revision``: ``cause``, ``actor``, ``reason``."""
        columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": created["sandbox_id"],
            "container_id": created["id"],
            "kind": literal_column("'created'"),
            "revision": created["revision"],
            "at": created["created_at"],
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
        return self._old_containers(query, PART, NOW, of, recorded)

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
            "revision": c.revision + ONE,
            "at": later(c.updated_at, NOW),
            "old_state": old,
            "new_state": new,
            **_CAUSE,
            **self._transaction,
        }
        return insert(event).from_select(list(columns), query.add_columns(*columns.values()).where(self._if(recorded)))

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
        total = select(func.coalesce(func.sum(container.c.revision), ZERO)).where(
            container.c.sandbox_id == sandbox.c.id
        )
        revision = self._backend.as_bigint(sandbox.c.revision + total.correlate(sandbox).scalar_subquery())
        compile_ = self._statements.compile
        s, c = sandbox.c, container.c
        # not before what was in it, also where the clock was set back
        last = select(later(func.max(c.updated_at), NOW)).where(c.sandbox_id == s.id)
        now = last.correlate(sandbox).scalar_subquery()
        event_columns: dict[str, ColumnElement[Any]] = {
            "sandbox_id": s.id,
            "kind": literal_column("'removed'"),
            "revision": revision + ONE,
            "at": later(s.updated_at, now),
            "old_state": self._if_sound(sandbox, "state"),
            **_CAUSE,
            **self._transaction,
        }
        ended = (
            select(s.id, s.host, s.sid, s.created_at, later(s.updated_at, now))
            .select_from(here)
            .where(self._is_recorded, is_readable(s.created_at))
        )
        ended_within = (
            select(c.id, c.sandbox_id, c.cid, c.created_at, later(c.updated_at, NOW))
            .select_from(within)
            .where(self._is_recorded, is_readable(c.created_at))
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
                self._keep_children(live, past, within.join(live, live.c.container_id == c.id), NOW)
                for live, past in CHILDREN
            ),
            compile_(self._old_containers(select().select_from(within), WHOLE, NOW)),
            self._keep_sandboxes(here, revision, WHOLE, now),
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
