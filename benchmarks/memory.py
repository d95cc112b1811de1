"""How much memory iterating and importing many containers takes: each in a process of its own, which looks at itself.

``python -m benchmarks.memory iterate|import URL [TREE]`` prints the MB that it had when all was loaded and connected,
and the most that it had in the end.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import samples
from .bounds import MEMORY
from .results import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .places import Place


def measure(place: Place, folder: Path, size: int) -> Iterator[Check]:
    """Iterate and import this many containers."""
    from . import trees

    yield _check(place, "iterate", size, place.database(size))
    place.forget(size)
    tree = trees.make(-(-size // samples.CONTAINERS), folder)
    try:
        yield _check(place, "import", size, place.database(0), str(tree))
    finally:
        shutil.rmtree(tree)
        place.forget()


def _check(place: Place, what: str, size: int, *arguments: str) -> Check:
    start, most = in_a_process("memory", what, *arguments)
    return Check(
        title=f"memory to {what} {size:,} containers",
        engine=place.engine,
        value=most - start,
        bound=MEMORY,
        unit="MB",
        detail=f"beyond {start:.0f} MB at the start",
    )


def in_a_process(module: str, *arguments: str) -> list[float]:
    """Run a module of the benchmarks in a process of its own, and give the numbers that it prints."""
    done = subprocess.run(  # noqa: S603  this program
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    return [float(number) for number in done.stdout.split()]


def peak(process: int | str = "self") -> float:
    """The most memory in MB that a process has had, by its number; without one this process."""
    # not ru_maxrss, which begins with what the parent had
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _main(what: str, url: str, *paths: str) -> None:
    from persistdb import ContainerRepository, Database

    with Database(url) as database:
        repository = ContainerRepository(database, host=samples.HOST)
        next(iter(repository.iterate(batch=1)), None)
        if what == "iterate":
            start = peak()
            for _ in repository.iterate():
                pass
        else:
            from . import trees

            small = trees.make(1, Path("/tmp"))  # noqa: S108  one small tree, so that all is loaded
            try:
                trees.import_ours(url, small)
            finally:
                shutil.rmtree(small)
            start = peak()
            trees.import_ours(url, Path(paths[0]))
    print(start, peak())


if __name__ == "__main__":
    _main(*sys.argv[1:])
