"""``--watch``: the same answer every few seconds, until Ctrl-C."""

from __future__ import annotations

import io
import math
import os
import re
import sys
import time
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NoReturn

import click

from ..errors import PersistDBError
from .messages import complain
from .options import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .output import Output

watch_option = click.option(
    "--watch",
    "every",
    metavar="SECONDS",
    type=Seconds(min=0.1, max=86_400),
    help="Print it again every so many seconds, until Ctrl-C; on a terminal, in its place.",
)

_HOME: Final = "\x1b[H"
_CLEAR_RIGHT: Final = "\x1b[K"
_CLEAR_BELOW: Final = "\x1b[J"
_STYLE: Final = re.compile(r"\x1b\[[\d;]*m")


def repeated(every: float | None, print_once: Callable[[], int], output: Output | None) -> int:
    """Print an answer once, or every so many seconds until the program is interrupted; return its exit status.

    ``output`` is the form in which it is printed, ``None`` for lines that stand for themselves. An error ends the
    program if it is the first answer's; later, when a server restarts for example, it is printed in the answer's place.
    """
    return print_once() if every is None else _repeat(every, print_once, output)


def _repeat(every: float, print_once: Callable[[], int], output: Output | None) -> NoReturn:
    is_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    draw = _Screen(every).draw if is_screen else _Log(output).append
    draw(print_once)

    def print_or_complain() -> int:
        try:
            return print_once()
        except PersistDBError as error:
            complain(error)
            return 0

    while True:
        time.sleep(every)
        draw(print_or_complain)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"


class _Log:
    """Answers one after another, for a file or a pipe."""

    def __init__(self, output: Output | None) -> None:
        self._is_for_people = output is not None and output.is_for_people
        self._between = "\n" if self._is_for_people else "---\n" if output is not None and output.form == "yaml" else ""
        self._is_first = True

    def append(self, print_once: Callable[[], int]) -> None:
        """Print one answer, for people with its time, and see to it that readers get it now."""
        if not self._is_first:
            sys.stdout.write(self._between)
        self._is_first = False
        if self._is_for_people:
            sys.stdout.write(f"{_now()}\n")
        print_once()
        sys.stdout.flush()


class _Screen:
    """A terminal on which each answer takes the place of the last one."""

    def __init__(self, every: float) -> None:
        self._every = every
        # what is on the terminal moves up, to where one can scroll back to it
        self._begin = "\n" * _terminal_size()[1] + _HOME

    def draw(self, print_once: Callable[[], int]) -> None:
        """Print one answer, and the messages about it, from the top of the terminal."""
        frame = _Frame()
        with ExitStack() as streams:
            streams.enter_context(redirect_stdout(frame))
            if sys.stderr.isatty():
                streams.enter_context(redirect_stderr(frame))
            print_once()
        lines = [f"{_now()}, every {self._every:g} s; Ctrl-C ends", "", *frame.lines()]
        shown = fitting(lines, *_terminal_size())
        # Nothing is cleared before it is written: that would flicker.
        sys.stdout.write(self._begin + "".join(f"{line}{_CLEAR_RIGHT}\n" for line in shown) + _CLEAR_BELOW)
        sys.stdout.flush()
        self._begin = _HOME


class _Frame(io.TextIOWrapper):
    """What is to be on the terminal, written as if it went there."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="")

    def isatty(self) -> bool:
        """Say that it is a terminal: rows are fitted to it, and escaped."""
        return True

    def lines(self) -> list[str]:
        """Return the lines that were written."""
        self.flush()
        self.seek(0)
        return [line.rstrip("\r") for line in self.read().removesuffix("\n").split("\n")]


def fitting(lines: Sequence[str], columns: int, rows: int) -> list[str]:
    """Return the first lines that a terminal has room for, and if there are more, one that says how many.

    A line that is longer than the terminal is wide takes several rows, and the cursor's row stays free.
    """
    from rich.cells import cell_len

    room = rows - 1
    used = [max(1, math.ceil(cell_len(_STYLE.sub("", line)) / max(columns, 1))) for line in lines]
    if sum(used) <= room:
        return list(lines)
    shown = 0
    while shown < len(lines) and sum(used[: shown + 1]) < room:
        shown += 1
    return [*lines[:shown], f"… {len(lines) - shown} more lines"]


def _terminal_size() -> tuple[int, int]:
    """Return columns and lines."""
    from shutil import get_terminal_size  # which imports all kinds of compression

    return get_terminal_size()
