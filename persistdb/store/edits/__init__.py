"""Edits of the mapped classes through SQLAlchemy: they keep revisions and timestamps as the repository does."""

from .session import WritingSession

__all__ = ["WritingSession"]
