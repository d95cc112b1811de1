"""The command line: options in, exit status out; the work is done by the packages below."""

import os
import sys

HELP = "help.txt"
"""The text of ``--help``, as click lays it out for 80 columns; a test compares the two.

Median of 40 runs in units of ``python -c pass``, of which ``--help`` may take three: 1.2 with this file, 7 with click,
whose import alone takes 3.7. To write the file again: ``COLUMNS=80 python -c 'from persistdb.cli.program import main;
main(["--help"])' > persistdb/cli/help.txt``.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--help"], ["-h"]) and _print_help():
        return 0
    from .program import main as run  # start-up cost: click

    return run(arguments)


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
