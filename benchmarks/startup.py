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
from .timing import Timed, interleave, ratio

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
    times = interleave(calls, rounds)
    libraries = times["libraries"]
    yield _compared("persistdb --help ÷ python -c pass", "", HELP, times["--help"], times["pass"])
    for name in plain:
        title = f"persistdb {name} ÷ import click, msgspec, {library}"
        yield _compared(title, place.engine, COMMAND, times[name], libraries)
    both = zip(libraries.times, times["sqlalchemy"].times, strict=True)
    allowed = Timed([COMMAND * one + FILTERED * other for one, other in both])
    title = f"persistdb ls FILTER --limit 50 ÷ ({COMMAND} of the same + {FILTERED} of import sqlalchemy)"
    yield _compared(title, place.engine, 1.0, times["filtered"], allowed)
    yield from _of_repositories(place, url, rounds)
    place.forget()


def _compared(title: str, engine: str, bound: float, one: Timed, other: Timed) -> Check:
    found = ratio(one, other)
    return Check(
        title=title,
        engine=engine,
        value=found.value,
        bound=bound,
        unit="",
        detail=f"{one.median:.0f} and {other.median:.0f} ms",
        quartiles=found.quartiles,
    )


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
