"""``python -m tests.torture``: attack at random until the time is over, and print what was tried and what was lost.

``TORTURE_S`` is the time in seconds (60), ``TORTURE_SEED`` the seed of a run to repeat, ``TORTURE_ENGINES`` the engines
by name. A loss ends the run with status 1 and prints the seed that repeats it.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from .attacks import ATTACKS, plans
from .targets import targets

ENGINES = "sqlite,postgresql,mariadb"


def main() -> int:
    """Run, and return the exit status."""
    seconds = float(os.environ.get("TORTURE_S", "60"))
    seed = os.environ.get("TORTURE_SEED") or secrets.token_hex(4)
    engines = os.environ.get("TORTURE_ENGINES", ENGINES).split(",")
    print(f"torture for {seconds:g} s on {', '.join(engines)}; TORTURE_SEED={seed} repeats it", flush=True)
    tried: Counter[tuple[str, str]] = Counter()
    looked_up: Counter[tuple[str, str]] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="persistdb-torture-") as name, targets(engines, Path(name)) as found:
        deadline = time.monotonic() + seconds
        for own_seed, attack, target in plans(seed, found):
            if time.monotonic() > deadline:
                break
            key = attack, target.engine
            try:
                looked_up[key] += ATTACKS[attack][0](random.Random(own_seed), target, Path(name))
            except Exception:  # noqa: BLE001  whatever it is, it is a finding
                traceback.print_exc()
                print(f"LOST: {attack} on {target.engine}; TORTURE_SEED={seed} repeats it", flush=True)
                failed = 1
                break
            tried[key] += 1
    print(f"{'attack':<16} {'engine':<11} {'tried':>7} {'acknowledged saves looked up':>29} {'lost':>5}")
    for key in sorted(tried):
        print(f"{key[0]:<16} {key[1]:<11} {tried[key]:>7} {looked_up[key]:>29} {0:>5}")
    print(f"{tried.total()} attacks, {looked_up.total()} acknowledged saves looked up, {failed} lost")
    return failed


if __name__ == "__main__":
    sys.exit(main())
