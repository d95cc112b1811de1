"""How things are timed: in turn, so that what disturbs the machine disturbs all of them, and compared by medians."""

from __future__ import annotations

import gc
import random
import statistics
from itertools import pairwise
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


BLOCKS = 15
"""The parts of a run of which each gives a ratio."""


class Timed(NamedTuple):
    """The milliseconds of calls, in the order of their turns."""

    times: Sequence[float]

    @property
    def median(self) -> float:
        """The median of all."""
        return statistics.median(self.times)


class Ratio(NamedTuple):
    """How many times as long one of two takes, by their medians, and the quartiles of the ratios of a run's parts."""

    value: float
    quartiles: tuple[float, float]


def ratio(one: Timed, other: Timed) -> Ratio:
    """Compare two that were called in the same turns.

    The run is cut into at most ``BLOCKS`` parts of turns that follow each other. The quartiles of their ratios say how
    far a ratio of medians moves within the run; those of single calls would say how much one call differs from the
    next.
    """
    turns = len(one.times)
    blocks = min(BLOCKS, turns)
    edges = [turns * block // blocks for block in range(blocks + 1)]
    ratios = [
        statistics.median(one.times[start:end]) / statistics.median(other.times[start:end])
        for start, end in pairwise(edges)
    ]
    value = one.median / other.median
    if len(ratios) == 1:
        return Ratio(value, (value, value))
    lower, _, upper = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(value, (lower, upper))


def interleave(
    calls: Mapping[str, Callable[[int], object]],
    rounds: int,
    *,
    before: Callable[[str, int], None] | None = None,
    per: int = 1,
) -> dict[str, Timed]:
    """Time calls in turn for a number of rounds; each is given the round's number, from 0 on.

    ``before`` is run ahead of each call and not timed. A call's time is divided by ``per``, the number of things that
    it handles.

    The order is drawn for each round. In one that only turns, the driver by hand always came behind persistdb, which
    had brought SQLite's and msgspec's code into the CPU's caches, and persistdb behind files.
    """
    names = list(calls)
    generator = random.Random(3)  # noqa: S311  no secret
    times: dict[str, list[int]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is no work for the collector while a contender is timed
    try:
        for turn in range(rounds):
            generator.shuffle(names)
            for name in names:
                if before is not None:
                    before(name, turn)
                call = calls[name]
                start = perf_counter_ns()
                call(turn)
                times[name].append(perf_counter_ns() - start)
    finally:
        gc.unfreeze()
    return {name: Timed([taken / 1e6 / per for taken in found]) for name, found in times.items()}
