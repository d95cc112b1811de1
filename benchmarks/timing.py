"""How things are timed: in turn, so that what disturbs the machine disturbs all of them, and by their medians."""

from __future__ import annotations

import gc
import statistics
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Spread(NamedTuple):
    """Milliseconds: of all calls the median, the lower quartile and the least."""

    median: float
    quartile: float
    least: float


def interleave(
    calls: Mapping[str, Callable[[int], object]],
    rounds: int,
    *,
    before: Callable[[str, int], None] | None = None,
    per: int = 1,
) -> dict[str, Spread]:
    """Time calls in turn for a number of rounds; each is given the round's number, from 0 on.

    ``before`` is run ahead of each call and not timed. A call's time is divided by ``per``, the number of things that
    it handles. Who begins changes from round to round.
    """
    names = list(calls)
    times: dict[str, list[int]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is no work for the collector while a contender is timed
    try:
        for turn in range(rounds):
            for i in range(len(names)):
                name = names[(i + turn) % len(names)]
                if before is not None:
                    before(name, turn)
                call = calls[name]
                start = perf_counter_ns()
                call(turn)
                times[name].append(perf_counter_ns() - start)
    finally:
        gc.unfreeze()
    return {name: _spread(found, per) for name, found in times.items()}


def _spread(nanoseconds: list[int], per: int) -> Spread:
    milliseconds = sorted(taken / 1e6 / per for taken in nanoseconds)
    return Spread(statistics.median(milliseconds), milliseconds[len(milliseconds) // 4], milliseconds[0])
