"""A watcher as a program, and what it says."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

from .program import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

LATEST = 60
"""Seconds after which a test gives up."""


class Watching:
    """``persistdb watch`` with a short debounce, and all that it says on both streams."""

    def __init__(
        self, url: str, *words: object, journal: bool = False, within: Sequence[str] = (), **variables: str
    ) -> None:
        self._reader, writer = os.pipe()
        if journal:
            status = os.fstat(writer)
            variables["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        command = [*within, sys.executable, "-m", "persistdb", "-v", "--db", url, "--host", HOST, "watch"]
        options = [] if "--once" in words else ["--debounce", "0.02", "--max-delay", "0.2"]
        others = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
        self.process = subprocess.Popen(
            [*command, *options, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            env=others | variables,
        )
        os.close(writer)
        self.output = ""
        self._looked = 0

    def until(self, text: str) -> None:
        """Wait until it says something, from the last time on."""
        while (place := self.output.find(text, self._looked)) < 0:
            assert self._read(LATEST), f"{text!r} was not said: {self.output}"
        self._looked = place + len(text)

    def more(self) -> None:
        """Wait until it says anything, or has ended."""
        self._read(LATEST)

    def rest(self) -> str:
        """Return all that it has said, once it has ended."""
        while self._read(LATEST):
            pass
        return self.output

    def _read(self, seconds: float) -> bool:
        assert select.select([self._reader], [], [], seconds)[0], f"nothing was said: {self.output}"
        data = os.read(self._reader, 65536).decode()
        self.output += data
        return bool(data)

    def end(self, number: int) -> int:
        """Send it a signal, and return its status."""
        self.process.send_signal(number)
        status = self.process.wait(LATEST)
        self.rest()
        return status

    def close(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        os.close(self._reader)
