"""The history of lines that were typed, in a file that only its user can read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from ..private import make_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

KEPT: Final = 1000
"""Lines that are kept when the file is opened; it grows to twice as many before it is cut."""

# not through a symlink, and without waiting for the other end of a pipe
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class History:
    """Lines that were typed, with those of earlier runs; a file that cannot be used is done without."""

    def __init__(self, path: Path) -> None:
        self.lines: Sequence[str] = ()
        self._file: IO[bytes] | None = None
        with suppress(OSError):
            make_private(path.parent)
            file = open(os.open(path, _FLAGS, 0o600), "ab+", buffering=0)  # noqa: SIM115  open until close()
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                self._file = file
                self.lines = _read(file)
            else:
                file.close()

    def add(self, line: str) -> None:
        """Keep a line, at once: a program that is killed loses none."""
        if self._file is not None and line.strip():
            with suppress(OSError):
                self._file.write(_text([line]))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _read(file: IO[bytes]) -> list[str]:
    """Return the last lines of a history, and cut it to them if it is too long."""
    os.fchmod(file.fileno(), 0o600)
    file.seek(0)
    lines = file.read().decode(errors="replace").splitlines()
    kept = lines[-KEPT:]
    if len(lines) > 2 * KEPT:
        file.truncate(0)
        file.write(_text(kept))
    return kept


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode(errors="replace")
