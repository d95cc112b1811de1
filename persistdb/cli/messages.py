"""Lines on stderr, and text from elsewhere made safe to print."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final, Literal, NamedTuple

import click

from ..errors import PersistDBError
from ..escaping import printable as printable  # lines on stdout need it as those here

Form = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]


class Style(NamedTuple):
    """How a run of the program writes on stderr: ``--log-format``, ``--verbose`` and ``--quiet``."""

    log_format: Form = "text"
    verbose: int = 0
    quiet: bool = False


style = Style()
"""The style of this run. Of the process, for also other threads write."""


def use(wanted: Style) -> None:
    """Write in a style from now on."""
    global style
    style = wanted


def tell(line: str) -> None:
    """Print a note on stderr, unless only problems are wanted."""
    if not style.quiet:
        write(line, line, "info")


def complain(problem: object, level: Level = "warning") -> None:
    """Print one line on stderr about what went wrong; an error of ours names the command that helps."""
    message = said(problem)
    write(f"persistdb: {message}", message, level)


def said(problem: object) -> str:
    """Return the text of a problem on the command line."""
    return problem.on_command_line() if isinstance(problem, PersistDBError) else str(problem)


def write(line: str, message: str, level: Level) -> None:
    """Write one line on stderr, ``message`` as JSON or ``line``; if that fails, the work and the exit status go on."""
    if style.log_format == "json":
        import json
        from datetime import UTC, datetime

        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "level": level, "message": message})
    with suppress(OSError):
        click.echo(_priority(level) + printable(line), err=True)


_PRIORITIES: Final = {"error": 3, "warning": 4, "info": 6, "debug": 7}


def _priority(level: Level) -> str:
    """Return what tells the journal how important a line is (sd-daemon(3)), if stderr leads there.

    The variable has the device and inode of the journal's stream: stderr may lead elsewhere since (systemd.exec(5)).
    """
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return ""
    try:
        status = os.fstat(2)
    except OSError:
        return ""
    return f"<{_PRIORITIES[level]}>" if stream == f"{status.st_dev}:{status.st_ino}" else ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 sandbox``, ``2 sandboxes``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
