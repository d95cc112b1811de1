"""``python -m benchmarks.baseline``: measure all there is, on all engines, and write ``baseline.json``.

It refuses a machine that is busy, and one that lacks an engine: what is compared with it for months is to be right.
"""

from __future__ import annotations

import os
import sys

from . import __main__ as program
from . import results
from .compare import BASELINE

QUIET = 0.5
"""The processes that may have wanted to run in the last minute, on all cores."""


def main() -> int:
    """Measure; 0 if the file is written, else 1."""
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"The machine is busy: its load is {load:.2f}, and at most {QUIET} is quiet enough. Nothing is measured.")
        return 1
    report = program.measured(program.options_of_a_run().parse_args([]))
    program.show(report)
    if report.missing:
        print("An engine is missing: nothing is written.")
        return 1
    BASELINE.write_bytes(results.written(report))
    print(f"{BASELINE}: measured in {report.seconds / 60:.0f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
