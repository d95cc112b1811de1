"""What every engine must tell us: how to connect, how to say a few things in its SQL, what its errors mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import ColumnElement, String, Subquery, literal_column, null
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Delete, Engine, Insert, Select, Table, TextClause
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.pool import PoolProxiedConnection

    from ..errors import DatabaseError


@dataclass(frozen=True)
class Timeouts:
    """Seconds that persistdb waits: for a connection, for a row or file that others hold, for a statement."""

    connect: float = 10.0
    busy: float = 5.0
    statement: float = 30.0
    pool: float = 10.0


@dataclass(frozen=True)
class ErrorRule:
    """One row of an engine's error table: a driver's error and what it means to a caller.

    ``code`` is the engine's own (``sqlite_errorname``, SQLSTATE, errno; ``""`` for none); ``text`` narrows it where one
    code stands for several things; ``example`` is the real message that the row was made for. ``retry`` says that the
    same unit of work may well succeed if it is run again.
    """

    code: str
    error: type[DatabaseError]
    example: str
    text: str = ""
    retry: bool = False

    def fits(self, code: str, message: str) -> bool:
        """Whether an error with this code and message is the one that the rule is for."""
        return code == self.code and self.text in message


def literal_text(value: str) -> ColumnElement[str]:
    """Write a constant of ours into a statement, where an engine needs to see it to know its type."""
    return literal_column("'" + value.replace("'", "''") + "'", String)


Column = tuple[str, TypeEngine[Any]]
JSONPath = tuple[str, ...]
"""The keys that lead to a value in a JSON document."""


@dataclass(frozen=True)
class JSONValue:
    """A text, or an integer, at the first of these paths that leads to one."""

    paths: Sequence[JSONPath]
    integer: bool = False


@dataclass(frozen=True)
class JSONItems:
    """What stands in FROM, as ``item``, and the expressions of a row's place in the list, from 1 on, and its values."""

    source: str
    position: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class JSONRows:
    """The rows of a table that a document has as a list.

    ``order`` is the column that they are sorted by, ``number`` an integer that differs in each.
    """

    table: str
    alias: str
    where: str
    order: str
    number: str


INT64_MAX = (1 << 63) - 1

MISSING, CHANGED = "is missing", "was changed"


def json_path(path: JSONPath) -> str:
    """Spell a path as SQLite and MariaDB read it; the keys are constants of ours."""
    return "$" + "".join(f'."{key}"' for key in path)


def first_of(values: Sequence[str]) -> str:
    """The first of these expressions that is not NULL."""
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


