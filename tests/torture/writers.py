"""Attacks on a database that processes write to: start them, attack, kill them, and keep what was acknowledged."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.store.stress import kill

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .targets import Target


def attack(
    chance: random.Random,
    target: Target,
    act: Callable[[], None],
    *,
    options: tuple[str, ...] = (),
) -> int:
    """Attack while processes save, and return the number of acknowledged saves; an AssertionError is a loss."""
    # each sandbox has one writer: of two, the one would overwrite what was acknowledged to the other
    sids = [f"pod-{n}" for n in chance.sample(range(4), chance.randint(1, 3))]
    writers: dict[str, subprocess.Popen[str]] = {}
    try:
        for sid in sids:
            writers[sid] = start("writer", target.url, sid, *options)
        first = {sid: line(process) for sid, process in writers.items()}
        act()
        ended = [sid for sid, process in writers.items() if process.poll() not in (None, 0)]
    finally:
        for process in writers.values():
            process.kill()
    rest = {sid: list(process.stdout or ()) for sid, process in writers.items()}
    for process in writers.values():
        kill(process)
    for sid in sids:
        # what it wrote before it died was acknowledged too; the last line may be cut
        lines = [one.rstrip("\n") for one in (first[sid], *rest[sid]) if one.endswith("\n")]
        for one in lines:
            assert not one.startswith("LOST"), one
        if lines:
            target.acknowledged[sid] = max(int(lines[-1]), target.acknowledged.get(sid, 0))
    assert not ended, f"a writer of {', '.join(ended)} has ended by itself"
    return sum(sum(one.endswith("\n") for one in lines) for lines in rest.values())


def start(program: str, url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start one of the programs beside this module."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.torture.{program}", str(os.getpid()), url, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the run
    )


def line(process: subprocess.Popen[str]) -> str:
    """Read a line that a program writes."""
    assert process.stdout is not None
    return process.stdout.readline()
