"""What should not grow with the number of containers: get, save and transition, among 1,000 and among many more."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from . import samples
from .bounds import GROWTH
from .ours import Ours
from .results import Check
from .timing import interleave, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .places import Place

_STATES = ("running", "stopped")


def measure(place: Place, sizes: Sequence[int], rounds: int) -> Iterator[Check]:
    """Compare each size with the smallest, in turn."""
    stores = {size: Ours(place.database(size)) for size in sizes}
    generator = random.Random(2)  # noqa: S311  no secret
    numbers = {size: [generator.randrange(size // samples.CONTAINERS) for _ in range(2 * rounds)] for size in sizes}

    def get(size: int) -> Callable[[int], object]:
        ids = [(samples.sid(number), samples.cid(number, 1)) for number in numbers[size]]
        return lambda turn: stores[size].get(*ids[turn])

    def save(size: int) -> Callable[[int], object]:
        new = [
            (samples.sid(number), samples.cid(number, 100 + i), samples.container(number, 100 + i))
            for i, number in enumerate(numbers[size])
        ]
        return lambda turn: stores[size].save(*new[turn])

    def transition(size: int) -> Callable[[int], object]:
        # two turns for each container, so that all are as they were
        ids = [(samples.sid(number), samples.cid(number, 1)) for number in numbers[size]]
        return lambda turn: stores[size].transition(*ids[turn // 2], _STATES[turn % 2], _STATES[1 - turn % 2])

    try:
        for title, make in (("get", get), ("save", save), ("transition", transition)):
            calls = {str(size): make(size) for size in sizes}
            for call in calls.values():
                for turn in range(rounds, 2 * rounds):
                    call(turn)  # the caches of each, warm
            spread = interleave(calls, rounds)
            smallest = spread[str(sizes[0])]
            for size in sizes[1:]:
                found = ratio(spread[str(size)], smallest)
                yield Check(
                    title=f"{title} among {size:,} ÷ among {sizes[0]:,}",
                    engine=place.engine,
                    value=found.value,
                    bound=GROWTH,
                    unit="",
                    detail=f"{spread[str(size)].median:.3f} and {smallest.median:.3f} ms",
                    quartiles=found.quartiles,
                )
    finally:
        for store in stores.values():
            store.close()
        for size in sizes:
            place.forget(size)
