"""``python -m tests.torture``: attack at random until the time is over, and print what was tried and what was lost.

``TORTURE_S`` is the time in seconds (60), ``TORTURE_ENGINES`` and ``TORTURE_ATTACKS`` the engines and attacks by name,
with commas. ``TORTURE_SEED`` repeats a run. A loss ends the run with status 1 and prints what repeats that one attack,
over and over: what was lost may hang on time as well as on chance.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .attacks import Skipped
from .plan import ATTACKS, pairs, plans
from .report import Row, Usage, children, table
from .targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .targets import Target

ENGINES = "sqlite,postgresql,mariadb"

# After so many attacks a database is replaced by a new one: what must be looked up stays little.
RENEWAL = 40
# An attack that takes longer hangs, and so does what it attacks.
LONGEST_S = 300
PROGRESS_S = 60


class Hung(BaseException):
    """An attack has not ended; no handler for errors of the database may take it."""


class Run:
    """One run: its sums, and what it looks at between attacks."""

    def __init__(self, found: list[Target], names: list[str], folders: list[Path]) -> None:
        self._pairs = pairs(found, names)
        self.rows = {(name, target.engine): Row() for name, target in self._pairs}
        self._folders = folders
        self._age = {target.engine: 0 for target in found}
        self._children = children()
        self._start = time.monotonic()
        self._usage: Usage | None = None
        self._shown = self._start

    def attack(self, seed: str, seconds: float) -> bool:
        """Attack for so long; returns whether nothing was lost."""
        for own_seed, name, target in plans(seed, self._pairs):
            if time.monotonic() - self._start > seconds:
                break
            if self.rows[name, target.engine].skipped:
                continue
            if not self._once(own_seed, name, target):
                return False
            self._progress()
        return True

    def _once(self, own_seed: str, name: str, target: Target) -> bool:
        row = self.rows[name, target.engine]
        try:
            with _bounded(LONGEST_S):
                tried = ATTACKS[name][0](random.Random(own_seed), target, self._folders[0])
                row.add(tried, target.look_up())
                left = children() - self._children - _servers(target)
                assert not left, f"processes were left running: {sorted(left)}"
                self._age[target.engine] += 1
                if self._age[target.engine] >= RENEWAL:
                    target.renew()
                    self._age[target.engine] = 0
        except Skipped as reason:
            row.skipped = str(reason)
        except (Exception, Hung):  # noqa: BLE001  whatever it is, it is a finding
            traceback.print_exc()
            row.lost += 1
            again = f"TORTURE_SEED={own_seed} TORTURE_ATTACKS='{name}' TORTURE_ENGINES={target.engine}"
            print(f"LOST: {name} on {target.engine}; to repeat: {again} make torture", flush=True)
            return False
        self._children = children() if target.server is not None else self._children
        return True

    def _progress(self) -> None:
        now = time.monotonic()
        if self._usage is None or now - self._shown >= PROGRESS_S:
            self._shown = now
            usage = Usage.now(self._folders)
            self._usage = self._usage or usage
            attacks = sum(row.attacks for row in self.rows.values())
            print(f"{now - self._start:.0f} s, {attacks} attacks: {self._usage.to(usage)}", flush=True)

    def finish(self) -> None:
        """Print what was tried and lost, and what the run has taken."""
        print(table(self.rows))
        if self._usage is not None:
            print(f"{time.monotonic() - self._start:.0f} s: {self._usage.to(Usage.now(self._folders))}", flush=True)


def _servers(target: Target) -> set[int]:
    # a server that an attack has killed and started again
    return {target.server.daemon.pid} if target.server is not None else set()


@contextlib.contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    def hang(*_: object) -> NoReturn:
        raise Hung(f"not ended after {seconds} s")

    signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first one cleans up
    sys.exit(128 + signal.SIGTERM)


def main() -> int:
    """Run, and return the exit status."""
    seconds = float(os.environ.get("TORTURE_S", "60"))
    seed = os.environ.get("TORTURE_SEED") or secrets.token_hex(4)
    engines = (os.environ.get("TORTURE_ENGINES") or ENGINES).split(",")
    names = (os.environ.get("TORTURE_ATTACKS") or ",".join(ATTACKS)).split(",")
    unknown = (set(engines) - set(ENGINES.split(","))) | (set(names) - set(ATTACKS))
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; engines: {ENGINES}; attacks: {','.join(ATTACKS)}")
        return 2
    signal.signal(signal.SIGTERM, _terminate)
    print(f"torture for {seconds:g} s on {', '.join(engines)}; TORTURE_SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="persistdb-torture-") as name, targets(engines, Path(name)) as found:
        servers = [target.server.daemon.workspace.path for target in found if target.server is not None]
        run = Run(found, names, [Path(name), *servers[:1]])
        try:
            sound = run.attack(seed, seconds)
        except KeyboardInterrupt:
            print("interrupted")
            sound = False
        finally:
            run.finish()
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
