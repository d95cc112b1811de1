"""Every operation and report on a fleet that grows, and how large it is."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from persistdb import ContainerIDs, ContainerRepository, Database, QueryTimeout, reports
from persistdb.schema import migrate
from persistdb.schema.revisions import history
from persistdb.store.check import find_faults

from . import ON_EACH_HOST, PER_HOST, build, host_name, multiply
from .agents import quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from persistdb.reports import Report

REPEAT, LEAST = 200, 3
"""How often an operation is repeated, and how often one that takes long, which is for ``SECONDS``."""
SECONDS = 2.0
SAVED = 10_000
"""How many containers the repository saves; the hosts of the others are copied."""
_TIMEOUT = 120.0

_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
    "mariadb": "SELECT sum(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()",
}


class Measured(msgspec.Struct):
    """Milliseconds of an operation: the median, and the 99th of a hundred; ``None`` where it is not known."""

    p50: float | None
    p99: float | None


def measure(url: str, sizes: Sequence[int], repeat: int, tell: Callable[[str], None]) -> dict[str, dict[int, Measured]]:
    """Fill a database up to each size in turn, and measure all operations there; ``B a container`` is its size."""
    found: dict[str, dict[int, Measured]] = {}
    with Database(url) as database:
        for before, size in itertools.pairwise((0, *sizes)):
            begin = time.monotonic()
            build(database, min(size, SAVED), before)
            rate = (time.monotonic() - begin) * 1000 / (size - before)
            hosts = range(max(before, SAVED) // PER_HOST, size // PER_HOST)
            if hosts:
                database.close()
                multiply.fill(url, hosts, lambda host: tell(f"host {host}") if host % 100 == 0 else None)
            tell(f"{size} containers in {time.monotonic() - begin:.0f} s")
            settle(database)
            found.setdefault("fill, a container", {})[size] = Measured(None if hosts else rate, None)
            for name, operation in _operations(database, size).items():
                found.setdefault(name, {})[size] = _time(operation, repeat)
            for name, operation in _MAINTENANCE.items():
                found.setdefault(name, {})[size] = operation(database)
            with database.reader.connect() as connection:
                total = int(connection.execute(text(_SIZES[database.backend.name])).scalar_one())
            found.setdefault("B a container", {})[size] = Measured(total / size, None)
    return found


def settle(database: Database) -> None:
    """Give the planner the statistics that the server would soon have by itself."""
    if database.backend.name != "sqlite":
        words = {"postgresql": "VACUUM ANALYZE", "mariadb": "ANALYZE TABLE sandbox, container, mount, device_map"}
        with database.reader.connect() as connection:
            connection.execute(text("SET statement_timeout = 0" if database.backend.name == "postgresql" else "DO 0"))
            connection.execute(text(words[database.backend.name]))
            connection.invalidate()


def _operations(database: Database, size: int) -> Mapping[str, Callable[[], object]]:
    """Return what is measured, on a host in the middle of the fleet."""
    host = host_name(size // PER_HOST // 2)
    own = ContainerRepository(database, host=host)
    known = own.find(limit=REPEAT)
    turns = itertools.cycle(known)
    states = itertools.cycle(("paused", "running"))
    one = next(each for each in known if each.cid != ON_EACH_HOST)
    middle = ContainerIDs(host, one.sid, one.cid)
    day, now = timedelta(days=1), datetime.now(UTC)
    since, before = (now - day).isoformat(), (now + day).isoformat()
    own.transition(one.sid, one.cid, "running", expected=one.record.state, force=True)

    def save() -> object:
        each = next(turns)
        record = msgspec.structs.replace(each.record, bundle_path=f"/run/{time.monotonic_ns()}")
        return own.save(each.sid, each.cid, record)

    def transition() -> None:
        new = next(states)
        own.transition(one.sid, one.cid, new, expected="running" if new == "paused" else "paused", force=True)

    def get() -> object:
        each = next(turns)
        return own.get(each.sid, each.cid)

    operations: dict[str, Callable[[], object]] = {
        "get": get,
        "load_sandbox": lambda: own.load_sandbox(one.sid),
        "save": save,
        "transition": transition,
        "lock, taken and released": lambda: own.lock(one.sid).release(),
        "look_up, 8 characters": lambda: own.look_up(one.cid[:8]),
        "look_up what each host has": lambda: own.look_up(ON_EACH_HOST),
        "find on a host, 50": lambda: own.find("state=running", limit=50),
        "ls cgroup=/kubepods/*, a host": lambda: own.summaries("cgroup=/kubepods/*", limit=50),
        "ls -updated, a host, 50": lambda: own.summaries(limit=50, sort="-updated"),
        "ls since, before, a host": lambda: own.summaries(f"since={since}", f"before={before}", limit=50),
        "count on a host": own.count,
        "iterate a host, 1000": lambda: sum(1 for _ in own.iterate()),
        "ls --all-hosts, 50": lambda: own.summaries(limit=50, all_hosts=True),
        "ls --all-hosts, a page after it": lambda: own.summaries(limit=50, all_hosts=True, after=middle),
        "ls --all-hosts -updated, 50": lambda: own.summaries(limit=50, all_hosts=True, sort="-updated"),
    }
    device = one.record.device_maps[0].id
    asked = {
        "device-holders": device,
        "device-history": device,
        "vfio-holders": "0000:3b:00.0",
        "paths": one.record.mounts[8].source,
        "changes": host,
    }
    for name in reports.names():
        report = reports.find(name, database.backend.name)
        values = report.values([asked[name]] if name in asked else [])
        operations[f"report {name}, a host"] = _report(database, report, values, host)
        operations[f"report {name}, first page"] = _first_page(database, report, values)
    return operations


def check(database: Database) -> Measured:
    """Look for faults, of which there are none."""
    begin = time.perf_counter()
    faults = find_faults(database)
    if faults:
        raise ValueError(str(faults[0]))
    return _once(begin)


def upgrade(database: Database) -> Measured:
    """Make the last revision again, with a backup first where that is one."""
    *_, before, _ = history()
    migrate.downgrade(database, before.id, allow_loss=True, backup=False)
    begin = time.perf_counter()
    change = migrate.upgrade(database)
    taken = _once(begin)
    if change.backup is not None:
        change.backup.unlink()
    return taken


def _once(begin: float) -> Measured:
    return Measured((time.perf_counter() - begin) * 1000, None)


_MAINTENANCE: Mapping[str, Callable[[Database], Measured]] = {"db check": check, "db upgrade by a revision": upgrade}


def _report(database: Database, report: Report, values: Mapping[str, object], host: str | None) -> Callable[[], object]:
    return lambda: reports.run(database, report, values, host=host, timeout=_TIMEOUT)


def _first_page(database: Database, report: Report, values: Mapping[str, object]) -> Callable[[], object]:
    return lambda: next(iter(reports.stream(database, report, values, timeout=_TIMEOUT, limit=100)))


def _time(operation: Callable[[], object], repeat: int) -> Measured:
    durations: list[float] = []
    try:
        while len(durations) < min(repeat, LEAST) or (len(durations) < repeat and sum(durations) < SECONDS):
            begin = time.perf_counter()
            operation()
            durations.append(time.perf_counter() - begin)
    except QueryTimeout:
        return Measured(None, None)
    return Measured(quantile(durations, 0.5), quantile(durations, 0.99))
