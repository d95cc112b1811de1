"""The order in which an engine lets events be read so that none is missed.

IDs are given before commits, and transactions commit out of order: a reader that remembers the greatest ID passes over
what a transaction with smaller ones commits later. So events are read up to where nothing can come in between any more.
"""

from __future__ import annotations

from typing import NamedTuple


class EventOrder(NamedTuple):
    """An order of events, and up to where it is settled.

    ``columns`` of ``event`` are the order. ``settled`` is the condition of the rows before which no other can appear.
    Where no condition says so, ``see_all`` is the statement that lets the connection's next one read what is not
    committed, too: then the order is settled before the first such row. ``unfit`` is a query that returns a text for
    each reason for which this server gives no such order, and ``repairs`` are statements that undo what can be undone.
    """

    columns: tuple[str, ...] = ("id",)
    settled: str = "1 = 1"
    see_all: str | None = None
    unfit: str | None = None
    repairs: tuple[str, ...] = ()
