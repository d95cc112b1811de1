"""The change of a container's state: it compares, sets and records, and needs no look at what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select, update

from ..schema.core import container, sandbox
from .statements import later, parameter

if TYPE_CHECKING:
    from sqlalchemy import FromClause, Update

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
    found = (
        container.c.sandbox_id == of_sandbox,
        container.c.cid == parameter("cid"),
        container.c.state == parameter("old"),
    )
    matching = (*found, compiled.may_write)
    if backend.changes_in_one:
        # the row is locked before it is read, so that what is kept of it is what is changed
        names = ("id", "sandbox_id", "state", "revision", "updated_at")
        old = select(*(container.c[name] for name in names)).where(*matching).with_for_update().cte("old")
        kept = recording.old_state(select().select_from(old), old).cte("kept")
        told = recording.state_event(select().select_from(old), _NEW, old).cte("told")
        return (compiled.compile(_change(old).where(container.c.id == old.c.id).add_cte(kept, told)),)
    first = select().select_from(container).where(*matching)
    kept_first = recording.old_state(first.with_for_update() if backend.locks_rows else first)
    then = recording.state_event(select().select_from(container).where(*found), _NEW)
    changes = (kept_first, then, _change(container).where(*matching))
    return tuple(compiled.compile(change) for change in changes)


def _change(old: FromClause) -> Update:
    return update(container).values(
        state=_NEW, revision=old.c.revision + literal_column("1"), updated_at=later(old.c.updated_at, _NOW)
    )
