"""Units of work: generators that yield statements and are sent the answers.

A unit of work knows no connection. It yields the calls that don't need each other's answers together, one round trip
where the driver can, and goes on with their answers; the driver's errors, and those of the decoder of an answer, are
raised where it yields. Whoever has a connection runs it, so there is one body for each unit of work, whatever color the
connection has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from ..engines.base import ParameterStyle

T = TypeVar("T")
D = TypeVar("D")

PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""A parameter of a statement, ``:name``, but not ``::type``."""


def parameters_of(sql: str) -> list[str]:
    """Return the names of the parameters of a statement, as often as they are in it."""
    return PARAMETER.findall(sql)


class Statement:
    r"""A fixed statement in the driver's own words.

    Its parameters are written ``:name``, and a colon that begins none ``\:``, as SQLAlchemy's ``text()`` has it.
    """

    __slots__ = ("names", "order", "sql")

    def __init__(self, sql: str, style: ParameterStyle) -> None:
        self.names: tuple[str, ...] | None = None
        """The parameters in their order, for a driver that numbers them; ``None`` for one that knows names."""
        if style in ("format", "pyformat"):
            sql = sql.replace("%", "%%")
        if style == "pyformat":
            sql = PARAMETER.sub(r"%(\1)s", sql)
        elif style != "named":
            self.names = tuple(parameters_of(sql))
            sql = PARAMETER.sub("?" if style == "qmark" else "%s", sql)
        self.sql = sql if style == "named" else sql.replace("\\:", ":")
        self.order: Callable[[Mapping[str, object]], Any] | None = None
        """A function that puts named values in this order, where that is needed."""
        if self.names is not None:
            self.order = itemgetter(*self.names) if len(self.names) > 1 else _few(self.names)


def _few(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], Any]:
    """Do what ``itemgetter`` does for several names only."""
    if not names:
        return lambda _: ()
    (name,) = names
    return lambda values: (values[name],)


class Call(msgspec.Struct, frozen=True, gc=False):
    """A statement to run, with its parameters.

    With ``decode`` its rows hold one JSON payload each, which is decoded as it comes, while it is in the CPU's cache.
    ``is_checked``: every engine can store the text of its parameters, as whoever encoded them has seen.
    """

    statement: Statement
    parameters: Mapping[str, object]
    decode: Callable[[str], Any] | None = None
    is_checked: bool = False


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a statement returned: its rows, decoded where the call says so, and how many rows it changed or returned."""

    rows: Sequence[Any]
    number: int


Work = Generator[Sequence[Call], Sequence[Answer], T]
"""A unit of work that gives a ``T`` in the end."""


class Runner(Protocol):
    """Whoever runs units of work: a database, each in a transaction of its own, or a transaction that holds several."""

    def read(self, work: Callable[[], Work[T]]) -> T:
        """Run a unit of work that reads with one statement."""
        ...

    def write(
        self,
        work: Callable[[], Work[T]],
        *,
        verify: Callable[[T], Work[bool | None]] | None = None,
        refs: Sequence[str] = (),
    ) -> T:
        """Run a unit of work that is done as a whole or not at all."""
        ...

    def change(
        self, work: Callable[[], Work[None]], *, verify: Callable[[None], Work[bool | None]], refs: Sequence[str]
    ) -> None:
        """Run a unit of work that changes something with one statement; ``verify`` is as for :meth:`write`."""
        ...

    def attempts(self) -> Iterator[int]:
        """Number the attempts at what others may be faster at; raises :class:`~persistdb.errors.Busy` in the end."""
        ...


def rows(statement: Statement, parameters: Mapping[str, object]) -> Work[Sequence[tuple[Any, ...]]]:
    """Return all rows of a statement."""
    (answer,) = yield (Call(statement, parameters),)
    return answer.rows


def value(statement: Statement, parameters: Mapping[str, object]) -> Work[Any]:
    """Return the first value of a statement's one row, ``None`` without a row."""
    (answer,) = yield (Call(statement, parameters),)
    return answer.rows[0][0] if answer.rows else None


def decoded(statement: Statement, parameters: Mapping[str, object], decode: Callable[[str], D]) -> Work[Sequence[D]]:
    """Return the decoded payloads of a statement's rows."""
    (answer,) = yield (Call(statement, parameters, decode),)
    return answer.rows


def changed(statement: Statement, parameters: Mapping[str, object]) -> Work[int]:
    """Return how many rows a statement changed."""
    (answer,) = yield (Call(statement, parameters),)
    return answer.number


def repeat(_: object) -> Work[bool | None]:
    """Say of a commit whose answer was lost that it did not take effect, where to make it again does no harm."""
    yield from ()
    return False
