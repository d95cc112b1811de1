"""Units of work run by hand: a test looks at the yielded calls and sends the answers, without a database."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from persistdb import Database
from persistdb.db.work import Answer
from persistdb.store.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from persistdb.db.work import Call, Work

# A Database opens nothing before its first use, and these tests never use it.
DATABASE = Database("sqlite://")
STATEMENTS = Statements(DATABASE.backend, DATABASE.engine.dialect)


def _names() -> Iterator[tuple[int, str]]:
    for name, value in vars(Statements).items():
        if isinstance(value, cached_property) and not name.endswith("_json"):
            made = getattr(STATEMENTS, name)
            tables = ("mount", "device_map", "process")
            yield from (
                ((id(one), f"{name}: {table}") for one, table in zip(made, tables, strict=True))
                if isinstance(made, tuple)
                else [(id(made), name)]
            )


NAMES = dict(_names())


class Run:
    """A unit of work in progress: the calls that it has yielded together and waits for."""

    def __init__(self, unit: Work[Any]) -> None:
        self._unit = unit
        self.calls: Sequence[Call] = next(unit)

    @property
    def names(self) -> list[str]:
        """The names of the statements that it waits for."""
        return [NAMES[id(call.statement)] for call in self.calls]

    def rows(self, i: int = 0) -> list[list[Any]]:
        """Return the rows that are the parameter of the i-th call."""
        return msgspec.json.decode(str(self.calls[i].parameters["rows"]), type=list[list[Any]])

    def goes_on(self, *answers: Answer) -> None:
        """Send answers; the unit must yield more calls."""
        self.calls = self._unit.send(answers)

    def ends(self, *answers: Answer) -> Any:
        """Send answers; the unit must end. Return its result."""
        with pytest.raises(StopIteration) as end:
            self._unit.send(answers)
        return end.value.value

    def goes_on_after(self, error: Exception) -> None:
        """Raise an error at the place where the unit waits; the unit must yield more calls."""
        self.calls = self._unit.throw(error)

    def fails_on(self, error: Exception) -> None:
        """Raise an error at the place where the unit waits."""
        self._unit.throw(error)


def answer(*rows: Any) -> Answer:
    """Return the answer of a statement that found these rows."""
    return Answer(rows, len(rows))


def changed(number: int = 1) -> Answer:
    """Return the answer of a statement that changed this number of rows."""
    return Answer((), number)


NOTHING = answer()
