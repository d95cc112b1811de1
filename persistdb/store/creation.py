"""The creation of a container without a look before: one statement, or several that go to the server together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, insert, literal_column, not_, select, update

from ..schema.core import container, device_map, mount, process, sandbox
from .rows import ContainerRow, DeviceMapRow, MountRow, ProcessRow
from .statements import later, parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import ClauseElement, ColumnElement, FromClause, Insert, Subquery

    from ..db.work import Statement
    from ..engines import Backend
    from .recording import Recording
    from .statements import Statements

_CID, _NOW = parameter("cid"), parameter("now")
_ONE: ColumnElement[int] = literal_column("1")
_NEW = ("id", "sandbox_id", "revision", "created_at")
_CHILDREN = ((mount, MountRow), (device_map, DeviceMapRow), (process, ProcessRow))

# of a select of a sandbox
_WITHIN = container.c.sandbox_id == sandbox.c.id
_REVISIONS: ColumnElement[int] = func.coalesce(func.sum(container.c.revision), literal_column("0"))
_IS_THERE = exists(select(container.c.id).where(_WITHIN, container.c.cid == _CID).correlate(sandbox))


def statements(backend: Backend, compiled: Statements, recording: Recording) -> tuple[Statement, ...] | None:
    """Return the statements, ``None`` for an engine that needs a look at what is stored before.

    They create a container of a sandbox that has none of its ID, and whose document has not its ID in it. The sandbox
    gets another number (:mod:`.revisions`). The last one returns the new container's revision: NULL, or no row, where
    none was created.

    Parameters: ``host``, the fields of a :class:`~.rows.ContainerRow` but for IDs, revision and times, ``now``, the
    rows ``mount``, ``device_map`` and ``process``, in which IDs are not read, ``cause``, ``actor``, ``reason``.
    """
    if backend.changes_in_one:
        return (compiled.compile(_one(backend, compiled, recording)),)
    home, revision = backend.variable("sandbox"), backend.variable("revision")
    if home is None or revision is None:
        return None
    several = _several(backend, compiled, recording, literal_column(home), literal_column(revision))
    return tuple(map(compiled.compile, several))


def _one(backend: Backend, compiled: Statements, recording: Recording) -> ClauseElement:
    """Return the statement for an engine whose statements can change several tables.

    If somebody else changes the sandbox's row meanwhile, nothing is created: what the statement reads is older than
    that.
    """
    others = select(backend.as_bigint(_REVISIONS)).where(_WITHIN).correlate(sandbox).scalar_subquery()
    found = (
        select(
            *(sandbox.c[name] for name in ("id", "revision", "state", "updated_at")),
            others.label("others"),
            recording.is_recorded.label("recorded"),
        )
        .where(*_wanted(compiled), not_(_IS_THERE))
        .cte("found")
    )
    renumbered = (
        update(sandbox)
        .where(
            sandbox.c.id == found.c.id,
            sandbox.c.revision == found.c.revision,
            # containers that went and came may have brought the number back to what it was
            sandbox.c.updated_at == found.c.updated_at,
        )
        .values(revision=-found.c.others, updated_at=later(sandbox.c.updated_at, _NOW))
        .returning(sandbox.c.id, sandbox.c.updated_at)
        .cte("renumbered")
    )
    here = found.join(renumbered, renumbered.c.id == found.c.id)
    before = found.c.revision + found.c.others
    values = _container(found.c.id, before + _ONE, renumbered.c.updated_at)
    created = (
        insert(container)
        .from_select(list(values), select(*values.values()).select_from(here))
        .returning(*(container.c[name] for name in _NEW))
        .cte("created")
    )
    new = {name: created.c[name] for name in _NEW}
    recorded = select(found.c.recorded).scalar_subquery()
    parts = [
        recording.old_number_of(here, found, before, recorded=found.c.recorded).cte("kept"),
        recording.new_lifetime(new, _CID, recorded).cte("begun"),
        recording.creation_event(new, parameter("state"), recorded).cte("told"),
    ]
    children = _children(compiled, new, lambda rows: created.join(rows, literal_column("true")))
    parts += [each.cte(f"new_{each.table.name}") for each in children]
    return select(created.c.revision).add_cte(found, renumbered, created, *parts)


def _several(
    backend: Backend,
    compiled: Statements,
    recording: Recording,
    home: ColumnElement[int],
    revision: ColumnElement[int],
) -> Iterator[ClauseElement]:
    """Yield the statements for an engine with variables: of the sandbox's ID, and of the new container's revision.

    The sandbox's row is locked before its containers are looked at: whoever else creates one waits for it.
    """
    # max() gives NULL where nothing is found: without a row a variable would stay what it was
    id_: ColumnElement[int] = literal_column(f"max(sandbox.id) INTO {home}")
    yield select(id_).select_from(sandbox).where(*_wanted(compiled)).with_for_update()
    others = "SELECT coalesce(sum(container.revision), 0) FROM container WHERE container.sandbox_id = sandbox.id"
    next_: ColumnElement[int] = literal_column(f"max(sandbox.revision + ({others}) + 1) INTO {revision}")
    yield select(next_).select_from(sandbox).where(sandbox.c.id == home, not_(_IS_THERE))
    is_new = revision.is_not(None)
    here = (sandbox.c.id == home, is_new)
    yield recording.old_number_of(sandbox, sandbox, revision - _ONE, *here)
    number = sandbox.c.revision + _ONE - revision
    yield update(sandbox).where(*here).values(revision=number, updated_at=later(sandbox.c.updated_at, _NOW))
    # which is the sandbox's by now
    at: ColumnElement[Any] = select(sandbox.c.updated_at).where(sandbox.c.id == home).scalar_subquery()
    values = _container(home, revision, at)
    yield insert(container).from_select(list(values), select(*values.values()).where(is_new))
    # the tables of the next ones give out no IDs, and events come last
    new = {"id": literal_column(backend.last_id), "sandbox_id": home, "revision": revision, "created_at": at}
    yield from _children(compiled, new, lambda rows: rows, is_new)
    yield recording.new_lifetime(new, _CID, and_(recording.is_recorded, is_new))
    yield recording.creation_event(new, parameter("state"), and_(recording.is_recorded, is_new))
    yield select(revision)


def _wanted(compiled: Statements) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the sandbox."""
    return (
        sandbox.c.host == parameter("host"),
        sandbox.c.sid == parameter("sid"),
        not_(func.coalesce(compiled.may_speak_of(_CID), literal_column("false"))),
        compiled.may_write,  # type: ignore[return-value]  # text that is one
    )


def _container(
    home: ColumnElement[int], revision: ColumnElement[int], at: ColumnElement[Any]
) -> dict[str, ColumnElement[Any]]:
    """Return the columns of the new container's row, which is not older than its sandbox, whatever the clock says."""
    return {
        **{name: parameter(name) for name in ContainerRow.__struct_fields__ if name != "id"},
        "sandbox_id": home,
        "revision": revision,
        "created_at": at,
        "updated_at": at,
    }


def _children(
    compiled: Statements,
    new: Mapping[str, ColumnElement[Any]],
    source: Callable[[Subquery], FromClause],
    *where: ColumnElement[bool],
) -> Iterator[Insert]:
    """Yield the inserts of the new container's children, from what is made of the rows of each table."""
    ids = {"container_id": new["id"], "sandbox_id": new["sandbox_id"]}
    for table, kind in _CHILDREN:
        r = compiled.rows(table, kind, table.name)
        columns = {name: ids.get(name, r.c[name]) for name in kind.__struct_fields__}
        query = select(*columns.values()).select_from(source(r)).where(*where)
        yield insert(table).from_select(list(columns), query)
