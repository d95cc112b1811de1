"""Files that are replaced as a whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file beside its place, and move it there once it is on the disk; a symlink to a file is replaced, too.

    ``mode`` is its mode, whatever the umask is. Raises :class:`OSError`, for what is at the place and no file, too,
    such as ``/dev/stdout``: then nothing was changed.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "not a regular file, and not replaced by one", str(path))
    start = os.fsdecode(os.fsencode(path.name)[:100])  # names have at most so many bytes, not characters
    try:
        fd, name = tempfile.mkstemp(prefix=f".{start}.", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(content)
            file.flush()
            os.fsync(fd)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
