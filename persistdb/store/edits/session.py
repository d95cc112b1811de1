"""The session in which rows are edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from . import bulk, flush

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState


class WritingSession(Session):
    """A session whose flushes, and whose INSERT, UPDATE and DELETE, keep revisions and timestamps.

    Not covered: SQL as text, statements on its ``connection()``, and the legacy ``bulk_…`` methods.
    """


@event.listens_for(WritingSession, "before_flush")
def _keep(session: Session, _context: Any, _objects: Any) -> None:
    flush.keep_revisions(session)


@event.listens_for(WritingSession, "do_orm_execute")
def _execute(state: ORMExecuteState) -> Any:
    return bulk.execute(state)
