"""The widths of a table's columns on a narrow terminal."""

from __future__ import annotations

import pytest

from persistdb.cli.columns import Column
from persistdb.cli.widths import GAP, fit

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
