"""What an error of a driver means: the rows of an engine's table of errors, and a commit in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..errors import DatabaseError


class ErrorRule(NamedTuple):
    """One row of an engine's error table: a driver's error and what it means to a caller.

    ``code`` is the engine's own (``sqlite_errorname``, SQLSTATE, errno; ``""`` for none); ``text`` narrows it where one
    code stands for several things; ``example`` is the real message that the row was made for. ``retry`` says that the
    same unit of work may well succeed if it is run again, ``waits`` that the engine may have waited for as long as
    ``Timeouts.busy`` before: then it is not. ``within`` says that the same holds within a transaction, once a
    savepoint has undone the unit of work. ``away`` says that the server does not let anybody connect just now, and may
    be back soon: connecting is tried again (:mod:`.patience`); with ``retry`` it refuses statements, too.
    """

    code: str
    error: type[DatabaseError]
    example: str
    text: str = ""
    retry: bool = False
    waits: bool = False
    within: bool = False
    away: bool = False

    def fits(self, code: str, message: str) -> bool:
        """Return whether the rule is for an error with this code and message."""
        return code == self.code and self.text in message


class CommitInterrupted(Exception):
    """A transaction of one round trip was interrupted, with the driver's ``error``, when it was not open.

    It had been committed by then, or had not begun.
    """

    result = None
    """What such a transaction gives."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