class Backend(ABC):
    """All that is particular to one engine; one instance for a :class:`~persistdb.db.database.Database`."""

    name: ClassVar[str]
    drivername: ClassVar[str]
    error_rules: ClassVar[Sequence[ErrorRule]]

    # --- connecting

    @abstractmethod
    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Make the engine: connections in autocommit, so that nothing is sent before the first statement."""

    def would_create(self, url: URL) -> bool:  # noqa: ARG002  some engines need it
        """Whether there is nothing yet, and to connect would make it."""
        return False

    @abstractmethod
    def begin_sql(self, *, write: bool) -> str:
        """The statement that starts a transaction."""

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  some engines need it
        """Send what is executed within it without waiting for the answers, where the driver can."""
        return nullcontext()

    def execute(self, cursor: Any, sql: str, values: Any, pooled: PoolProxiedConnection) -> None:  # noqa: ARG002  one needs it
        """Run a fixed statement on a cursor of a pooled connection."""
        cursor.execute(sql, values)

    # --- errors

    @abstractmethod
    def error_code(self, error: BaseException) -> str:
        """Give the engine's code of a driver's exception, ``""`` if it has none."""

    @abstractmethod
    def violated(self, error: BaseException) -> str | None:
        """Name the unique or foreign key that an exception of the driver speaks of, ``None`` if it isn't about one."""

    @abstractmethod
    def is_missing_table(self, error: BaseException) -> bool:
        """Whether an exception of the driver says that there is no such table."""

    def detail(self, error: BaseException) -> str:
        """The engine's own message, in one line; drivers put no password into it."""
        return " ".join(str(error).split())

    def rule(self, error: BaseException) -> ErrorRule | None:
        """Find the row of the error table that fits an exception of the driver."""
        code, message = self.error_code(error), str(error)
        return next((rule for rule in self.error_rules if rule.fits(code, message)), None)

    # --- statements

    @abstractmethod
    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read a JSON array of arrays, given as one bound parameter, as rows with these columns."""

    def opaque_parameter(self, parameter: str) -> ColumnElement[Any]:
        """Write a parameter, where an engine should not plan by its value."""
        return literal_column(f":{parameter}")

    # Documents are SQL text: their parts are constants of ours, and SQLAlchemy has no words for most of them.

    def json_object(self, pairs: Mapping[str, str]) -> str:
        """Build a JSON object of expressions; JSON in it comes from :meth:`json_value` and the like."""
        parts = ", ".join(f"'{key}', {value}" for key, value in pairs.items())
        return f"json_object({parts})"

    def json_source(self, column: str) -> str:
        """Embed a JSON column as the text that it was written with."""
        return column

    def json_text(self, document: str) -> str:
        """Give a JSON document as text to the driver, which would decode it otherwise."""
        return document

    lists_are_numbered: ClassVar[bool] = False
    """Whether :meth:`json_list` gives objects, which some engine makes sooner than arrays."""

    @abstractmethod
    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build a JSON array with an object for each row, in order; ``[]`` for no row.

        Numbered, it is an object instead: those objects by their row's number, in no order; NULL for no row.
        """

    @abstractmethod
    def json_value(self, column: str) -> str:
        """Embed a JSON column as JSON rather than as a string."""

    @abstractmethod
    def utc_text(self, column: str) -> str:
        """Write a timestamp as ISO 8601 with microseconds and ``Z``; NULL stays NULL."""

    @abstractmethod
    def concat(self, *parts: str) -> str:
        """Join texts; NULL if one of them is."""

    drop_temporary_table: ClassVar[str] = "DROP TABLE"

    # --- views: SQL text, too

    create_view: ClassVar[str] = "CREATE VIEW"
    view_functions: ClassVar[Mapping[str, str]] = {}
    """The functions that views call, as ``name(types)``, and the statements that make them."""

    int64: ClassVar[str] = "integer"
    """What CAST calls a number of 64 bits."""

    def bytewise(self, text: str) -> str:
        """Compare a text that a view makes byte by byte, as the tables' columns are."""
        return text

    def contains(self, text: str, part: str) -> str:
        """Whether a text has this constant in it; upper and lower case differ."""
        return f"instr({text}, '{part}') > 0"

    @abstractmethod
    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read the first of these lists that a JSON document has, an entry a row, with these values of each.

        No document, one that is no JSON, and one without such a list have no rows, and are no errors. A value that is
        missing or of another type is NULL; an integer beyond 64 bits, which Go's uint64 may be, is the greatest one.
        """

    def function_faults(self, connection: Connection) -> dict[str, str]:  # noqa: ARG002  some engines need it
        """Return the faults of :attr:`view_functions` by name, :data:`MISSING` or :data:`CHANGED`; change nothing.

        The connection's transaction must have had no statement before. Raises :class:`ViewsNotComparable`.
        """
        return {}

    @abstractmethod
    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Return the names of the views, all of them in the database, whose definition is not this SELECT.

        Engines rewrite definitions, so the engine's rendering of both is compared. Nothing is changed.
        Raises :class:`ViewsNotComparable`.
        """

    @abstractmethod
    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Insert what a SELECT gives, column by column in the table's order, over rows with the same primary key.

        A clash with another unique key is an error.
        """

    @abstractmethod
    def delete_matching(self, table: Table, rows: Subquery, columns: Sequence[str]) -> Delete:
        """Delete the rows that have the same values in these columns as one of ``rows``."""

    def next_id(self, table: Table) -> ColumnElement[Any]:  # noqa: ARG002  some engines need it
        """Take the key of a row before it is inserted; NULL where only the insert tells it."""
        return null()

    def new_id(self, table: Table, given: ColumnElement[int]) -> ColumnElement[int]:  # noqa: ARG002  some engines need it
        """Give the key for a row to insert: the given one, or where that is NULL the next."""
        return given

    # --- one statement that reads

    @abstractmethod
    def read_only(self, engine: Engine, timeout: float, limit: int | None) -> AbstractContextManager[Any]:
        """Give a cursor of the driver that can only read, on a connection that is used for nothing else.

        It runs for ``timeout`` seconds at the most; of more than ``limit`` rows it gives one more, or all.
        """

    def effect(self, cursor: Any, sql: str) -> str:  # noqa: ARG002  some engines need them
        """Name what in a SELECT does more than read although the engine would allow it; ``""`` for nothing."""
        return ""

    # --- locks

    @abstractmethod
    def lock(self, engine: Engine, name: str, *, shared: bool, timeout: float) -> HeldLock:
        """Take a lock by name, shared or exclusive, and hold it until released or until the process dies.

        Raises :class:`LockUnavailable` when the time is over.
        """


class HeldLock(ABC):
    """A lock that is held."""

    @abstractmethod
    def release(self) -> bool:
        """Let go; false if it was not held any more."""


class ConnectionLock(HeldLock):
    """A lock that a server gives to a session: it ends with the connection, however that ends."""

    def __init__(self, connection: Connection, release: TextClause, parameters: Mapping[str, object]) -> None:
        self._connection, self._release, self._parameters = connection, release, parameters

    def release(self) -> bool:
        """Let go and close the session; false if the server says that the lock was lost, or can't be asked."""
        if self._connection.closed:
            return False
        try:
            return bool(self._connection.execute(self._release, dict(self._parameters)).scalar_one())
        except DBAPIError:
            return False
        finally:
            self._connection.close()


class ViewsNotComparable(Exception):
    """This user or server does not allow to compare definitions; ``remedy`` says what would."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


class LockUnavailable(Exception):
    """Others hold the lock; ``holders`` names them."""

    def __init__(self, holders: Sequence[str]) -> None:
        super().__init__(holders)
        self.holders = holders
