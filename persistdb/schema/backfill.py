"""Rows that a change of the schema fills after it, in batches, beside programs that write.

A revision that adds a column for rows that are there declares ``FILLS``: the table and the key by which its rows are
gone through, and an UPDATE of those with a key behind ``:behind`` and up to ``:last``. What is done is in
``schema_backfill``, in the transaction of each batch: whoever is interrupted, or several at once, goes on there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, delete, select, table, text, update
from sqlalchemy.exc import SQLAlchemyError

from ..engines import waiting
from ..validation import check_count
from . import support, version
from .core import schema_backfill as _places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection

    from ..db.database import Database

BATCH: Final = 1000
"""Rows that are filled in one transaction, if nothing else is said: no program waits longer for it than for a save."""

_SHARE: Final = 0.5  # of the time is spent on batches: the rest is the programs'
_EVERY: Final = 5.0  # seconds somebody is told how far it is
_LAST: Final = 2**63 - 1


@dataclass(frozen=True)
class Filling:
    """A table that a revision fills, and the key of the last row that it has come to."""

    revision: str
    table: str
    behind: int


def pending(database: Database) -> list[Filling]:
    """Return what is still to be filled, in the order in which it is."""
    found = version.current(database)
    if found is None or found < support.FIRST:
        return []
    try:
        with database.reader.connect() as connection:
            rows = connection.execute(select(_places).order_by(*_places.primary_key))
            return [Filling(*row) for row in rows]
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error


def fill(database: Database, *, batch: int = BATCH, progress: Callable[[Filling], None] | None = None) -> None:
    """Fill all that is to be filled, ``batch`` rows in a transaction, and half of the time nothing.

    Programs may write meanwhile; several may do this at once. ``progress`` is called every five seconds. Raises
    :class:`~persistdb.errors.Busy`, :class:`~persistdb.errors.Unavailable` and the like: what was done before stays
    done.
    """
    check_count("batch", batch, 1)
    fillings = pending(database)
    if not fillings:
        return
    from .revisions import history  # Alembic, which whoever only asks does without

    told = time.monotonic()
    declared = {
        (each.id, name.partition(".")[0]): (name.partition(".")[2], statement)
        for each in history()
        for name, statement in each.backfill.items()
    }
    for filling in fillings:
        if (filling.revision, filling.table) not in declared:
            continue  # a newer program's, which may still be at it
        key, statement = declared[filling.revision, filling.table]
        left: Filling | None = filling
        while left is not None:
            start = time.monotonic()
            left = _fill_batch(database, left, key, statement, batch)
            if left is not None:
                if progress is not None and start - told >= _EVERY:
                    progress(left)
                    told = start
                waiting.pause((time.monotonic() - start) * (1 / _SHARE - 1))


def _fill_batch(database: Database, filling: Filling, key: str, statement: str, batch: int) -> Filling | None:
    """Fill the next rows, and return where it has come to; ``None`` when the table is done."""
    here = (_places.c.revision == filling.revision) & (_places.c.table_name == filling.table)
    for attempt in database.attempts():
        try:
            with database.writer.begin() as connection:
                behind = connection.scalar(select(_places.c.behind).where(here).with_for_update())
                if behind is None:
                    return None  # another was faster
                last = _end_of_batch(connection, filling.table, key, behind, batch)
                connection.execute(text(statement), {"behind": behind, "last": _LAST if last is None else last})
                connection.execute(delete(_places).where(here) if last is None else _came_to(here, last))
        except (SQLAlchemyError, OSError) as error:
            failure = database.failure(error)
            failure.__cause__ = error
            if attempt > database.retries or not database.may_succeed_if_repeated(failure):
                raise failure from error
        else:
            return None if last is None else Filling(filling.revision, filling.table, last)
    raise AssertionError


def _came_to(here: Any, last: int) -> Any:
    return update(_places).where(here).values(behind=last)


def _end_of_batch(connection: Connection, name: str, key: str, behind: int, batch: int) -> int | None:
    """Return the key of a batch's last row; ``None`` for the last batch."""
    of_table = table(name, column(key))
    following = select(of_table.c[key]).where(of_table.c[key] > behind).order_by(of_table.c[key])
    last: int | None = connection.scalar(following.limit(1).offset(batch - 1))
    return last


def describe(fillings: Sequence[Filling]) -> str:
    """Say what is still to be filled; nothing for nothing."""
    return ", ".join(f"{each.table} ({each.revision})" for each in fillings)
