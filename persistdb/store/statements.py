"""The repository's statements, built once for an engine.

A read returns one JSON payload a row, which decodes straight into a record: however many children a container has, it
is one select and one round trip. A write takes one JSON parameter with all rows of a table: however many rows, it is
one statement.

Pure: nothing here touches a database.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    update,
)

from ..db.work import Statement
from ..schema.core import (
    annotation,
    container,
    device_map,
    mount,
    process,
    sandbox,
    sandbox_annotation,
    sandbox_device,
    vfio_device,
)
from ..schema.core_history import container_history, container_lifetime, sandbox_lifetime
from ..schema.version import may_write
from . import rows
from .payload_sql import PayloadSQL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import ClauseElement, ColumnElement, Insert, Select, Subquery, Table, TextClause, Update

    from ..engines import Backend
    from .encoding import Row


_BREAK = re.compile(r"\s*\n\s*")


def parameter(name: str) -> ColumnElement[Any]:
    """Return a parameter of a statement, by its name."""
    # Statements are rendered to text, where this is a parameter like any other; a bindparam() would bring a cast along.
    return literal_column(f":{name}")


# Of a spoilt row nothing is kept, and no time is taken: these are what a time that can be read is between.
FIRST, LAST = "'0001-01-01'", "'9999-12-31 23:59:59.999999'"


def later(updated_at: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time of a change: not before the last one, also where the clock was set back."""
    return case((and_(updated_at > now, updated_at <= literal_column(LAST)), updated_at), else_=now)


def among(column: ColumnElement[int], ids: Collection[int]) -> ColumnElement[bool]:
    """Test for one of these numbers: they are written into the statement, for engines limit its parameters."""
    return column.in_(bindparam(None, sorted(ids), expanding=True, literal_execute=True))


def parameters(kind: type[Row]) -> dict[str, ColumnElement[Any]]:
    """Return the parameters that are the fields of a row, by name."""
    return {name: parameter(name) for name in kind.__struct_fields__}


_HOST, _SID, _CID, _NOW = parameter("host"), parameter("sid"), parameter("cid"), parameter("now")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_is_host = sandbox.c.host == _HOST
_is_sandbox = _is_host & (sandbox.c.sid == _SID)
_IN_CONTAINERS = (container.c.cid >= _CID) & (container.c.cid < parameter("cid_end"))
_IN_SANDBOXES = (sandbox.c.sid >= _SID) & (sandbox.c.sid < parameter("sid_end"))
# of the fields of rows that a table does not have
_TYPES = {
    "host": sandbox.c.host.type,
    "sid": sandbox.c.sid.type,
    **dict.fromkeys(("revision", "new_revision", "number"), sandbox.c.revision.type),
    **dict.fromkeys(("now", "read_at"), sandbox.c.updated_at.type),
    "whole": container_history.c.whole.type,
}
DERIVED = (annotation.c.container_id, sandbox_annotation.c.sandbox_id, sandbox_device.c.sandbox_id)
"""What tells whose they are, of rows that come from documents."""


