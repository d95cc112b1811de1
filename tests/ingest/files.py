"""Files of sandboxes to import: good ones made by hand, and one that no engine can hold."""

from __future__ import annotations

from tests.runtimes.kata.trees import PLAIN, SANDBOX


def tree(sid: str = "s", **containers: bytes) -> dict[str, bytes]:
    """Make the files of one sandbox."""
    own = {f"{sid}/persist.json": SANDBOX.replace(b'"s"', f'"{sid}"'.encode())}
    return own | {f"{sid}/{cid}/persist.json": data for cid, data in containers.items()}


def other(token: str, state: str = "running") -> bytes:
    """Make a container's file with its own token."""
    return PLAIN.replace(b'"t"', f'"{token}"'.encode()).replace(b"running", state.encode())


LONG_STATE = PLAIN.replace(b"running", b"x" * 256)
"""A container's file that is read well, and whose state is too long for its column."""
