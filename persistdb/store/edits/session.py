"""The session in which rows are edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from . import bulk, derived, flush, locked

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState


class WritingSession(Session):
    """A session whose flushes, and whose INSERT, UPDATE and DELETE, keep revisions, timestamps and what is derived.

    Not covered: SQL as text, statements on its ``connection()``, and the legacy ``bulk_…`` methods.
    """


@event.listens_for(WritingSession, "before_flush")
def _keep(session: Session, _context: Any, _objects: Any) -> None:
    if session.new or session.dirty or session.deleted:
        locked.check_may_write(session)
    flush.keep_revisions(session)


@event.listens_for(WritingSession, "after_flush")
def _tell(session: Session, _context: Any) -> None:
    flush.tell_of_new_rows(session)
    derived.of_flush(session)


@event.listens_for(WritingSession, "do_orm_execute")
def _execute(state: ORMExecuteState) -> Any:
    if state.is_insert or state.is_update or state.is_delete:
        locked.check_may_write(state.session)
    return bulk.execute(state)
