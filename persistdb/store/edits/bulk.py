"""INSERT, UPDATE and DELETE of many rows through a session: the revisions of what they change grow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn, cast

from sqlalchemy import select

from ...errors import InvalidValue
from ...schema.tables import Container, DeviceMap, Mount, Process, Sandbox
from ..encoding import utc_text
from ..statements import among
from . import locked
from .derived import derive
from .recorded import (
    keep_containers,
    keep_sandboxes,
    recorder,
    remove_containers,
    tell_of_containers,
    tell_of_sandboxes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Delete, Result, Update
    from sqlalchemy.orm import ORMExecuteState, Session

    from .locked import Locked, Parent

_CHILDREN = (Mount, DeviceMap, Process)
# The column that says which parent's revision a change of a row counts for
_PARENTS: Mapping[Any, tuple[Parent, str]] = {
    Sandbox.__table__: (Sandbox, "id"),
    Container.__table__: (Container, "id"),
    Mount.__table__: (Container, "container_id"),
    DeviceMap.__table__: (Container, "container_id"),
    Process.__table__: (Container, "container_id"),
}


def execute(state: ORMExecuteState) -> Result[Any] | None:
    """Run a statement that changes many rows, and raise the revisions; ``None`` leaves all others to the session.

    Raises :class:`~persistdb.errors.InvalidValue` for one whose effect on revisions cannot be told beforehand, and for
    one that sets revisions itself.
    """
    if not (state.is_insert or state.is_update or state.is_delete):
        return None
    given: Any = state.statement
    statement: Update | Delete = given.element if state.is_from_statement else given
    table: Any = state.bind_mapper.local_table if state.bind_mapper else statement.table
    if table not in _PARENTS:
        return None  # another program's
    parent, column = _PARENTS[table]
    session = state.session
    if session.autoflush:
        session.flush()  # what is changed in Python may be what the statement looks for
    if state.is_from_statement:
        _refuse(state, table, "execute the statement itself, with RETURNING")
    if state.is_insert:
        _refuse(state, table, "add objects to the session instead: their revisions depend on what is stored")
    if state.is_delete and table is Container.__table__:
        return _delete_containers(state, statement)
    if state.is_delete and table is Sandbox.__table__:
        return _delete_sandboxes(state, statement)
    wanted = _matching(state, statement, statement.table.c[column])
    rows = locked.lock(
        session.connection(), parent, parent.id.in_(wanted), state.parameters if _is_one(state) else None
    )
    now = locked.now()
    whole = table not in (Sandbox.__table__, Container.__table__) or not _sets_state_only(statement)
    before: Mapping[int, int] = {}
    if parent is Container:
        keep_containers(session, rows, now, *_kinds_of(table), whole=whole)
    else:
        before = keep_sandboxes(session, rows, now, whole=whole)
    result = _run(state, statement, statement.table.c[column], rows)
    changed = _changed(session, parent, rows) if parent.__table__ is table else rows
    if changed and whole and parent.__table__ is table:
        derive(session, changed if parent is Sandbox else (), changed if parent is Container else ())
    states = {id_: row.state for id_, row in changed.items()}
    locked.raise_revisions(session, parent, changed.values(), now)
    if parent is Container:
        for kind in _kinds_of(table):
            _began(session, _CHILDREN[kind], changed)
        tell_of_containers(session, rows, states, now, whole=whole)
    else:
        tell_of_sandboxes(session, rows, states, before, now, whole=whole)
    return result


def _kinds_of(table: Any) -> list[int]:
    return [number for number, kind in enumerate(_CHILDREN) if kind.__table__ is table]


def _sets_state_only(statement: Update | Delete) -> bool:
    """Return whether an UPDATE sets the state, and nothing else: of many sets of parameters that cannot be told."""
    values: Any = getattr(statement, "_values", None) or {}
    return {str(getattr(column, "key", column)) for column in values} == {"state"}


def _began(session: Session, kind: Any, containers: Mapping[int, Locked]) -> None:
    """Say of all children of a kind that they are so since their containers' new revisions."""
    if containers:
        new = select(Container.revision).where(_id(Container.id) == kind.container_id).scalar_subquery()
        table = kind.__table__
        here = among(table.c.container_id, containers)
        session.connection().execute(table.update().where(here).values(since=new))


