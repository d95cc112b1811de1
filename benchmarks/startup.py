"""How long commands take from start to end, beside Python itself and the imports of what they use."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

from persistdb import ContainerRepository, Database
from persistdb.engines.sqlite import driver

from . import samples
from .bounds import COMMAND, FILTERED, HELP, REPOSITORY, REPOSITORY_SIZE
from .results import Check
from .timing import interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .places import Place

_PERSISTDB = ("-c", "import sys; from persistdb.cli import main; sys.exit(main())")


def measure(place: Place, rounds: int) -> Iterator[Check]:
    """Time ``--help``, commands without a filter, a list with one, and the making of a repository."""
    url = place.database(60)
    target = ("--db", url, "--host", samples.HOST)
    library = driver().__name__.partition(".")[0]
    imports = {
        "pass": ("-c", "pass"),
        "libraries": ("-c", f"import click, msgspec, {library}"),
        "sqlalchemy": ("-c", "import sqlalchemy"),
    }
    plain = {
        "ls --limit 50": ("ls", "--limit", "50"),
        "show ID": ("show", samples.cid(5, 1)),
        "rm ID": ("rm", "nonesuch"),
        "report NAME": ("report", "summary"),
        "sql": ("sql", "SELECT 1"),
    }
    commands = {name: (*_PERSISTDB, *target, *words) for name, words in plain.items()}
    filtered = (*_PERSISTDB, *target, "ls", "state=running", "--limit", "50")
    calls = {
        name: _call(arguments)
        for name, arguments in {**imports, "--help": (*_PERSISTDB, "--help"), **commands, "filtered": filtered}.items()
    }
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
    for name in plain:
        yield Check(
            title=f"persistdb {name}",
            engine=place.engine,
            value=medians[name],
            bound=COMMAND * medians["libraries"],
            unit="ms",
            detail=f"the import of click, msgspec and {library} takes {medians['libraries']:.0f} ms",
        )
    yield Check(
        title="persistdb ls FILTER --limit 50",
        engine=place.engine,
        value=medians["filtered"],
        bound=COMMAND * medians["libraries"] + FILTERED * medians["sqlalchemy"],
        unit="ms",
        detail=f"SQLAlchemy's import takes {medians['sqlalchemy']:.0f} ms",
    )
    yield from _of_repositories(place, url, rounds)
    place.forget()


def _of_repositories(place: Place, url: str, rounds: int) -> Iterator[Check]:
    """Time and weigh a repository on a database that others use already."""
    with Database(url) as database:
        kept = [ContainerRepository(database, host=samples.HOST)]
        make = {"repository": lambda _: ContainerRepository(database, host=samples.HOST)}
        took = interleave(make, 50 * rounds)["repository"].median
        tracemalloc.start()
        try:
            kept += [ContainerRepository(database, host=samples.HOST) for _ in range(100)]
            size = tracemalloc.get_traced_memory()[0] / 100 / 1000
        finally:
            tracemalloc.stop()
    name = "ContainerRepository(database)"
    yield Check(title=name, engine=place.engine, value=took, bound=REPOSITORY, unit="ms", detail="")
    yield Check(title=f"memory of {name}", engine=place.engine, value=size, bound=REPOSITORY_SIZE, unit="kB", detail="")


def _call(arguments: tuple[str, ...]) -> Callable[[int], object]:
    command = [sys.executable, *arguments]
    # rm of an ID that is not there fails, as it does each time
    return lambda _: subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  this program
