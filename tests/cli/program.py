"""The program as tests run it: in this process, as a child, or on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from persistdb import ContainerRepository, Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pytest

HOST = "node-1"
RUN = [sys.executable, "-c", "import sys; from persistdb.cli import main; sys.exit(main())"]


class Done(NamedTuple):
    """The result of a run of the program."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the JSON output."""
        rows: list[dict[str, Any]] = json.loads(self.out)["rows"]
        return rows


class Program:
    """A runner of persistdb on one database and host."""

    def __init__(self, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self._capture = capture

    def __call__(self, *arguments: str | Path, host: str = HOST) -> Done:
        from persistdb.cli import main

        self._capture.readouterr()
        status = main(["--db", self.url, "--host", host, *map(str, arguments)])
        return Done(status, *self._capture.readouterr())

    def words(self, *arguments: str | Path) -> list[str]:
        """Return the command line of a child process."""
        return [*RUN, "--db", self.url, "--host", HOST, *map(str, arguments)]

    def child(self, *arguments: str | Path, **options: Any) -> Done:
        """Run it as a child process."""
        done = subprocess.run(self.words(*arguments), capture_output=True, check=False, **options)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def repository(self, host: str = HOST) -> AbstractContextManager[ContainerRepository]:
        """Open the database as Python programs do."""
        return _repository(self.url, host)


class _repository:  # noqa: N801  used like a function
    def __init__(self, url: str, host: str) -> None:
        self._database = Database(url)
        self._host = host

    def __enter__(self) -> ContainerRepository:
        return ContainerRepository(self._database, host=self._host)

    def __exit__(self, *_: object) -> None:
        self._database.close()


def commands_with(parameter: str) -> set[str]:
    """Return the names of the commands that have an option, by the name of its parameter."""
    from persistdb.cli.program import COMMANDS, program

    context = click.Context(program)
    commands = {name: program.get_command(context, name) for name in COMMANDS}
    return {name for name, each in commands.items() if each and parameter in {one.name for one in each.params}}


def on_terminal(words: Sequence[str], *, columns: int = 80, stream: str = "stdout") -> str:
    """Run a command with one of its streams on a terminal, and return what the terminal shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {stream: slave}
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment | {"TERM": "xterm"}, **others):  # type: ignore[call-overload]
        os.close(slave)
        return b"".join(_read(master)).decode()


def _read(master: int) -> Iterator[bytes]:
    with os.fdopen(master, "rb", buffering=0) as terminal:
        while True:
            try:
                data = terminal.read(4096)
            except OSError:  # EIO: the other end is closed
                return
            if not data:
                return
            yield data
