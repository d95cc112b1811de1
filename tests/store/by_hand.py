"""Units of work run by hand: a test looks at the yielded calls and sends the answers, without a database."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from persistdb import Database
from persistdb.db.work import Answer
from persistdb.store.compiled import Compiled
from persistdb.store.recorded_versions import RecordedVersions
from persistdb.store.recording import Recording
from persistdb.store.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from persistdb.db.work import Call, Work

# A Database opens nothing before its first use, and these tests never use it.
DATABASE = Database("sqlite://")
COMPILED = Compiled(DATABASE)
STATEMENTS = COMPILED.statements


def _names() -> Iterator[tuple[int, str]]:
    tables = ("mount", "device_map", "process")
    kinds = ((Statements, STATEMENTS), (Recording, COMPILED.recording), (RecordedVersions, COMPILED.recording))
    for kind, statements in kinds:
        for name, value in vars(kind).items():
            if isinstance(value, cached_property) and not name.endswith("_json"):
                made = getattr(statements, name)
                if not isinstance(made, tuple):
                    yield id(made), name
                elif len(made) == len(tables):
                    yield from ((id(one), f"{name}: {table}") for one, table in zip(made, tables, strict=True))
                else:
                    yield from ((id(one), f"{name}: {number}") for number, one in enumerate(made))
    *recorded, last = COMPILED.transition
    yield from ((id(one), f"transition: {number}") for number, one in enumerate(recorded))
    yield id(last), "transition"


NAMES = dict(_names())


_OF_STATEMENTS = {name.partition(":")[0] for name in vars(Statements)} | {"transition"}


def _is_recording(call: Call) -> bool:
    name = NAMES.get(id(call.statement))
    return name is not None and (name.startswith("transition: ") or name.partition(":")[0] not in _OF_STATEMENTS)


class Run:
    """A unit of work in progress: the calls that it has yielded together and waits for.

    Statements that record are answered by themselves: ``recorded`` has their names.
    """

    def __init__(self, unit: Work[Any]) -> None:
        self._unit = unit
        self.recorded: list[str] = []
        self._all: Sequence[Call] = ()
        self._wait(next(unit))

    def _wait(self, calls: Sequence[Call]) -> None:
        self._all = calls
        self.recorded += [NAMES[id(call.statement)] for call in calls if _is_recording(call)]
        self.calls = [call for call in calls if not _is_recording(call)]
        if not self.calls:
            self._wait(self._unit.send([changed() for _ in calls]))

    def _answers(self, given: Sequence[Answer]) -> list[Answer]:
        own = iter(given)
        return [changed() if _is_recording(call) else next(own) for call in self._all]

    @property
    def names(self) -> list[str]:
        """The names of the statements that it waits for."""
        return [NAMES[id(call.statement)] for call in self.calls]

    def rows(self, i: int = 0) -> list[list[Any]]:
        """Return the rows of the i-th call: its one parameter, or one row whose values are its parameters."""
        parameters = self.calls[i].parameters
        if "rows" not in parameters:
            return [list(parameters.values())]
        return msgspec.json.decode(str(parameters["rows"]), type=list[list[Any]])

    def goes_on(self, *answers: Answer) -> None:
        """Send answers; the unit must yield more calls."""
        self._wait(self._unit.send(self._answers(answers)))

    def ends(self, *answers: Answer) -> Any:
        """Send answers; the unit must end. Return its result."""
        with pytest.raises(StopIteration) as end:
            self.goes_on(*answers)
        return end.value.value

    def goes_on_after(self, error: Exception) -> None:
        """Raise an error at the place where the unit waits; the unit must yield more calls."""
        self._wait(self._unit.throw(error))

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
