"""Edits of the mapped classes through SQLAlchemy: they keep revisions and timestamps as the repository does."""

from .recorder import Recorder
from .session import WritingSession

__all__ = ["Recorder", "WritingSession"]
