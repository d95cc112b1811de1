"""What it means for a write that the database refuses it for a key."""

from __future__ import annotations

from ..db.failures import Stale

_TOKEN_KEY = "uq_process_sandbox_id_token"  # noqa: S105  the name of a key, no password


class TokenClash(Exception):
    """The database found a token that another process of the sandbox has."""


def clash_of(key: str | None) -> Exception | None:
    """Return what to raise for the key that a driver's error is about; ``None`` without one: the error itself."""
    if key is None:
        return None
    # Another made the same sandbox or container, or removed what this one belongs to, after we looked.
    return TokenClash() if key == _TOKEN_KEY else Stale()
