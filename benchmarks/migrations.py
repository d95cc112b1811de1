"""An upgrade of many containers from the first schema to the newest, compared with a plain copy of their mounts.

``python -m benchmarks.migrations URL`` upgrades, and prints the seconds that it took and the MB of memory that the
process had when it was loaded and connected, and at its peak.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from persistdb import Database
from persistdb.engines import Timeouts
from persistdb.schema import migrate, revisions
from tests.schema import many

from .bounds import UPGRADE, UPGRADE_MEMORY
from .memory import in_a_process, peak
from .results import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from .places import Place

MOUNTS = 10


def measure(place: Place, size: int) -> Iterator[Check]:
    """Upgrade this many containers with ten mounts each."""
    url = place.empty()
    with Database(url, timeouts=Timeouts(statement=3600)) as database:
        migrate.upgrade(database, "0001")
        many.fill(database, size, MOUNTS)
        copies = [_copy(database.engine) for _ in range(3)]
    seconds, start, most = in_a_process("migrations", url)
    with Database(url, timeouts=Timeouts(statement=3600)) as database:
        faults = many.faults(database, size, MOUNTS)
    if any(faults):
        message = f"the upgrade lost rows, or changed them: {faults}"
        raise RuntimeError(message)
    place.forget()
    copy = sorted(copies)[1]
    yield Check(
        title=f"upgrade of {size:,} containers ÷ copy of their mounts",
        engine=place.engine,
        value=seconds / copy,
        bound=UPGRADE,
        unit="",
        detail=f"{seconds:.1f} s ÷ {copy:.1f} s",
    )
    yield Check(
        title=f"memory to upgrade {size:,} containers",
        engine=place.engine,
        value=most,
        bound=UPGRADE_MEMORY,
        unit="MB",
        detail=f"of which {start:.0f} MB at the start",
    )


_LIKE = {
    "postgresql": "CREATE TABLE copied (LIKE mount INCLUDING ALL)",
    "mariadb": "CREATE TABLE copied LIKE mount",
}


def _copy(engine: Engine) -> float:
    """Measure the seconds to copy the mounts into a table like theirs, with its key, and to commit."""
    writer = engine.execution_options(persistdb_begin="write")
    with writer.begin() as connection:
        if engine.dialect.name == "sqlite":
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE name = 'mount'").scalar_one()
            connection.exec_driver_sql(made.replace("mount", "copied", 1))
        else:
            connection.exec_driver_sql(_LIKE[engine.dialect.name])
    start = time.perf_counter()
    with writer.begin() as connection:
        connection.exec_driver_sql("INSERT INTO copied SELECT * FROM mount")
    taken = time.perf_counter() - start
    with writer.begin() as connection:
        connection.exec_driver_sql("DROP TABLE copied")
    return taken


def _main(url: str) -> None:
    with Database(url) as database:
        with database.engine.connect():
            revisions.history()
        start, began = peak(), time.perf_counter()
        migrate.upgrade(database, backup=False)
        print(time.perf_counter() - began, start, peak())


if __name__ == "__main__":
    _main(*sys.argv[1:])
