"""Sessions that only read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from ..errors import SessionReadOnly


class ReadingSession(Session):
    """A session whose changed objects are refused when they would be written."""


@event.listens_for(ReadingSession, "before_flush")
def _refuse_changes(session: Session, _context: Any, _objects: Any) -> None:
    changed = [*session.new, *session.deleted, *(each for each in session.dirty if session.is_modified(each))]
    if changed:
        kinds = sorted({type(each).__name__ for each in changed})
        raise SessionReadOnly(session.info["url"], f"changed objects: {', '.join(kinds)}")