def _delete_sandboxes(state: ORMExecuteState, statement: Update | Delete) -> Result[Any]:
    """Delete sandboxes with all that is in them."""
    connection = state.session.connection()
    wanted = Sandbox.id.in_(_matching(state, statement, statement.table.c.id))
    rows = locked.lock(connection, Sandbox, wanted, state.parameters)
    recorder(state.session).remove_sandboxes(connection, sorted(rows), utc_text(locked.now()))
    return _run(state, statement, statement.table.c.id, rows)


def _delete_containers(state: ORMExecuteState, statement: Update | Delete) -> Result[Any]:
    """Delete containers; what the sum of revisions loses is added to the sandbox's own (:mod:`..revisions`)."""
    connection, table, values = state.session.connection(), statement.table, state.parameters
    sandboxes = locked.lock(
        connection, Sandbox, Sandbox.id.in_(_matching(state, statement, table.c.sandbox_id)), values
    )
    wanted = Container.id.in_(_matching(state, statement, table.c.id))
    rows = locked.lock(connection, Container, wanted & among(_id(Container.sandbox_id), sandboxes), values)
    homes = connection.execute(select(Container.id, Container.sandbox_id).where(among(_id(Container.id), rows)))
    by: Counter[int] = Counter()
    for container, sandbox in homes:
        by[sandbox] += rows[container].revision
    now = locked.now()
    remove_containers(state.session, rows, now)
    keep_sandboxes(state.session, {id_: row for id_, row in sandboxes.items() if id_ in by}, now, whole=False)
    result = _run(state, statement, table.c.id, rows)
    changed = [row for row in sandboxes.values() if row.id in by]
    locked.raise_revisions(state.session, Sandbox, changed, now, {row.id: by[row.id] + 1 for row in changed})
    return result


def _matching(state: ORMExecuteState, statement: Update | Delete, column: ColumnElement[int]) -> Any:
    """Return what the column has in the rows that the statement would change: a SELECT, or values."""
    if _is_one(state):
        where = statement.whereclause
        return select(column).where(*([] if where is None else [where])).correlate(None)
    if not state.is_orm_statement or not state.is_update:
        _refuse(state, statement.table, "run it once for each set of parameters")
    each = (values.get(str(column.key)) for values in cast("list[Mapping[str, int]]", state.parameters))
    return [key for key in each if key is not None]


def _is_one(state: ORMExecuteState) -> bool:
    """Return whether the statement runs once, rather than for each of a list of parameters."""
    return not isinstance(state.parameters, list)


def _run(
    state: ORMExecuteState, statement: Update | Delete, column: ColumnElement[int], rows: Mapping[int, Locked]
) -> Result[Any]:
    """Run the statement for what belongs to the locked rows."""
    if not _is_one(state):
        return state.invoke_statement()
    result = state.invoke_statement(statement=statement.where(among(column, rows)))
    # What RETURNING loads must be loaded before the revisions grow, or it would be older than they are.
    return result.freeze()() if len(statement.exported_columns) else result


def _changed(session: Session, parent: Parent, rows: Mapping[int, Locked]) -> dict[int, Locked]:
    """Return locked rows as the statement left them.

    Raises :class:`~persistdb.errors.InvalidValue` if it set revisions.
    """
    changed = locked.lock(session.connection(), parent, among(_id(parent.id), rows))
    for row in changed.values():
        if row.revision != rows[row.id].revision:
            raise InvalidValue("revision", row.revision, "the session keeps it: leave it out of the statement")
    return {id_: row._replace(updated_at=rows[id_].stamp(row.updated_at)) for id_, row in changed.items()}


def _refuse(state: ORMExecuteState, table: Any, advice: str) -> NoReturn:
    verb = "INSERT" if state.is_insert else "DELETE" if state.is_delete else "UPDATE"
    raise InvalidValue("statement", f"{verb} … {table.name}", f"the session could not keep revisions: {advice}")


def _id(column: Any) -> ColumnElement[int]:
    return cast("ColumnElement[int]", column)
