"""What was: a container and a device at a time, among many past versions; the room it takes; its removal.

``python -m benchmarks.history prune URL`` removes what is old, and prints the MB at its start and the most in the end.
"""
# ruff: noqa: S608  statements are put together from constants

from __future__ import annotations

import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from persistdb import ContainerRepository, Database, Timeouts
from persistdb.schema import names
from persistdb.store.pruning import Pruning

from . import samples
from .bounds import AT_TIME, DEVICE_AT_TIME, HISTORY_BYTES, PRUNE_MEMORY, PRUNE_WAIT
from .memory import in_a_process, peak
from .ours import Ours
from .results import Check
from .timing import interleave, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from .places import Place

VERSIONS = 10
"""Past versions of each container."""
_STATES = ("running", "stopped")
_PATIENT = Timeouts(statement=3600, call=3600)
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def measure(place: Place, size: int, events: int, rounds: int) -> Iterator[Check]:
    """Measure with this many containers, and this many old events."""
    url = place.database(size)
    ours = Ours(url)
    try:
        # two million rows are one statement, for which a server is given more than the time of a call
        with Database(url, timeouts=_PATIENT) as filling, filling.writer.begin() as connection:
            _fill(connection, place.engine)
        place.settle(url)
        yield from _at_times(place, ours, size, rounds)
    finally:
        ours.close()
        place.forget(size)
    if place.engine == "sqlite":
        yield _room(place, min(size, 999))
        yield from _prune(place, events)


def _fill(connection: Connection, engine: str) -> None:
    """Give each container so many versions, an hour each, with the devices that it has now in each of them."""

    def time(hours: str) -> str:
        start = f"{_FIRST:%Y-%m-%d %H:%M:%S}"
        if engine == "sqlite":
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', '{start}', ({hours}) || ' hours')"
        if engine == "postgresql":
            return f"TIMESTAMPTZ '{start}+00' + ({hours}) * INTERVAL '1 hour'"
        return f"TIMESTAMP '{start}' + INTERVAL ({hours}) HOUR"

    numbers = f"(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {VERSIONS}) SELECT n FROM n)"
    for table in ("sandbox", "container"):
        connection.execute(text(f"UPDATE {table}_lifetime SET created_at = {time('0')}"))
        connection.execute(text(f"UPDATE {table} SET created_at = {time('0')}, updated_at = {time(str(VERSIONS))}"))
    connection.execute(text(f"UPDATE container SET revision = {VERSIONS + 1}"))
    connection.execute(text(f"UPDATE device_map SET since = {VERSIONS + 1}"))
    connection.execute(text(f"UPDATE retention SET horizon = {time('0')}"))
    connection.execute(
        text(
            "INSERT INTO container_history (container_id, valid_to, revision, whole, state, cgroup_path, bundle_path,"
            f" layout, valid_from) SELECT c.id, {time('v.n')}, v.n, TRUE, c.state, c.cgroup_path, c.bundle_path,"
            f" c.layout, {time('v.n - 1')} FROM container AS c CROSS JOIN {numbers} AS v ORDER BY c.id, v.n"
        )
    )
    columns = "device_id, container_path, file_mode, uid, gid, shared"
    connection.execute(
        text(
            f"INSERT INTO device_map_history (container_id, until, position, {columns}, since, valid_from, valid_to)"
            f" SELECT d.container_id, v.n + 1, d.position, {columns}, CASE WHEN v.n = 1 THEN 0 ELSE v.n END,"
            f" {time('v.n - 1')}, {time('v.n')} FROM device_map AS d CROSS JOIN {numbers} AS v"
            " ORDER BY d.container_id, d.position, v.n"
        )
    )


def _at_times(place: Place, ours: Ours, size: int, rounds: int) -> Iterator[Check]:
    generator = random.Random(3)  # noqa: S311  no secret
    sandboxes = size // samples.CONTAINERS
    chosen = [(generator.randrange(sandboxes), generator.uniform(0, VERSIONS)) for _ in range(2 * rounds)]
    of_devices = text(
        "SELECT host, sid, cid FROM devices_over_time"
        " WHERE device_id = :device AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)"
    )

    def get(turn: int) -> object:
        number, _ = chosen[turn]
        return ours.repository.get(samples.sid(number), samples.cid(number, 1))

    def get_at(turn: int) -> object:
        number, hours = chosen[turn]
        at = _FIRST + timedelta(hours=hours)
        return ours.repository.get(samples.sid(number), samples.cid(number, 1), at=at)

    def device_at(turn: int) -> object:
        number, hours = chosen[turn]
        at = _FIRST + timedelta(hours=hours)
        values = {"device": samples.container(number, 1).device_maps[0].id, "at": _written(place.engine, at)}
        found = reading.execute(of_devices, values).all()
        if [tuple(row)[1:] for row in found] != [(samples.sid(number), samples.cid(number, 1))]:
            raise AssertionError(f"a device was held by {found}")
        return found

    calls = {"get": get, "at": get_at, "device": device_at}
    with ours.database.reader.connect() as reading:
        for turn in range(rounds, 2 * rounds):
            for call in calls.values():
                call(turn)
        spread = interleave(calls, rounds)
    among = f"among {size * VERSIONS:,} versions"
    for name, title, bound in (
        ("at", f"get at a time ÷ get, {among}", AT_TIME),
        ("device", f"holder of a device at a time ÷ get, {among}", DEVICE_AT_TIME),
    ):
        found = ratio(spread[name], spread["get"])
        yield Check(
            title=title,
            engine=place.engine,
            value=found.value,
            bound=bound,
            unit="",
            detail=f"{spread[name].median:.3f} and {spread['get'].median:.3f} ms",
            quartiles=found.quartiles,
        )


