"""The order of an answer's rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from persistdb.errors import InvalidValue
from persistdb.reports.ordering import ordered
from persistdb.reports.readonly import Rows

DAY = datetime(2026, 1, 31, tzinfo=UTC)
ANSWER = Rows(["a", "b"], [["x", 1], [None, 2], [10, 3], ["é", 4], [9, 5], ["Z", 6], [True, 7], [DAY, 8]], is_cut=False)


def test_any_values() -> None:
    """NULL comes first, then numbers, times and text, by code points; the reverse keeps equal rows in their order."""
    assert [row[1] for row in ordered(ANSWER, "a").rows] == [2, 7, 5, 3, 8, 6, 1, 4]
    assert [row[1] for row in ordered(ANSWER, "-a").rows] == [4, 1, 6, 8, 3, 5, 7, 2]
    alike = Rows(["a", "b"], [[1, 1], [1, 2], [2, 3]], is_cut=False)
    assert [row[1] for row in ordered(alike, "-a").rows] == [3, 1, 2]


@pytest.mark.parametrize(("limit", "is_cut"), [(None, False), (7, True), (8, False), (9, False)])
def test_cut_after_sorting(limit: int | None, is_cut: bool) -> None:
    """The rows are cut once they are sorted, and the answer says whether there are more."""
    answer = ordered(ANSWER, "-b", limit)
    assert [row[1] for row in answer.rows] == list(range(8, 0, -1))[:limit]
    assert answer.is_cut == is_cut


@pytest.mark.parametrize("sort", ["", "-", "c", "--a", "A"])
def test_unknown(sort: str) -> None:
    """A column that the answer does not have is refused, and the error lists its columns."""
    with pytest.raises(InvalidValue, match="use one of a, b, with - before it for the reverse"):
        ordered(ANSWER, sort)
