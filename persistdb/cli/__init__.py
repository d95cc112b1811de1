"""The command line: options in, exit status out; the work is done by the packages below."""

import gc
import os
import sys

HELP = "help.txt"
"""The text of ``--help``, as click lays it out for 80 columns; a test compares the two.

Median of 40 runs in units of ``python -c pass``, of which ``--help`` may take three: 1.2 with this file, 7 with click,
whose import alone takes 3.7. To write the file again: ``COLUMNS=80 python -c 'from persistdb.cli.program import main;
main(["--help"])' > persistdb/cli/help.txt``.
"""


# A command loads some 200,000 objects, which stay, and lives for a moment: to look for garbage among them as often as
# Python does by itself, and once more at the exit, took 28 % of the CPU time of `persistdb ls` (657 ms instead of 918).
# Not never, for a command may read a whole fleet.
_THRESHOLD = 200_000


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit status; without arguments, with those of the process, which is its own."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--help"], ["-h"]) and _print_help():
        return 0
    if arguments is None:
        gc.set_threshold(_THRESHOLD, *gc.get_threshold()[1:])
    from .program import main as run  # start-up cost: click

    status = run(arguments)
    if arguments is None:
        gc.freeze()
    return status


def _print_help() -> bool:
    """Print the help; return false if that fails, for the program itself handles broken streams."""
    with open(os.path.join(os.path.dirname(__file__), HELP), encoding="utf-8") as file:  # pathlib costs 3 ms
        text = file.read()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        return False
    return True


__all__ = ["main"]
