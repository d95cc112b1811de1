"""How long commands take from start to end, beside Python itself and SQLAlchemy's import."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from . import samples
from .bounds import COMMAND_EXTRA, COMMAND_RATIO, HELP
from .results import Check
from .timing import interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .places import Place

_PERSISTDB = ("-c", "import sys; from persistdb.cli import main; sys.exit(main())")


def measure(place: Place, rounds: int) -> Iterator[Check]:
    """Time ``--help``, ``show`` and ``ls`` of one page."""
    url = place.database(60)
    target = ("--db", url, "--host", samples.HOST)
    commands = {
        "pass": ("-c", "pass"),
        "sqlalchemy": ("-c", "import sqlalchemy.orm"),
        "--help": (*_PERSISTDB, "--help"),
        "show": (*_PERSISTDB, *target, "show", samples.cid(5, 1)),
        "ls": (*_PERSISTDB, *target, "ls", "--limit", "50"),
    }
    calls = {name: _call(arguments) for name, arguments in commands.items()}
    for call in calls.values():
        call(0)  # bytecode and the system's cache of files
    medians = {name: found.median for name, found in interleave(calls, rounds).items()}
    yield Check(
        title="persistdb --help ÷ python -c pass",
        engine="",
        value=medians["--help"] / medians["pass"],
        bound=HELP,
        unit="",
        detail=f"{medians['--help']:.0f} and {medians['pass']:.0f} ms",
    )
    for name in ("show", "ls"):
        yield Check(
            title=f"persistdb {name}{' --limit 50' if name == 'ls' else ' ID'}",
            engine=place.engine,
            value=medians[name],
            bound=COMMAND_RATIO * medians["sqlalchemy"] + COMMAND_EXTRA,
            unit="ms",
            detail=f"SQLAlchemy's import takes {medians['sqlalchemy']:.0f} ms",
        )
    place.forget()


def _call(arguments: tuple[str, ...]) -> Callable[[int], object]:
    command = [sys.executable, *arguments]
    return lambda _: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  this program
