"""Errors of runtimes' files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import PersistDBError

if TYPE_CHECKING:
    from collections.abc import Sequence


class FileError(PersistDBError):
    """A file or folder that cannot be read or written; ``key`` is the JSON path of the fault in it, if any."""

    path: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        at = f": {self.key}" if self.key else ""
        return f"{self.path}{at}: {self.reason}"

    def on_command_line(self) -> str:
        """Let the error that it comes from name its command."""
        text, cause = str(self), self.__cause__
        return text.replace(str(cause), cause.on_command_line()) if isinstance(cause, PersistDBError) else text


class DamagedFile(FileError):
    """A file whose content is not what its runtime writes."""


class UnsupportedLayout(FileError):
    """A file that is whole, but of a kind without container state that persistdb could store."""


class InotifyLimit(PersistDBError):
    """A limit of inotify(7) that is reached: ``sysctl`` is its name, and ``value`` its present value."""

    path: str
    sysctl: str
    value: int | None = None

    def __str__(self) -> str:
        now = "" if self.value is None else f", which is {self.value}"
        return (
            f"{self.path} cannot be watched: the processes of this user have reached {self.sysctl}{now}; raise it with "
            f"sysctl -w {self.sysctl}={max(self.value or 0, 4096) * 4}, and for the next boots in /etc/sysctl.d"
        )


class LayoutLoss(PersistDBError):
    """A layout that has no place for some of what it would have to hold."""

    ref: str
    layout: str
    losses: Sequence[str] = ()

    def __str__(self) -> str:
        return self._refusal("allow_loss=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("--allow-loss")

    def _refusal(self, remedy: str) -> str:
        return (
            f"{self.ref}: layout {self.layout!r} has no place for {'; '.join(self.losses)}; "
            f"choose another layout, or leave it out ({remedy})"
        )
