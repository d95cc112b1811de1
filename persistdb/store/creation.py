"""The creation of a container in one statement, for an engine whose statements can change several tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, insert, literal_column, not_, select, update

from ..schema.core import container, device_map, mount, process, sandbox
from .rows import ContainerRow, DeviceMapRow, MountRow, ProcessRow
from .statements import later, parameter

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from ..db.work import Statement
    from ..engines import Backend
    from .recording import Recording
    from .statements import Statements

_CID, _NOW = parameter("cid"), parameter("now")
_ONE: ColumnElement[int] = literal_column("1")
_CHILDREN = ((mount, MountRow), (device_map, DeviceMapRow), (process, ProcessRow))


def statement(backend: Backend, compiled: Statements, recording: Recording) -> Statement | None:
    """Return the statement, ``None`` for an engine that has no such.

    It creates a container of a sandbox that has none of its ID, and whose document has not its ID in it. The sandbox
    gets another number (:mod:`.revisions`). If somebody else changes the sandbox's row meanwhile, nothing is created:
    what the statement reads is older than that.

    It returns the new container's revision, or no row.

    Parameters: ``host``, the fields of a :class:`~.rows.ContainerRow` but for IDs, revision and times, ``now``, the
    rows ``mount``, ``device_map`` and ``process``, in which IDs are not read, ``cause``, ``actor``, ``reason``.
    """
    if not backend.changes_in_one:
        return None
    others = (
        select(backend.as_bigint(func.coalesce(func.sum(container.c.revision), literal_column("0"))))
        .where(container.c.sandbox_id == sandbox.c.id)
        .correlate(sandbox)
        .scalar_subquery()
    )
    there = exists(
        select(container.c.id).where(container.c.sandbox_id == sandbox.c.id, container.c.cid == _CID).correlate(sandbox)
    )
    found = (
        select(*(sandbox.c[name] for name in ("id", "revision", "state", "updated_at")), others.label("others"))
        .where(
            sandbox.c.host == parameter("host"),
            sandbox.c.sid == parameter("sid"),
            not_(there),
            not_(func.coalesce(compiled.may_speak_of(_CID), literal_column("false"))),
            compiled.may_write,
        )
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
        .returning(sandbox.c.id)
        .cte("renumbered")
    )
    here = found.join(renumbered, renumbered.c.id == found.c.id)
    values: dict[str, ColumnElement[Any]] = {
        **{name: parameter(name) for name in ContainerRow.__struct_fields__ if name != "id"},
        "sandbox_id": found.c.id,
        "revision": found.c.revision + found.c.others + _ONE,
        "created_at": _NOW,
        "updated_at": _NOW,
    }
    created = (
        insert(container)
        .from_select(list(values), select(*values.values()).select_from(here))
        .returning(container.c.id, container.c.sandbox_id, container.c.revision)
        .cte("created")
    )
    ids = {"container_id": created.c.id, "sandbox_id": created.c.sandbox_id}
    parts = [
        recording.old_number_of(here, found, found.c.revision + found.c.others).cte("kept"),
        recording.new_lifetime(created, _CID).cte("begun"),
        recording.creation_event(created, parameter("state")).cte("told"),
    ]
    for table, kind in _CHILDREN:
        r = compiled.rows(table, kind, table.name)
        columns = {name: ids.get(name, r.c[name]) for name in kind.__struct_fields__}
        source = select(*columns.values()).select_from(created.join(r, literal_column("true")))
        parts.append(insert(table).from_select(list(columns), source).cte(f"new_{table.name}"))
    return compiled.compile(select(created.c.revision).add_cte(found, renumbered, created, *parts))
