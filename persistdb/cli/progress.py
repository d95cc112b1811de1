"""The progress of long work, on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from . import messages
from .messages import complain, counted, printable, said, tell

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 1.0  # seconds; shorter work needs no bar


class _Shown:
    """Work that is shown on stderr, if that is a terminal and the work takes a while."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show how far the work is."""
        if self._bar is None:
            if _is_plain() or time.monotonic() - self._start < _PATIENCE:
                return
            self._bar = _start_bar()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=text)


class Progress(_Shown):
    """A count of sandboxes and containers.

    The total is not known in advance: the bar only shows that the work goes on.
    """

    def __init__(self, doing: str) -> None:
        super().__init__()
        self.sandboxes = 0
        self.containers = 0
        self._doing = doing

    def advance(self, containers: int) -> None:
        """Count one more sandbox."""
        self.sandboxes += 1
        self.containers += containers
        self._show(f"{self._doing} {self}")

    def __str__(self) -> str:
        return f"{counted(self.sandboxes, 'sandbox', 'sandboxes')} with {counted(self.containers, 'container')}"

    def complain(self, problem: object) -> None:
        """Print what went wrong, above the bar."""
        if self._bar is None:
            complain(problem)
        else:
            self._say(f"persistdb: {said(problem)}")

    def note(self, text: str) -> None:
        """Print a note about something that is no fault."""
        if self._bar is None:
            tell(f"note: {text}")
        else:
            self._say(f"note: {text}")

    def _say(self, line: str) -> None:
        from rich.text import Text

        if self._bar is not None:
            self._bar.console.print(Text(printable(line)), soft_wrap=True)


class Share(_Shown):
    """How much of some work is done."""

    def __init__(self, doing: str, noun: str) -> None:
        super().__init__()
        self._doing, self._noun = doing, noun

    def reach(self, done: int, total: int, noun: str = "") -> None:
        """Show how much is done now, and of what, if that is another thing than at first."""
        self._show(f"{self._doing} {done:,} of {total:,} {noun or self._noun}", done=done, total=total)


def _is_plain() -> bool:
    return messages.style.quiet or messages.style.log_format != "text" or not sys.stderr.isatty()


def _start_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    bar = Bar(*columns, console=Console(stderr=True, highlight=False), transient=True)
    bar.add_task("", total=None)
    bar.start()
    return bar
