"""The command line: options in, exit status out; what it does is done by the modules that it calls."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "help.txt"
"""What ``--help`` prints, as click lays it out for 80 columns: to import click takes longer than all else of it.

``COLUMNS=80 python -c 'from persistdb.cli.program import main; main(["--help"])'`` writes it anew.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--help"], ["-h"]) and _print_help():
        return 0
    from .program import main as run

    return run(arguments)


def _print_help() -> bool:
    """Print it; false if that doesn't work: the program itself knows what to do then."""
    with open(os.path.join(os.path.dirname(__file__), HELP), encoding="utf-8") as file:  # pathlib costs 3 ms
        text = file.read()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        return False
    return True


__all__ = ["main"]
