"""A program that runs until it is interrupted, or told to end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

LATEST = 60
"""Seconds after which a program that does not end is stopped."""


class Running:
    """A program that runs until it is interrupted."""

    def __init__(self, words: list[str], *, terminal: tuple[int, int] | None = None, **variables: str) -> None:
        self.out = b""
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if terminal is not None:
            self._read_from, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *terminal, 0, 0))
            streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        others = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        words = ["timeout", "--foreground", str(LATEST), *words]
        self.process = subprocess.Popen(words, env=others | {"TERM": "xterm"} | variables, **streams)
        if terminal is None:
            assert self.process.stdout
            self._read_from = os.dup(self.process.stdout.fileno())
        else:
            os.close(slave)

    def type(self, text: str) -> None:
        """Type a text on its terminal."""
        os.write(self._read_from, text.encode())

    def until(self, text: str, times: int = 1) -> str:
        """Return what was printed once a text was, so many times from now on."""
        printed = b""
        while printed.count(text.encode()) < times:
            data = os.read(self._read_from, 65536)
            assert data, self.out
            printed += data
        self.out += printed
        return printed.decode()

    def prints_within(self, seconds: float) -> bool:
        """Return whether it prints something in this time."""
        return bool(select.select([self._read_from], [], [], seconds)[0])

    def interrupt(self) -> tuple[int, str]:
        """Interrupt it as Ctrl-C does; return its exit status and its stderr."""
        os.kill(self.pid, signal.SIGINT)
        _, err = self.process.communicate()
        return self.process.returncode, (err or b"").decode()

    def end(self) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(LATEST)

    @property
    def pid(self) -> int:
        """The program's own ID: its parent is ``timeout``."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def close(self) -> None:
        """Stop it."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate()
        os.close(self._read_from)
