"""Who changes the store, and why, as events say it."""

from __future__ import annotations

import msgspec

from ..validation import KEY_LENGTH, check_length, check_text


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """The cause of changes, and where it is known who makes them, and for what reason.

    persistdb's own programs give the causes api, import, watch, boot, transition, rm and upgrade; others may give
    theirs.
    """

    cause: str = "api"
    actor: str | None = None
    reason: str | None = None

    def values(self, cause: str | None = None) -> dict[str, object]:
        """Return the parameters of a statement; ``cause`` is what a call says that nothing else was said of."""
        return {
            "cause": cause if cause is not None and self.cause == "api" else self.cause,
            "actor": self.actor,
            "reason": self.reason,
        }


_CAUSE_LENGTH = 16


def checked(cause: str | None, actor: str | None, reason: str | None, *, before: Acting) -> Acting:
    """Return what is said, with what was said before where it is ``None``.

    Raises :class:`~persistdb.errors.InvalidValue` for text that a column cannot hold.
    """
    if cause is not None:
        check_length("cause", cause, _CAUSE_LENGTH)
    if actor is not None:
        check_length("actor", actor, KEY_LENGTH)
    if reason is not None:
        check_text(reason)
    return Acting(
        cause=before.cause if cause is None else cause,
        actor=before.actor if actor is None else actor,
        reason=before.reason if reason is None else reason,
    )
