"""What one host's own operations take in a database of many hosts, beside a database that has that host alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from persistdb import ContainerRepository, Database

from .. import bounds
from ..results import Check
from ..timing import interleave, ratio
from . import PER_HOST, build
from .growth import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..places import Place

_STATES = ("running", "paused")


def measure(place: Place, hosts: int, rounds: int) -> Iterator[Check]:
    """Time them in turn, on the first host of each database."""
    databases = {count: Database(place.empty()) for count in (1, hosts)}
    try:
        for count, database in databases.items():
            build(database, count * PER_HOST)
            settle(database)
        operations = {count: _operations(database, rounds) for count, database in databases.items()}
        for name in operations[1]:
            # whole hosts take as long as fifty containers or more
            turns = rounds if name in ("get", "save", "transition", "look up") else max(2, rounds // 10)
            calls = {str(count): of_count[name] for count, of_count in operations.items()}
            for call in calls.values():
                for turn in range(turns):
                    call(turn)
            times = interleave(calls, turns)
            found = ratio(times[str(hosts)], times["1"])
            yield Check(
                title=f"{name} of a host among {hosts} ÷ of one alone",
                engine=place.engine,
                value=found.value,
                bound=bounds.HOSTS,
                unit="",
                detail=f"{times[str(hosts)].median:.3f} and {times['1'].median:.3f} ms",
                quartiles=found.quartiles,
            )
    finally:
        for database in databases.values():
            database.close()
        place.forget()


def _operations(database: Database, rounds: int) -> Mapping[str, Callable[[int], object]]:
    own = ContainerRepository(database, host="node-000")
    known = [each for each in own.find(limit=PER_HOST) if each.record.state == "running"][:rounds]

    def transition(turn: int) -> object:
        # two turns for each container, so that all are as they were
        one = known[turn // 2 % len(known)]
        return own.transition(one.sid, one.cid, _STATES[1 - turn % 2], expected=_STATES[turn % 2])

    def save(turn: int) -> object:
        one = known[turn % len(known)]
        return own.save(one.sid, one.cid, one.record.replace(bundle_path=f"/run/{time.monotonic_ns()}"))

    return {
        "get": lambda turn: own.get(known[turn % len(known)].sid, known[turn % len(known)].cid),
        "look up": lambda turn: own.look_up(known[turn % len(known)].cid[:8]),
        "save": save,
        "transition": transition,
        "find state=running, 50": lambda _: own.find("state=running", limit=50),
        "ls bundle=/run/*, 50": lambda _: own.summaries("bundle=/run/*", limit=50),
        "count": lambda _: own.count(),
        "iterate": lambda _: sum(1 for _ in own.iterate()),
    }
