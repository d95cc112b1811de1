"""Which attack comes next, on which database: all by the seed of the run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from . import attacks, hostile, mutations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .attacks import Tried
    from .targets import Target

_SERVERS = frozenset({"postgresql", "mariadb"})
_SQLITE = frozenset({"sqlite"})
_ALL = _SERVERS | _SQLITE

ATTACKS: dict[str, tuple[Callable[[random.Random, Target, Path], Tried], frozenset[str]]] = {
    "kill writers": (attacks.kill_writers, _ALL),
    "kill server": (attacks.kill_server, _SERVERS),
    "freeze server": (attacks.freeze_server, _SERVERS),
    "cut connections": (attacks.cut_connections, _SERVERS),
    "freeze connections": (attacks.freeze_connections, _SERVERS),
    "delay connections": (attacks.delay_connections, _SERVERS),
    "stop lockers": (attacks.stop_lockers, _ALL),
    "fork": (attacks.fork, _ALL),
    "cancel tasks": (attacks.cancel_tasks, _ALL),
    "jump clock": (attacks.jump_clock, _ALL),
    "fill disk": (attacks.fill_disk, _ALL),
    "mutate files": (mutations.mutate_files, _ALL),
    "mutate rows": (mutations.mutate_rows, _ALL),
    "two libraries": (attacks.two_libraries, _SQLITE),
    "hostile SQL": (hostile.hostile_sql, _ALL),
}
"""Each attack, and the engines that it is for."""


def pairs(found: Sequence[Target], names: Sequence[str]) -> list[tuple[str, Target]]:
    """Return each attack of these with each database that it is for."""
    return [(name, target) for name in names for target in found if target.engine in ATTACKS[name][1]]


def plans(seed: str, all_pairs: list[tuple[str, Target]]) -> Iterator[tuple[str, str, Target]]:
    """Yield attacks without end: the seed of each, its name and its target; each pair once before any comes again.

    A seed with a ``/`` is that of a single attack, which is repeated.
    """
    chance = random.Random(seed)
    number = 0
    while True:
        first = chance.sample(all_pairs, len(all_pairs)) if number == 0 else [chance.choice(all_pairs)]
        for name, target in first:
            number += 1
            yield seed if "/" in seed else f"{seed}/{number}", name, target