class Statements(PayloadSQL):
    """Every fixed statement, for one engine."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        # Statements are put together with named parameters; the driver's own (?, %s) come last.
        self._dialect = backend.dialect()

    def compile(self, statement: ClauseElement) -> Statement:
        """Compile a statement to the driver's own text."""
        return Statement(self._spelled(str(statement.compile(dialect=self._dialect))), self._backend.style)

    def _spelled(self, sql: str) -> str:
        # in one line, as the files have it: SQLAlchemy breaks lines, and no constant of ours does
        return self._backend.spelled(_BREAK.sub(" ", sql))

    def opaque_parameter(self, name: str) -> ColumnElement[Any]:
        """Return a parameter whose value the engine's planner does not see."""
        return self._backend.opaque_parameter(name)

    @property
    def has_statistics(self) -> bool:
        """Whether the engine's planner knows how many rows a value leads to."""
        return self._backend.has_statistics

    @property
    def sorts_joins(self) -> bool:
        """Whether the engine sorts all rows of a join for an order that two tables have together."""
        return self._backend.sorts_joins

    def limited(self, query: Select[Any], *, offset: bool = False) -> Select[Any]:
        """Return a select's first ``limit`` rows, from the ``offset``-th on if asked for."""
        # explicit, even if it is 0: SQLAlchemy binds an offset of its own to SQLite's LIMIT
        start = self.opaque_parameter("offset") if offset else _ZERO
        return query.limit(self.opaque_parameter("limit")).offset(start)

    # --- reads

    @cached_property
    def get(self) -> Statement:
        """One container: ``host``, ``sid``, ``cid``."""
        return self.compile(
            select(self.container_json).select_from(sandbox.join(container)).where(_is_sandbox, container.c.cid == _CID)
        )

    @cached_property
    def load(self) -> Statement:
        """One sandbox with all its containers: ``host``, ``sid``."""
        return self.compile(select(self.sandbox_json).where(_is_sandbox))

    @cached_property
    def load_after(self) -> Statement:
        """A page of a host's sandboxes, as ``load`` returns them, after one: ``host``, ``sid``, ``limit``."""
        after = (_is_host, sandbox.c.sid > _SID)
        return self.compile(self.limited(select(self.sandbox_json).where(*after).order_by(sandbox.c.sid)))

    @cached_property
    def sandbox_ids(self) -> Statement:
        """The IDs of a host's sandboxes: ``host``."""
        return self.compile(select(sandbox.c.sid).where(_is_host).order_by(sandbox.c.sid))

    @cached_property
    def load_many(self) -> Statement:
        """Sandboxes with all their containers: ``rows`` of host and sid, so that both parts of the key are joined."""
        wanted = self.rows(sandbox, rows.SandboxKey)
        same = (sandbox.c.host == wanted.c.host) & (sandbox.c.sid == wanted.c.sid)
        return self.compile(select(self.sandbox_json).select_from(wanted.join(sandbox, same)))

    @cached_property
    def look_up_sandbox(self) -> Statement:
        """Up to four sandboxes whose sid begins with ``sid``, an exact match first: ``host``, ``sid``, ``sid_end``."""
        found = select(sandbox.c.sid).where(_is_host, _IN_SANDBOXES).order_by(sandbox.c.sid)
        return self.compile(found.limit(literal_column("4")).offset(_ZERO))

    @cached_property
    def look_up(self) -> Statement | None:
        """Up to two containers on all hosts whose cid begins with ``cid``: ``cid``, ``cid_end``.

        For an engine on which the precautions for a prefix of many cost more than to look once: one that only one
        container of all has is usual.
        """
        if not self._backend.looks_up_few:
            return None
        # outer, so that the containers are where it begins
        joined = container.outerjoin(sandbox, sandbox.c.id == container.c.sandbox_id)
        found = select(self.container_json).select_from(joined).where(_IN_CONTAINERS)
        return self.compile(found.limit(literal_column("2")).offset(_ZERO))

    @cached_property
    def revision(self) -> Statement:
        """A container's revision, if it is there: ``host``, ``sid``, ``cid``."""
        return self.compile(
            select(container.c.revision)
            .select_from(sandbox.join(container))
            .where(_is_sandbox, container.c.cid == _CID)
        )

    @cached_property
    def token_holders(self) -> Statement:
        """The containers of a sandbox that have a process with one of these tokens: ``host``, ``sid``, ``rows``."""
        wanted = self.rows(process, rows.TokenRow)
        joined = sandbox.join(container).join(process, process.c.container_id == container.c.id)
        return self.compile(
            select(container.c.cid, process.c.token)
            .select_from(joined.join(wanted, wanted.c.token == process.c.token))
            .where(_is_sandbox)
        )

    @cached_property
    def snapshot(self) -> Statement:
        """A sandbox's ID, its own row's number, the sum of its containers' revisions, and one of its containers.

        If that container is not there, the ID for its row, where the engine can tell, the sandbox's document, if the
        container's ID may be in it, and when the sandbox was changed last: ``host``, ``sid``, ``cid``.
        """
        speaks_of_it = self.may_speak_of(_CID)
        others = (
            select(func.coalesce(func.sum(container.c.revision), _ZERO))
            .where(container.c.sandbox_id == sandbox.c.id)
            .correlate(sandbox)
            .scalar_subquery()
        )
        return self.compile(
            select(
                sandbox.c.id,
                sandbox.c.revision,
                others,
                case((container.c.id.is_(None), self._backend.next_id(container, container_lifetime))),
                case((container.c.id.is_not(None), self.container_json.element)).label("payload"),
                case((container.c.id.is_(None) & speaks_of_it, sandbox.c.document)).label("document"),
                self._changed_at() if self._backend.locks_rows else null(),
                case((container.c.id.is_(None), literal_column(self._backend.utc_text("sandbox.updated_at")))),
            )
            .select_from(
                sandbox.outerjoin(container, (container.c.sandbox_id == sandbox.c.id) & (container.c.cid == _CID))
            )
            .where(_is_sandbox)
        )

    def may_speak_of(self, cid: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that a sandbox's document may have a container's ID in it; NULL without a document."""
        return literal_column(self._backend.may_contain("sandbox.document", str(cid)))

    @cached_property
    def lock_sandbox(self) -> Statement:
        """Wait for transactions that change a sandbox's row: ``host``, ``sid``."""
        return self.compile(select(sandbox.c.id).where(_is_sandbox).with_for_update())

    @cached_property
    def lock_containers(self) -> Statement:
        """Wait for transactions that change a container of a sandbox: ``host``, ``sid``."""
        of_sandbox = select(sandbox.c.id).where(_is_sandbox).scalar_subquery()
        return self.compile(select(container.c.id).where(container.c.sandbox_id == of_sandbox).with_for_update())

    # --- writes: the columns are the fields of a row (:mod:`.rows`)

    @cached_property
    def may_write(self) -> TextClause:
        """The condition that a program of this revision may write, an error where it may not (:mod:`..schema.version`).

        What a transaction may write to first has it: sandboxes and containers, before what belongs to them.
        """
        return text(f"({may_write(self._backend)})")

    @cached_property
    def insert_sandboxes(self) -> Statement:
        """Insert sandboxes and return their new IDs: ``rows`` of :class:`~.rows.SandboxRow`."""
        r = self.rows(sandbox, rows.SandboxRow)
        columns: dict[str, ColumnElement[Any]] = {**self._backend.new_ids(sandbox, sandbox_lifetime), **dict(r.c)}
        statement = insert(sandbox).from_select(list(columns), select(*columns.values()).where(self.may_write))
        return self.compile(statement.returning(sandbox.c.id, sandbox.c.sid))

    @cached_property
    def update_sandboxes(self) -> Statement:
        """Change sandboxes that are at the revision that was read: ``rows`` of :class:`~.rows.SandboxChange`."""
        r = self.rows(sandbox, rows.SandboxChange)
        return self.compile(self._update(sandbox, dict(r.c), r.c.new_revision))

    @cached_property
    def update_sandbox(self) -> Statement:
        """Change one of them: the fields of a :class:`~.rows.SandboxChange`."""
        given = parameters(rows.SandboxChange)
        return self.compile(self._update(sandbox, given, given["new_revision"]))

    @cached_property
    def renumber_sandbox(self) -> Statement:
        """Renumber a sandbox that is as it was read: ``id``, ``revision``, ``read_at``, ``new_revision``, ``now``."""
        as_read = [sandbox.c.id == parameter("id"), sandbox.c.revision == parameter("revision")]
        if self._backend.locks_rows:
            as_read.append(self._changed_at() == parameter("read_at"))
        return self.compile(
            update(sandbox)
            .where(*as_read, self.may_write)
            .values(revision=parameter("new_revision"), updated_at=later(sandbox.c.updated_at, _NOW))
        )

    @cached_property
    def delete_sandbox(self) -> Statement:
        """Delete a sandbox with its containers: ``host``, ``sid``."""
        return self.compile(delete(sandbox).where(_is_sandbox, self.may_write))

    @cached_property
    def delete_containers(self) -> Statement:
        """Delete containers that are at the revision that was read: ``rows`` of :class:`~.rows.ContainerKey`."""
        r = self.rows(container, rows.ContainerKey)
        matching = self._backend.delete_matching(container, r, [column.name for column in r.c])
        return self.compile(matching.where(self.may_write))

    @cached_property
    def delete_container(self) -> Statement:
        """Delete one of them: the fields of a :class:`~.rows.ContainerKey`."""
        of_row = (container.c.id == parameter("id"), container.c.revision == parameter("revision"))
        return self.compile(delete(container).where(*of_row, self.may_write))

    @cached_property
    def insert_containers(self) -> Statement:
        """Insert containers, with the given ID or else a new one, and return their IDs.

        ``rows`` of :class:`~.rows.ContainerRow`.
        """
        r = self.rows(container, rows.ContainerRow)
        new_id = self._backend.new_id(container, container_lifetime, r.c.id)
        values = [new_id if column is r.c.id else column for column in r.c]
        statement = insert(container).from_select(
            [column.name for column in r.c], select(*values).where(self.may_write)
        )
        return self.compile(statement.returning(container.c.id, container.c.sandbox_id, container.c.cid))

    @cached_property
    def insert_container(self) -> Statement:
        """Insert one of them, whose ID is known: the fields of a :class:`~.rows.ContainerRow`."""
        given = parameters(rows.ContainerRow)
        return self.compile(insert(container).from_select(list(given), select(*given.values()).where(self.may_write)))

    @cached_property
    def update_containers(self) -> Statement:
        """Change containers that are at the revision that was read: ``rows`` of :class:`~.rows.ContainerChange`."""
        r = self.rows(container, rows.ContainerChange)
        return self.compile(self._update(container, dict(r.c), container.c.revision + _ONE))

    @cached_property
    def update_container(self) -> Statement:
        """Change one of them: the fields of a :class:`~.rows.ContainerChange`."""
        given = parameters(rows.ContainerChange)
        return self.compile(self._update(container, given, container.c.revision + _ONE))

    @cached_property
    def insert_children(self) -> tuple[Statement, Statement, Statement]:
        """Insert mounts, device maps and processes of new containers: to look for a clash costs a twentieth."""
        return self._each_child(lambda table, source: insert(table).from_select([c.name for c in table.c], source))

    @cached_property
    def put_children(self) -> tuple[Statement, Statement, Statement]:
        """Insert or overwrite mounts, device maps and processes."""
        return self._each_child(self._backend.upsert)

    @cached_property
    def name_container(self) -> Statement:
        """Set what people call a container: the fields of a :class:`~.rows.ContainerNames`."""
        given = parameters(rows.ContainerNames)
        names = {name: value for name, value in given.items() if name != "id"}
        return self.compile(update(container).where(container.c.id == given["id"]).values(names))

    @cached_property
    def set_machine(self) -> Statement:
        """Set what is known of a sandbox's virtual machine: the fields of a :class:`~.rows.SandboxMachine`."""
        given = parameters(rows.SandboxMachine)
        machine = {name: value for name, value in given.items() if name != "id"}
        return self.compile(update(sandbox).where(sandbox.c.id == given["id"]).values(machine))

    @cached_property
    def delete_derived(self) -> tuple[Statement | None, ...]:
        """Delete all annotations of containers, and of sandboxes, and all devices of sandboxes.

        ``rows`` of :class:`~.rows.RowKey`.
        """

        def compiled(owner: ColumnElement[int]) -> Statement | None:
            if not self._backend.seeks_listed:
                return None
            r = self._backend.rows("rows", [("id", owner.type)])
            return self.compile(delete(owner.table).where(owner.in_(select(r.c.id))))

        return tuple(map(compiled, DERIVED))

    @cached_property
    def delete_derived_of(self) -> tuple[Statement, ...]:
        """Delete those of one owner: the field of a :class:`~.rows.RowKey`."""
        return tuple(self.compile(delete(owner.table).where(owner == parameter("id"))) for owner in DERIVED)

    @cached_property
    def insert_derived(self) -> tuple[Statement, Statement, Statement, Statement]:
        """Insert annotations of containers and of sandboxes, devices of sandboxes, and of those the ones of VFIO.

        ``rows`` of :class:`~.rows.AnnotationRow` and so on.
        """

        def compiled(table: Table, kind: type[Row]) -> Statement:
            r = self.rows(table, kind)
            return self.compile(insert(table).from_select([column.name for column in r.c], select(*r.c)))

        return (
            compiled(annotation, rows.AnnotationRow),
            compiled(sandbox_annotation, rows.SandboxAnnotationRow),
            compiled(sandbox_device, rows.SandboxDeviceRow),
            compiled(vfio_device, rows.VFIODeviceRow),
        )

    def rows(self, table: Table, kind: type[Row], name: str = "rows") -> Subquery:
        """Read the parameter ``rows``, whose columns are the fields of a row and have the types of the table's."""
        types = _TYPES | {column.name: column.type for column in table.c}
        return self._backend.rows(name, [(field, types[field]) for field in kind.__struct_fields__])

    def _update(self, table: Table, r: Mapping[str, ColumnElement[Any]], revision: ColumnElement[int]) -> Update:
        own = ("id", "revision", "new_revision", "updated_at", "read_at")
        changed = {name: column for name, column in r.items() if name not in own}
        updated_at = later(table.c.updated_at, r["updated_at"])
        as_read = [table.c.id == r["id"], table.c.revision == r["revision"]]
        if "read_at" in r and self._backend.locks_rows:
            as_read.append(table.c.updated_at == r["read_at"])
        return (
            update(table)
            .where(*as_read, self.may_write)
            .values({"revision": revision, "updated_at": updated_at, **changed})
        )

    def _changed_at(self) -> ColumnElement[str]:
        """When a sandbox's row was changed last, valid or not.

        Its number may come back, when containers go and come in several steps.
        """
        return cast(sandbox.c.updated_at, String)

    def _each_child(self, write: Callable[[Table, Select[Any]], Insert]) -> tuple[Statement, Statement, Statement]:
        def compiled(table: Table, kind: type[Row]) -> Statement:
            return self.compile(write(table, select(*self.rows(table, kind).c)))

        return (
            compiled(mount, rows.MountRow),
            compiled(device_map, rows.DeviceMapRow),
            compiled(process, rows.ProcessRow),
        )
