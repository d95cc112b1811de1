"""The units of systemd that come with the program, written to where systemd finds them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from ..places import units_folder
from .output import print_line

_PROGRAM: Final = "/usr/bin/persistdb"
"""The program in the units as they are packaged."""


def install_units(folder: str) -> None:
    """Write the units to a folder, with the program that runs now, and say so; units that are there are replaced.

    Raises :class:`OSError`, also for a unit that is masked, which is a link to /dev/null (systemctl(1)).
    """
    from ..replacing import replace

    program = _this_program()
    for path in sorted(units_folder().iterdir()):
        if path.suffix not in (".service", ".timer"):
            continue
        text = path.read_text("utf-8").replace(f"={_PROGRAM} ", f"={program} ")
        target = Path(folder, path.name)
        replace(target, text.encode(), mode=0o644)  # as systemd wants it: whoever asks for a unit may read it
        print_line(str(target))


def _this_program() -> str:
    """Return the absolute path of the program, quoted for a unit (systemd.service(5))."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) != "persistdb" or not os.access(path, os.X_OK):
        path = os.path.join(os.path.dirname(sys.executable), "persistdb")
    if not os.access(path, os.X_OK):
        path = _PROGRAM
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return quoted if quoted == path and " " not in path else f'"{quoted}"'