def _written(engine: str, at: datetime) -> object:
    return at if engine == "postgresql" else at.replace(tzinfo=None).isoformat(" ", "microseconds")


def _room(place: Place, count: int) -> Check:
    """Measure what a life of ten changes of state takes beyond the rows of the container."""
    with Database(place.database(0)) as database:
        repository = ContainerRepository(database, host=samples.HOST)
        # in one sandbox, so that it is theirs alone
        repository.save_many([samples.write(0, count)])
        cids = [(samples.sid(0), samples.cid(0, number)) for number in range(count)]
        for turn in range(VERSIONS):
            for sid, cid in cids:
                repository.transition(sid, cid, _STATES[1 - turn % 2], expected=_STATES[turn % 2])
        with database.engine.begin() as connection:
            used = _used(connection)
            for table in names.HISTORY:
                connection.execute(text(f"DELETE FROM {table}"))
            used -= _used(connection)
    place.forget(0)
    return Check(
        title="history of ten changes of state",
        engine=place.engine,
        value=used / count,
        bound=HISTORY_BYTES,
        unit="bytes",
        detail="event, version and lifetime of a container, with all pages",
    )


def _used(connection: Connection) -> int:
    """Return the bytes of the pages that are in use."""
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _prune(place: Place, events: int) -> Iterator[Check]:
    """Remove old events in a process, and see how long another's writes wait meanwhile."""
    url = place.database(60)
    with Database(url) as database:
        old = f"{datetime.now(UTC) - timedelta(days=60):%Y-%m-%d %H:%M:%S.%f}"
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {events})"
                    " INSERT INTO event (sandbox_id, container_id, kind, revision, at, old_state, new_state, cause)"
                    f" SELECT n % 20 + 1, n % 60 + 1, 'state', n, '{old}', 'running', 'stopped', 'transition' FROM n"
                )
            )
        repository = ContainerRepository(database, host=samples.HOST)
        sid, cid = samples.sid(1), samples.cid(1, 1)
        waits: list[float] = []
        over = threading.Event()

        def write(turns: int | None = None) -> None:
            turn = 0
            while not over.is_set() and turn != turns:
                began = time.monotonic()
                repository.transition(sid, cid, _STATES[1 - turn % 2], expected=_STATES[turn % 2])
                waits.append(time.monotonic() - began)
                turn += 1

        write(min(events // 100, 2000))
        alone = 1000 * max(waits)
        waits.clear()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            start, most, seconds = in_a_process("history", "prune", url)
        finally:
            over.set()
            writer.join()
        with database.engine.connect() as connection:
            left = connection.execute(text("SELECT count(*) FROM event WHERE at < :at"), {"at": old + "9"}).scalar_one()
        if left:
            raise AssertionError(f"{left} old events are left")
    place.forget(60)
    waits.sort()
    yield Check(
        title=f"longest wait of a writer while {events:,} events go",
        engine=place.engine,
        value=1000 * waits[-1],
        bound=PRUNE_WAIT,
        unit="ms",
        detail=f"of {len(waits):,} in {seconds:.0f} s, median {1000 * waits[len(waits) // 2]:.1f} ms;"
        f" alone {alone:.1f} ms",
    )
    yield Check(
        title=f"memory to remove {events:,} events",
        engine=place.engine,
        value=most - start,
        bound=PRUNE_MEMORY,
        unit="MB",
        detail=f"beyond {start:.0f} MB at the start",
    )


def _main(url: str) -> None:
    with Database(url) as database:
        ContainerRepository(database, host=samples.HOST).count()
        pruning = Pruning(database)
        start, began = peak(), time.monotonic()
        pruning.run()
        print(start, peak(), time.monotonic() - began)


if __name__ == "__main__":
    _main(sys.argv[2])
