"""The change of a container's state: it compares, sets and records, and needs no look at what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column, select, update

from ..schema.core import container, sandbox
from .statements import later, parameter

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause, Select, Update

    from ..db.work import Statement
    from ..engines import Backend
    from .recording import Recording
    from .statements import Statements

_NEW, _NOW = parameter("new"), parameter("now")


def statements(backend: Backend, compiled: Statements, recording: Recording) -> tuple[Statement, ...]:
    """Return the statements, of which the last one changes the row: in a transaction, unless it is only one.

    Parameters: ``host``, ``sid``, ``cid``, ``old``, ``new``, ``now``, ``cause``, ``actor``, ``reason``.
    """
    of_sandbox = (
        select(sandbox.c.id)
        .where(sandbox.c.host == parameter("host"), sandbox.c.sid == parameter("sid"))
        .scalar_subquery()
    )
    found: tuple[ColumnElement[bool], ...] = (
        container.c.sandbox_id == of_sandbox,
        container.c.cid == parameter("cid"),
        container.c.state == parameter("old"),
    )
    may_write = compiled.may_write
    if backend.changes_in_one:
        # the row is locked before it is read, so that what is kept of it is what is changed
        names = ("id", "sandbox_id", "state", "revision", "updated_at")
        columns = (*(container.c[name] for name in names), recording.is_recorded.label("recorded"))
        old = select(*columns).where(*found, may_write).with_for_update().cte("old")
        kept = recording.old_state(select().select_from(old), old, old.c.recorded).cte("kept")
        told = recording.state_event(select().select_from(old), _NEW, old, old.c.recorded).cte("told")
        return (compiled.compile(_change(old).where(container.c.id == old.c.id).add_cte(kept, told)),)
    locks: tuple[Select[Any], ...] = ()
    locked = backend.variable("locked")
    if locked is not None:
        # max() gives NULL where nothing is found: without a row the variable would stay what it was
        id_: ColumnElement[int] = literal_column(f"max(container.id) INTO {locked}")
        locks = (select(id_).select_from(container).where(*found, may_write).with_for_update(),)
        found = (container.c.id == literal_column(locked),)
    rows = select().select_from(container)
    kept_first = recording.old_state(rows.where(*found, may_write))
    then = recording.state_event(rows.where(*found), _NEW)
    changes = (*locks, kept_first, then, _change(container).where(*found, may_write))
    return tuple(compiled.compile(change) for change in changes)


def _change(old: FromClause) -> Update:
    return update(container).values(
        state=_NEW, revision=old.c.revision + literal_column("1"), updated_at=later(old.c.updated_at, _NOW)
    )
