"""INSERT, UPDATE and DELETE of many rows through a session: the revisions of what they change grow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn, cast

from sqlalchemy import select

from ...errors import InvalidValue
from ...schema.tables import Container, DeviceMap, Mount, Process, Sandbox
from . import locked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Delete, Result, Update
    from sqlalchemy.orm import ORMExecuteState, Session

    from .locked import Locked, Parent

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
    if table not in _PARENTS or (table is Sandbox.__table__ and not state.is_update):
        return None  # another program's table; a new sandbox has no containers; one that goes takes all with it
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
    wanted = _matching(state, statement, statement.table.c[column])
    rows = locked.lock(
        session.connection(), parent, parent.id.in_(wanted), state.parameters if _is_one(state) else None
    )
    result = _run(state, statement, statement.table.c[column], rows)
    if parent.__table__ is table:
        rows = _changed(session, parent, rows)
    locked.raise_revisions(session, parent, rows.values())
    return result


def _delete_containers(state: ORMExecuteState, statement: Update | Delete) -> Result[Any]:
    """Delete containers; what the sum of revisions loses is added to the sandbox's own (:mod:`..revisions`)."""
    connection, table, values = state.session.connection(), statement.table, state.parameters
    sandboxes = locked.lock(
        connection, Sandbox, Sandbox.id.in_(_matching(state, statement, table.c.sandbox_id)), values
    )
    wanted = Container.id.in_(_matching(state, statement, table.c.id))
    rows = locked.lock(connection, Container, wanted & locked.among(_id(Container.sandbox_id), sandboxes), values)
    homes = connection.execute(select(Container.id, Container.sandbox_id).where(locked.among(_id(Container.id), rows)))
    by: Counter[int] = Counter()
    for container, sandbox in homes:
        by[sandbox] += rows[container].revision
    result = _run(state, statement, table.c.id, rows)
    changed = [row for row in sandboxes.values() if row.id in by]
    locked.raise_revisions(state.session, Sandbox, changed, {row.id: by[row.id] + 1 for row in changed})
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
    result = state.invoke_statement(statement=statement.where(locked.among(column, rows)))
    # What RETURNING loads must be loaded before the revisions grow, or it would be older than they are.
    return result.freeze()() if len(statement.exported_columns) else result


def _changed(session: Session, parent: Parent, rows: Mapping[int, Locked]) -> dict[int, Locked]:
    """Return locked rows as the statement left them.

    Raises :class:`~persistdb.errors.InvalidValue` if it set revisions.
    """
    changed = locked.lock(session.connection(), parent, locked.among(_id(parent.id), rows))
    for row in changed.values():
        if row.revision != rows[row.id].revision:
            raise InvalidValue("revision", row.revision, "the session keeps it: leave it out of the statement")
    return {id_: row._replace(updated_at=rows[id_].stamp(row.updated_at)) for id_, row in changed.items()}


def _refuse(state: ORMExecuteState, table: Any, advice: str) -> NoReturn:
    verb = "INSERT" if state.is_insert else "DELETE" if state.is_delete else "UPDATE"
    raise InvalidValue("statement", f"{verb} … {table.name}", f"the session could not keep revisions: {advice}")


def _id(column: Any) -> ColumnElement[int]:
    return cast("ColumnElement[int]", column)
