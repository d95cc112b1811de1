"""Code blocks of Markdown pages, run as a reader would type them.

A ``console`` block holds commands after ``$ `` and what they print: ``…`` stands for any text, on a line of its own for
any lines; ages (``0s ago``) may differ. A command without output may print anything. A ``python`` block is run in one
namespace with the others of its page; ``print(…)  # TEXT`` must print TEXT. A comment before a block says what is
particular about it: ``<!-- not run: REASON -->`` or ``<!-- exits with 2 -->``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
WIDTH = 80
"""Columns of the reader's terminal."""

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]+) -->\n)?(?P<indent> *)```(?P<language>console|python)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_EXIT = re.compile(r"exits with (\d+)")
_PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)
# a bar of progress that is gone again, as where a command took more than a second: the cursor goes back to its line
_GONE = re.compile(r"[^\n]*\n(?:\x1b\[\?25h|\r)*\x1b\[1A\r?\x1b\[2K")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# as re.escape() writes it
_AGE = re.compile(r"\d+s\\ ago")
_SECONDS = 120


@dataclass(frozen=True)
class Block:
    """A code block, and the line of its page that it begins in."""

    language: str
    text: str
    note: str
    line: int

    @property
    def is_run(self) -> bool:
        """Whether it is run: a page says why if it is not."""
        return not self.note.startswith("not run: ")

    @property
    def status(self) -> int:
        """The exit status of its last command."""
        match = _EXIT.fullmatch(self.note)
        return int(match[1]) if match else 0


def blocks(page: str) -> list[Block]:
    """Find the blocks of a page."""
    found = []
    for match in _BLOCK.finditer(page):
        text = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        line = page.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], text, match["note"] or "", line))
    return found


# What runs Python blocks: reads them, and writes what they print, and how they fail.
_SESSION = """
import contextlib, io, json, sys, traceback
names = {}
for line in sys.stdin:
    printed, fault = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(json.loads(line), "page", "exec"), names)
    except BaseException:
        fault = traceback.format_exc()
    print(json.dumps([printed.getvalue(), fault]), flush=True)
"""


@dataclass
class Reader:
    """A reader at a terminal, in a folder that is empty at first, who has installed the package."""

    folder: Path
    commands: Path
    """The folder of the environment's commands, ``python`` and ``persistdb``."""
    environment: dict[str, str] = field(init=False)
    _session: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        # "make demo" with the program that is installed, for it would make a virtual environment
        makefile = self.folder / ".Makefile"
        makefile.write_text("demo:\n\t@persistdb demo\n")
        theirs = ("PERSISTDB_", "XDG_", "PYTHON", "MAKE", "MFLAGS")  # "make test" leaves flags for another make
        ours = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        self.environment = {
            **ours,
            "PATH": f"{self.commands}:{ours['PATH']}",
            "HOME": str(self.folder),
            "TERM": "dumb",
            "TZ": "UTC",
            "MAKEFILES": str(makefile),
        }

    def close(self) -> None:
        """End the session of Python blocks."""
        if self._session is not None:
            self._session.communicate(timeout=_SECONDS)

    def run(self, block: Block) -> None:
        """Run a block; what it shows must be what happens."""
        if block.language == "python":
            self._run_python(block)
        else:
            self._run_commands(block)

    def _run_python(self, block: Block) -> None:
        if self._session is None:
            command = [self.commands / "python", "-W", "error", "-c", _SESSION]
            pipe = subprocess.PIPE
            self._session = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, text=True
            )
        assert self._session.stdin
        assert self._session.stdout
        self._session.stdin.write(json.dumps("\n" * block.line + block.text) + "\n")
        self._session.stdin.flush()
        printed, fault = json.loads(self._session.stdout.readline())
        assert not fault, f"line {block.line}: {fault}"
        lines, shown = printed.splitlines(), _PRINTED.findall(block.text)
        assert lines == shown, f"line {block.line}: prints {lines} and not {shown}"

    def _run_commands(self, block: Block) -> None:
        commands = list(_commands(block.text))
        for number, (command, shown) in enumerate(commands, 1):
            if command.startswith("export "):
                words = (word.partition("=") for word in shlex.split(command)[1:])
                self.environment |= {name: value for name, _, value in words}
                continue
            status, printed = self._type(command)
            wanted = block.status if number == len(commands) else 0
            assert status == wanted, f"{command}: exit status {status}\n{printed}"
            if shown:
                matches = re.fullmatch(_pattern(_narrow(shown)), _narrow(printed))
                assert matches, f"{command} prints\n{printed}\nand not\n{shown}"

    def _type(self, command: str) -> tuple[int, str]:
        """Run a command in a terminal; gives its exit status, and what the terminal shows."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
        with subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            received = b""
            with contextlib.suppress(OSError):  # EIO: the command has ended
                while part := os.read(ours, 1 << 16):
                    received += part
            os.close(ours)
            status = process.wait(_SECONDS)
        text = _COLOUR.sub("", _GONE.sub("", received.decode())).replace("\r", "")
        return status, re.sub(r" +$", "", text, flags=re.MULTILINE)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Give each command, with the lines that it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        length = next(number for number, line in enumerate(lines, 1) if not line.rstrip("\n").endswith("\\"))
        yield "".join(lines[:length]).rstrip("\n"), "".join(lines[length:])


def _narrow(text: str) -> str:
    """Bring the columns of tables together: they move by a character when an age has one more."""
    return re.sub(r"(?<=\S) {2,}", "  ", text)


def _pattern(shown: str) -> str:
    """Write what is shown as a regular expression."""
    lines = []
    for line in shown.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(map(re.escape, line.rstrip().split("…"))) + r"\n")
    return _AGE.sub(r"\\d+[sm]\\ ago", "".join(lines)) + r"\n*"
