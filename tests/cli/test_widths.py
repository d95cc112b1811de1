"""The widths of a table's columns on a narrow terminal."""

from __future__ import annotations

import pytest

from persistdb.cli.columns import Column
from persistdb.cli.widths import GAP, fit, fold

COLUMNS = (
    Column("host", "HOST", stays=True),
    Column("sid", "SANDBOX", is_id=True, stays=True),
    Column("cid", "CONTAINER", is_id=True, stays=True),
    Column("state", "STATE", stays=True),
    Column("pid", "PID", is_number=True),
    Column("bundle", "BUNDLE", shrinks=True),
    Column("updated", "UPDATED"),
)
NATURAL = (6, 12, 12, 7, 5, 120, 8)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, [6, 12, 12, 7, 5, 120, 8]),
        (80, [6, 12, 12, 7, 5, 18, 8]),
        (66, [6, 10, 10, 7, 5, 8, 8]),
        (57, [6, 11, 10, 7, 5, None, 8]),
        (45, [6, 12, 9, 7, 5, None, None]),
        (35, [6, 8, 8, 7, None, None, None]),
    ],
)
def test_fit(width: int, shown: list[int | None]) -> None:
    """Long texts are narrowed first, then IDs; then columns are left out, never the host, the IDs or the state."""
    widths = fit(COLUMNS, NATURAL, width)
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= width
    assert {place for place, width in enumerate(shown) if width is not None} == set(widths)
    if width >= 66:
        assert list(widths.values()) == shown


@pytest.mark.parametrize("width", [1, 5, 10, 14])
def test_no_room_at_all(width: int) -> None:
    """Where even these have no room, they are narrowed to a character each."""
    widths = fit(COLUMNS, NATURAL, width)
    assert set(widths) == {0, 1, 2, 3}
    assert sum(widths.values()) + GAP * 3 <= max(width, 10)
    assert fit((Column("x", "X"),), [50], width) == {0: width}
    assert fit((), (), width) == {}


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (200, [6, 12, 12, 7, 5, 120, 8]),
        (80, [6, 12, 12, 7, 5, 18, 8]),
        (66, [6, 10, 10, 7, 5, 8, 8]),
        (64, [6, 9, 9, 7, 5, 8, 8]),
        (63, [6, 8, 9, 7, 5, 8, 8]),
        (62, None),
    ],
)
def test_fold(width: int, widths: list[int] | None) -> None:
    """To fold values, long texts and then IDs are narrowed, none below its heading; no column is left out."""
    folded = fold(COLUMNS, NATURAL, [len(column.heading) for column in COLUMNS], width)
    assert (None if folded is None else list(folded.values())) == widths


def test_fold_leaves_numbers_whole() -> None:
    """Of other columns all but numbers are narrowed, if nothing else is left."""
    columns = (Column("n", "N", is_number=True), Column("updated", "UPDATED"))
    assert fold(columns, (20, 20), (1, 7), 30) == {0: 20, 1: 8}
    assert fold(columns, (20, 20), (1, 7), 29) is None
    assert fold((), (), (), 1) == {}
