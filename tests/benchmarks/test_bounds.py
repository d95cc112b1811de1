"""What a ratio is measured against: its bound, and what we aim at."""

from __future__ import annotations

import pytest

from benchmarks.bounds import BOUNDS
from benchmarks.floor.base import Floor
from benchmarks.ours import Ours
from benchmarks.results import compared, table
from benchmarks.timing import Timed


@pytest.mark.parametrize(("engine", "aim"), [("sqlite", 1.25), ("postgresql", 1.5), ("mariadb", 1.5)])
def test_a_row_has_its_aim(engine: str, aim: float) -> None:
    """A row of a run has what is aimed at beside its bound; for a save that is more on a server than on a file."""
    times = {Ours.name: Timed([1.3]), Floor.name: Timed([1.0]), "ORM unit of work": Timed([9.0])}
    row = compared(engine, "save", 1000, times, 4, 15)
    assert (row.aim, row.bound, row.passed) == (aim, 2.2, True)
    head, _, line = (cells.split("|") for cells in table([row]).splitlines())
    named = dict(zip(map(str.strip, head), map(str.strip, line), strict=True))
    assert (named["ratio"], named["aim"], named["at most"]) == ("1.30", f"{aim:.2f}", "2.20")


def test_no_aim_is_above_its_bound() -> None:
    """What is aimed at is no more than what is allowed."""
    assert [name for name, bound in BOUNDS.items() if max(bound.aim, bound.aim_on(server=True)) > bound.most] == []
