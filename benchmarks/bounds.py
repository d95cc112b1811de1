"""What is measured, and the bounds that persistdb sets itself: ratios to the driver by hand."""

from __future__ import annotations

from typing import NamedTuple


class Bound(NamedTuple):
    """One operation: its name for people, and its bounds.

    ``most`` is the time as a multiple of the driver's by hand, ``aim`` what we would like it to be, and
    ``aim_on_servers`` where that is more on a server.
    """

    title: str
    most: float
    aim: float
    aim_on_servers: float | None = None

    def aim_on(self, *, server: bool) -> float:
        """Return the aim on a file, or on a server."""
        return self.aim_on_servers if server and self.aim_on_servers is not None else self.aim


BOUNDS = {
    "save": Bound("save one new container", 2.2, 1.25, aim_on_servers=1.5),
    "save_annotated": Bound("save one of runc's, with its annotations", 2.2, 1.25),
    "transition": Bound("change one container's state", 2.0, 1.3),
    "save_sandbox": Bound("save a sandbox of 20, one changed", 2.0, 1.3),
    "get": Bound("get one container", 1.75, 1.5),
    "look_up": Bound("look up by 8 characters", 2.5, 1.5),
    "load_sandbox": Bound("load a sandbox of 20", 1.35, 1.15),
    "save_many": Bound("bulk save, each container", 1.4, 1.15),
    "iterate": Bound("iterate as records, each container", 1.15, 1.1),
    "import": Bound("import a tree, each sandbox", 1.4, 1.2),
    "import_runc": Bound("import runc's files, each container", 1.4, 1.2),
    "export": Bound("export it, each sandbox", 1.4, 1.2),
}

GROWTH = 1.3
"""How much slower get, save and transition may be among 100,000 containers than among 1,000."""
HOSTS = 1.3
"""How much slower what one host does may be in a database of a hundred hosts than in one of its own."""
AT_TIME = 3.0
"""``get(at=…)`` among a million past versions, as a multiple of a get."""
DEVICE_AT_TIME = 5.0
"""Who held a device at a time, among as many, as a multiple of a get."""
HISTORY_BYTES = 2048.0
"""What ten changes of a container's state may take on SQLite, with its creation."""
PRUNE_WAIT = 100.0
"""Milliseconds that a writer on SQLite may wait while a million events are removed."""
PRUNE_MEMORY = 20.0
"""MB beyond start-up that this may take."""
MEMORY = 150.0
"""MB beyond start-up that iterating and importing 100,000 containers may take."""
WATCH = 100.0
"""Milliseconds from the change of a file to its commit by ``watch``, the median; 50 of them are its debounce."""
WATCH_IDLE, WATCH_MEMORY = 0.2, 120.0
"""Per cent of a core that ``watch`` takes while nothing happens, and MB, with a thousand sandboxes."""
HELP = 3.0
"""``persistdb --help``, as a multiple of ``python -c pass``."""
COMMAND, FILTERED = 2.5, 1.1
"""A command on a file, as a multiple of ``python -c 'import click, msgspec, pysqlite3'``, and what a filter may take
beside, as a multiple of ``python -c 'import sqlalchemy'``."""
REPOSITORY, REPOSITORY_SIZE = 0.3, 5.0
"""Milliseconds and kB that a repository on a database that is in use takes."""
UPGRADE = 6.0
"""An upgrade from the first schema to the newest, as a multiple of a plain copy of the mounts."""
UPGRADE_MEMORY = 300.0
"""MB that it may take."""
