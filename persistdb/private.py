"""Folders that only their owner may enter."""

from __future__ import annotations

import os


def make_private(path: str | os.PathLike[str]) -> None:
    """Create a folder with mode 0700 unless it exists, and in the same way the ones above it.

    :func:`os.makedirs` leaves the mode of the latter to the umask. Raises :class:`OSError`.
    """
    folder = os.fspath(path)
    try:
        os.mkdir(folder, 0o700)
    except FileNotFoundError:
        above = os.path.dirname(folder)
        if above in ("", folder):
            raise
        make_private(above)
        make_private(folder)
    except OSError:
        if not os.path.isdir(folder):
            raise
