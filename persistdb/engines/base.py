"""The interface of an engine: connecting, the SQL that differs, the meaning of errors, locks, care of the schema."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import msgspec

from .deadlines import Bounded, after
from .events import EventOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import ColumnElement, Delete, Engine, Insert, Select, Subquery, Table
    from sqlalchemy.engine import URL, Connection, Dialect
    from sqlalchemy.pool import PoolProxiedConnection, QueuePool
    from sqlalchemy.types import TypeEngine

    from ..errors import DatabaseError
    from .file import DatabaseFile
    from .plain import Connections

    Column = tuple[str, TypeEngine[Any]]

T = TypeVar("T")


@dataclass(frozen=True)
class Timeouts:
    """Seconds that persistdb waits: for a connection, for a row or file that others hold, for a statement.

    ``statement`` bounds each statement on a server, and on MariaDB all that are sent as one, as for a change of state;
    on SQLite each read, with its wait for the file, and each query of ``sql`` and reports. ``call`` bounds a unit
    of work as a whole (a get, a save, each batch of a bulk save): connecting, waiting, statements and retries end
    within it, whatever the server does.

    ``idle`` is no wait: a connection to a server that nobody used for so long is closed when another is returned to the
    pool, so that a program that is busy now and then keeps one.

    ``lease`` is no wait either: a lock whose holder has not renewed it for so long is over. It is renewed three times
    in that time.
    """

    connect: float = 10.0
    busy: float = 5.0
    statement: float = 30.0
    pool: float = 10.0
    call: float = 30.0
    idle: float = 60.0
    lease: float = 15.0


@dataclass(frozen=True)
class ErrorRule:
    """One row of an engine's error table: a driver's error and what it means to a caller.

    ``code`` is the engine's own (``sqlite_errorname``, SQLSTATE, errno; ``""`` for none); ``text`` narrows it where one
    code stands for several things; ``example`` is the real message that the row was made for. ``retry`` says that the
    same unit of work may well succeed if it is run again, ``waits`` that the engine may have waited for as long as
    ``Timeouts.busy`` before: then it is not. ``within`` says that the same holds within a transaction, once a
    savepoint has undone the unit of work. ``away`` says that the server does not let anybody connect just now, and may
    be back soon: connecting is tried again (:mod:`.patience`); with ``retry`` it refuses statements, too.
    """

    code: str
    error: type[DatabaseError]
    example: str
    text: str = ""
    retry: bool = False
    waits: bool = False
    within: bool = False
    away: bool = False

    def fits(self, code: str, message: str) -> bool:
        """Return whether the rule is for an error with this code and message."""
        return code == self.code and self.text in message


ParameterStyle = Literal["qmark", "format", "pyformat", "named"]
"""How a driver has parameters written: ``?``, ``%s``, ``%(name)s`` or ``:name`` (PEP 249, paramstyle)."""

JSONPath = tuple[str, ...]
"""The keys that lead to a value in a JSON document."""


@dataclass(frozen=True)
class JSONValue:
    """A text, or an integer, at the first of these paths that leads to one."""

    paths: Sequence[JSONPath]
    integer: bool = False


@dataclass(frozen=True)
class JSONItems:
    """The entries of a list as a table ``item``: its text in FROM, an entry's place from 1 on, and its values."""

    source: str
    position: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class JSONRows:
    """The rows of a table that a document has as a list.

    ``order`` is the column that they are sorted by, ``number`` an integer that differs in each. ``other`` is a second
    table that has some of the rows, with the condition for them, in the same alias. ``clustered``: the columns that
    ``where`` compares and ``order`` are the table's primary key, in this order.
    """

    table: str
    alias: str
    where: str
    order: str
    number: str
    other: tuple[str, str] | None = None
    clustered: bool = False

    def also(self, condition: str) -> JSONRows:
        """Return those of the rows for which a condition holds, too."""
        other = self.other and (self.other[0], f"{self.other[1]} AND {condition}")
        return replace(self, where=f"{self.where} AND {condition}", other=other)

    def sources(self) -> Sequence[str]:
        """Write what comes after FROM, for each table."""
        tables = [(self.table, self.where), *([self.other] if self.other else ())]
        return [f"{table} AS {self.alias} WHERE {where}" for table, where in tables]

    def source(self, *expressions: str) -> str:
        """Write what comes after FROM for all rows, for expressions that are made of their columns."""
        sources = self.sources()
        if len(sources) == 1:
            return sources[0]
        names = [f"{self.alias}.{self.order}", *re.findall(rf"\b{self.alias}\.\w+", " ".join(expressions))]
        columns = ", ".join(dict.fromkeys(names))
        return f"({' UNION ALL '.join(f'SELECT {columns} FROM {each}' for each in sources)}) AS {self.alias}"


@dataclass(frozen=True)
class Role:
    """What a kind of user may do: select from tables and views, and select from tables and write their rows."""

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()


INT64_MAX = (1 << 63) - 1

MISSING, CHANGED = "is missing", "was changed"


def check_names(url: URL, known: Collection[str], lists: Collection[str] = ()) -> None:
    """Refuse options of a URL that are not among the known ones, or given twice; raises :class:`ValueError`."""
    for name, value in url.query.items():
        if name not in known:
            raise ValueError(f"unknown option {name!r}")
        if not isinstance(value, str) and name not in lists:
            raise ValueError(f"option {name!r} is given twice")


def check_numbers(url: URL, names: Collection[str]) -> None:
    """Refuse options of a URL whose value is not a whole number; raises :class:`ValueError`."""
    for name in names:
        value = url.query.get(name, "0")
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise ValueError(f"option {name!r} must be a whole number")


def json_path(path: JSONPath) -> str:
    """Spell a path as SQLite and MariaDB read it; the keys are constants of ours."""
    return "$" + "".join(f'."{key}"' for key in path)


def first_of(values: Sequence[str]) -> str:
    """Write an expression for the first of these that is not NULL."""
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def native(driver: Any) -> Any:
    """Return the driver's own connection, which SQLAlchemy wraps where the driver is for asyncio."""
    return getattr(driver, "driver_connection", driver)


class Backend(ABC):
    """All that is particular to one engine; one instance for a :class:`~persistdb.db.database.Database`.

    SQLAlchemy is imported by the methods that need it: a command that runs fixed statements on a file does without.
    """

    timeouts: Timeouts = Timeouts()
    """The timeouts of its engine, from :meth:`create_engine` on."""
    engine_options: Mapping[str, Any] = {}
    """What SQLAlchemy's ``create_engine`` is given beside what persistdb needs."""

    name: ClassVar[str]
    drivername: ClassVar[str]
    style: ClassVar[ParameterStyle]
    error_rules: ClassVar[Sequence[ErrorRule]]

    # --- connecting

    def new_engine(self, url: URL, **options: Any) -> Engine:
        """Let SQLAlchemy make the engine, of the color of this class."""
        from sqlalchemy import create_engine

        return create_engine(url, **{**options, **self.engine_options})

    @property
    def pool_class(self) -> type[QueuePool]:
        """The class of the engine's pool."""
        from .pool import Pool

        return Pool

    def abandon(self, pooled: PoolProxiedConnection) -> None:
        """Give up a connection in whose use its user was interrupted, in the middle of an answer perhaps."""
        pooled.invalidate()

    @contextmanager
    def abandoning(self, connection: Connection) -> Iterator[None]:
        """Give up a connection of SQLAlchemy if its user is interrupted meanwhile: a task cancelled, a key pressed.

        Where a transaction begins, SQLAlchemy would return it to the pool as it is.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            if not connection.invalidated:  # SQLAlchemy may have seen it itself
                pooled = connection.connection
                self.abandon(pooled)
                if not pooled.is_valid:
                    connection.invalidate()  # so that it knows
            raise

    @abstractmethod
    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Create the engine: connections in autocommit, so that nothing is sent before the first statement."""

    @abstractmethod
    def check_options(self, url: URL) -> None:
        """Refuse options of a URL that the driver does not know, and values that it cannot read.

        Raises :class:`ValueError`; what only the server can judge is left to it.
        """

    def take(self, engine: Engine, again: bool) -> PoolProxiedConnection | None:  # noqa: ARG002  servers need it
        """Take a connection for a unit of work if nobody listens, in fewer steps than :meth:`checkout`; else ``None``.

        ``again``: the work is run again if the connection is lost.
        """
        return None

    def checkout(self, engine: Engine, deadline: float, again: bool) -> PoolProxiedConnection:  # noqa: ARG002  servers need them
        """Take a connection of the pool by a deadline; ``again``: the work is run again if the connection is lost.

        Raises SQLAlchemy's errors, :class:`TimeoutError`.
        """
        return engine.pool.connect()

    def kept_cursor(self, pooled: PoolProxiedConnection) -> Any:  # noqa: ARG002  one engine needs it
        """Return the cursor that a connection keeps for statements of few rows, ``None`` where a new one costs little.

        To close it makes it ready for the next statement.
        """
        return None

    def checkin(self, pooled: PoolProxiedConnection) -> None:
        """Return a connection to the pool, which rolls back what was not committed."""
        pooled.close()

    def would_create(self) -> bool:
        """Return whether there is no database yet, and connecting would create it."""
        return False

    def is_in_memory(self) -> bool:
        """Return whether the database is in this process's memory."""
        return False

    def reads_copies(self) -> bool:
        """Return whether the newest connection reads a file in another way than usual: the next may make a copy."""
        return False

    def plain(self, timeouts: Timeouts, pool_size: int, connected: Callable[[], object]) -> Connections | None:  # noqa: ARG002  one engine needs them
        """Return connections that need no SQLAlchemy, where there are such; each new one calls ``connected``."""
        return None

    def driver_error(self) -> type[Exception]:
        """Return the driver's base class of errors, without SQLAlchemy: where there are plain connections."""
        raise NotImplementedError

    def is_lost(self, engine: Engine | None, error: Exception, driver: Any) -> bool:
        """Return whether an error of the driver means that the connection is lost."""
        return engine is not None and engine.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]  # any driver's

    @abstractmethod
    def interrupt(self, driver: Any) -> None:
        """End what a connection of the driver is doing, called from another thread: it fails where it waits."""

    def bounded(self, connection: Connection, seconds: float = 0.0) -> Bounded:
        """Bound the use of a connection of SQLAlchemy, on the client's side: ``seconds`` beside the time for a call."""
        driver = connection.connection.dbapi_connection
        return Bounded(after(self.timeouts.call + seconds), partial(self.interrupt, driver))

    def read_time(self, timeouts: Timeouts) -> float:
        """Return the seconds for a unit of work that reads; a server ends its statements itself."""
        return timeouts.call

    @abstractmethod
    def blockers(self, engine: Callable[[], Engine], driver: Any) -> list[str]:
        """Name who holds what a connection of the driver waits for, asked from another thread.

        Empty if it waits for nothing, and where the engine does not tell. Servers are asked on ``engine()``.
        """

    @abstractmethod
    def begin_sql(self, *, write: bool) -> str:
        """Return the statement that starts a transaction.

        One that writes sees whatever any server of a cluster has committed before.
        """

    @abstractmethod
    def begin_reading(self, connection: Connection) -> None:
        """Start a transaction in which the engine refuses to write."""

    @property
    def changes_alone(self) -> bool:
        """Whether a change of state is one round trip, which commits on its own without a transaction around it."""
        return False

    def turn(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  one engine needs it
        """Wait for one's turn to write, where the engine has no queue of its own: a write is made within it."""
        return nullcontext()

    is_in_process: ClassVar[bool] = False
    """Whether the engine runs in this process, so that there are no round trips to save."""

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  some engines need it
        """Send the statements within it without waiting for the answers, where the driver can."""
        return nullcontext()

    tidying: ClassVar[str | None] = None
    """A statement that does, outside of any transaction, what many writes would leave to the commit of another."""

    combines: ClassVar[bool] = False
    """Whether statements that need no answer between them go to the server as one, with :meth:`execute_together`."""

    def is_combined(self, sql: str, values: Iterable[object]) -> bool:
        """Return whether a statement can be among those."""
        raise NotImplementedError

    def execute_together(
        self, cursor: Any, statements: Sequence[tuple[str, Any]], pooled: PoolProxiedConnection, begin: str
    ) -> list[int]:
        """Run statements, up to the first error, and return how many rows each of them changed.

        With ``begin``, which starts a transaction, they are one: committed, or rolled back if there is an error. Raises
        :class:`CommitInterrupted` where it is not known which of the two it is.
        """
        raise NotImplementedError

    prepares: ClassVar[bool] = False
    """Whether fixed statements go through :meth:`execute`; else they go to the driver's cursor."""

    def execute(self, cursor: Any, sql: str, values: Any, pooled: PoolProxiedConnection) -> None:
        """Run a fixed statement on a cursor of a pooled connection, in the engine's own way."""
        raise NotImplementedError

    def unworded(self, error: UnicodeDecodeError) -> Exception:
        """Return the error in the place of one whose message the driver cannot decode."""
        return error

    # --- errors

    @abstractmethod
    def error_code(self, error: BaseException) -> str:
        """Return the engine's code of a driver's exception, ``""`` if it has none."""

    @abstractmethod
    def violated(self, error: BaseException) -> str | None:
        """Return the name of the unique or foreign key that a driver's exception is about, ``None`` without one."""

    @abstractmethod
    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether a driver's exception says that a table does not exist."""

    def is_about_values(self, error: BaseException) -> bool:  # noqa: ARG002  some engines need it
        """Return whether a driver's exception says that a stored value is not what its column is for."""
        return False

    def detail(self, error: BaseException) -> str:
        """Return the engine's own message, in one line; drivers put no password into it."""
        return " ".join(str(error).split())

    def rule(self, error: BaseException) -> ErrorRule | None:
        """Find the row of the error table that fits a driver's exception."""
        code, message = self.error_code(error), str(error)
        return next((rule for rule in self.error_rules if rule.fits(code, message)), None)

    # --- statements

    def dialect(self) -> Dialect:
        """Return SQLAlchemy's dialect for building statements: with named parameters; the driver's own come last."""
        from sqlalchemy.engine import URL

        found: Dialect = URL.create(self.drivername).get_dialect()(paramstyle="named")  # type: ignore[call-arg]  # every dialect of SQLAlchemy has it
        return found

    def spelled(self, sql: str) -> str:
        """Return a fixed statement as this version of the engine's library takes it."""
        return sql

    def timestamp(self, at: datetime) -> object:
        """Return a time, in UTC, as the driver takes it for a column of times."""
        return at

    @abstractmethod
    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read a JSON array of arrays, given as one bound parameter, as rows with these columns."""

    @abstractmethod
    def unless(self, condition: str) -> str:
        """Write a condition that holds, and is an error where ``condition`` is true: a number that overflows."""

    has_statistics: ClassVar[bool] = True
    """Whether the planner knows how many rows a value leads to, and so what to begin with."""

    sorts_joins: ClassVar[bool] = False
    """Whether all rows of a join are sorted for an order by columns of two tables, whatever indexes they have."""

    def opaque_parameter(self, parameter: str) -> ColumnElement[Any]:
        """Write a parameter whose value an engine should not look at when it plans."""
        from sqlalchemy import literal_column

        return literal_column(f":{parameter}")

    event_order: ClassVar[EventOrder] = EventOrder()
    """How events are read so that none is missed."""

    # Documents are SQL text: their parts are constants of ours, and SQLAlchemy has no words for most of them.

    def json_object(self, pairs: Mapping[str, str]) -> str:
        """Build a JSON object of expressions; JSON in it comes from :meth:`json_value` and the like."""
        parts = ", ".join(f"'{key}', {value}" for key, value in pairs.items())
        return f"json_object({parts})"

    def json_source(self, column: str) -> str:
        """Embed a JSON column as the text that it was written with."""
        return column

    def json_text(self, document: str) -> str:
        """Pass a JSON document to the driver as text, where the driver would decode it otherwise."""
        return document

    @abstractmethod
    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build the list of a payload, with an object for each row, in order.

        It is an array unless :meth:`decoder` reads something else that the engine builds sooner.
        """

    def json_first_and_rest(self, first: str, rest: str, pairs: Mapping[str, str], rows: JSONRows) -> dict[str, str]:
        """Build a list whose first row, number 0, stands apart: the members of an object, by name."""
        number = f"{rows.alias}.{rows.number}"
        item = self.json_object(pairs)
        return {
            first: f"(SELECT {item} FROM {rows.also(f'{number} = 0').source(item)})",
            rest: self.json_list(pairs, rows.also(f"{number} > 0")),
        }

    def decoder(self, kind: type[T], hook: Callable[[type, Any], Any]) -> Callable[[str], T]:
        """Return a decoder of payloads of a struct.

        Raises :class:`msgspec.ValidationError`, :class:`~persistdb.errors.Unreadable`.
        """
        # not strict: the booleans of MariaDB and SQLite are 1 and 0
        return msgspec.json.Decoder(kind, strict=False, dec_hook=hook).decode

    @abstractmethod
    def json_value(self, column: str) -> str:
        """Embed a JSON column as JSON rather than as a string."""

    @abstractmethod
    def utc_text(self, column: str) -> str:
        """Write a timestamp as ISO 8601 with microseconds and ``Z``; NULL stays NULL."""

    @abstractmethod
    def concat(self, *parts: str) -> str:
        """Join texts; NULL if one of them is."""

    @abstractmethod
    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Insert the rows of a SELECT, column by column in the table's order, over rows with the same primary key.

        A clash with another unique key is an error.
        """

    few_changes: ClassVar[int] = 2
    """The most rows of sandboxes or containers that are changed or deleted by a statement each, not by one join."""

    seeks_listed: ClassVar[bool] = True
    """Whether a DELETE seeks the rows that a subquery lists, and does not read the whole table for them."""

    def delete_matching(self, table: Table, rows: Subquery, columns: Sequence[str]) -> Delete:
        """Delete the rows that have the same values in these columns as one of ``rows``, with DELETE … USING."""
        from sqlalchemy import delete

        return delete(table).where(*(table.c[name] == rows.c[name] for name in columns))

    def next_id(self, table: Table, past: Table) -> ColumnElement[Any]:  # noqa: ARG002  some engines need them
        """Take the key of a row before it is inserted, which none of ``past`` has; NULL where the insert yields it."""
        from sqlalchemy import null

        return null()

    def new_id(self, table: Table, past: Table, given: ColumnElement[int]) -> ColumnElement[int]:  # noqa: ARG002  some engines need them
        """Choose the key for a row to insert: the given one, or where that is NULL the next."""
        return given

    def new_ids(self, table: Table, past: Table) -> dict[str, ColumnElement[Any]]:  # noqa: ARG002  some engines need them
        """Return the column for the keys of rows that are inserted, where the engine would take past ones."""
        return {}

    # --- what is recorded with a change

    inlined: ClassVar[str] = ""
    """What a part of a query (WITH) has before it, so that it is no table of its own where it is named twice."""

    lateral: ClassVar[bool] = False
    """Whether a query in FROM may depend on the rows of what is before it."""

    groups_by_seeking: ClassVar[bool] = False
    """Whether the least key of each group is sought in an index, and not found among all rows of the group."""

    true: ClassVar[str] = "true"
    """What a flag is compared with in the words of a partial index."""

    transaction_id: ClassVar[str | None] = None
    """The number of the transaction, where numbers of rows that are not committed yet cannot be told from gaps."""

    changes_in_one: ClassVar[bool] = False
    """Whether one statement can change a row, and copy into other tables what it was."""

    locks_rows: ClassVar[bool] = True
    """Whether others may write at the same time, so that rows are locked before they are copied."""

    locked_id: ClassVar[str | None] = None
    """A variable for the ID of the row that a statement locks, where the next one would find a row that came since."""

    def as_bigint(self, sum_: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give a sum of numbers the type of these, where it has another one."""
        return sum_

    # --- one statement that reads

    @abstractmethod
    def read_only(self, engine: Callable[[], Engine], timeout: float, limit: int | None) -> AbstractContextManager[Any]:
        """Open a driver's cursor that can only read, on a connection that is used for nothing else.

        It runs for ``timeout`` seconds at the most; of more than ``limit`` rows it returns one more, or all.
        """

    def explaining(self, cursor: Any) -> Any:
        """Return the cursor for EXPLAIN: this one, or another in the same transaction."""
        return cursor

    def effect(self, cursor: Any, sql: str) -> str:  # noqa: ARG002  some engines need them
        """Name what in a SELECT does more than read although the engine would allow it; ``""`` for nothing."""
        return ""

    def rights(self, cursor: Any) -> list[str]:  # noqa: ARG002  some engines need it
        """Return the rights of this cursor's user beyond reading that a SELECT can use."""
        return []

    # --- users with few rights

    no_users: ClassVar[str] = ""
    """Why the engine has no users, and what to do instead."""

    def role_statements(self, url: URL, role: Role, name: str, password: str | None) -> list[str]:  # noqa: ARG002  some engines need them
        """Return the statements that give a user a role."""
        return []

    def role_excess(self, connection: Connection, role: Role, name: str) -> list[str]:  # noqa: ARG002  some engines need them
        """Return what a user may do in the database beyond a role."""
        return []

    # --- views: SQL text, too

    create_view: ClassVar[str] = "CREATE VIEW"
    view_functions: ClassVar[Mapping[str, str]] = {}
    """The functions that views call, as ``name(types)``, and the statements that create or replace them."""

    view_prefix: ClassVar[str] = ""
    """What names a view where the query itself has a part (WITH) of the same name, which is not recursive."""

    size: ClassVar[str]
    """The query for the database's size in bytes, NULL for a user who may not know it."""

    """What a boolean column is compared with."""

    int64: ClassVar[str] = "integer"
    """The name that CAST has for a number of 64 bits."""

    def bytewise(self, text: str) -> str:
        """Compare a text that a view makes byte by byte, as the tables' columns are."""
        return text

    def contains(self, text: str, part: str) -> str:
        """Test whether a text has this constant in it; upper and lower case differ."""
        quoted = f"'{part}'"
        return f"{self.position(text, quoted)} > 0"

    def position(self, text: str, part: str) -> str:
        """Write where a text has another in it, from 1 on, 0 if it has not; upper and lower case differ."""
        return f"instr({text}, {part})"

    def may_contain(self, text: str, part: str) -> str:
        """Write a condition that is true wherever a text has another in it, so that it need not be returned."""
        return f"{self.position(text, part)} > 0"

    @abstractmethod
    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read the first of these lists that a JSON document has, an entry a row, with these values of each.

        No document, text that is not JSON, and a document without such a list have no rows, and are no errors. A value
        that is missing or of another type is NULL; an integer beyond 64 bits, which Go's uint64 may be, is the greatest
        one.
        """

    # --- the schema: how it is changed and checked

    transactional_ddl: ClassVar[bool] = True
    """Whether DDL can be rolled back; else each revision is a transaction, and each of its statements commits."""

    before_script: ClassVar[Sequence[str]] = ()
    """The statements that must come before the transaction where a change of the schema is written as a script."""

    drop_temporary_table: ClassVar[str] = "DROP TABLE"

    @abstractmethod
    def exclusive(self, connection: Connection, wait: float, tables: Sequence[str]) -> AbstractContextManager[None]:
        """Keep all others from changing the schema, on a connection in no transaction, and commit at the end.

        Where foreign keys are off in the meantime, the rows of ``tables`` must have their parents at the end.
        Where DDL is transactional an exception undoes all of it. Raises :class:`~persistdb.engines.locks.StillLocked`
        after ``wait`` seconds, or the engine's own error for a lock that was not to be had, and
        :class:`~persistdb.engines.locks.Orphans`.
        """

    @abstractmethod
    def wait_for_writers(self, connection: Connection, tables: Sequence[str]) -> None:
        """Wait, in a change of the schema, for transactions that have read or written one of the tables.

        The last one is the one that writers look at (:meth:`unless`).
        """

    def rename_table(self, connection: Connection, name: str, new: str) -> None:
        """Rename a table that Alembic keeps a version in; its rights stay where they are its own, not its name's."""
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {new}")

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

    def damage(self, connection: Connection) -> list[str]:  # noqa: ARG002  some engines need it
        """Return a line for each fault in the stored data; servers look for these themselves."""
        return []

    def misfit(self, column: str, kind: TypeEngine[Any]) -> str | None:  # noqa: ARG002  some engines need them
        """Return the condition for values in a column that are not of its type; ``None`` where there can be none."""
        return None

    no_file: ClassVar[str]
    """Why :meth:`file` has none, and how to make a backup then."""

    def file(self) -> DatabaseFile | None:
        """Return the file that holds the database, if it is one that persistdb can copy."""
        return None

    # --- locks

    @abstractmethod
    def shared_clock(self, parameter: str) -> str:
        """Write the time, in microseconds, of a clock that all users of the database have in common.

        Where there is no server it is ``parameter``, which is set to the time since the boot.
        """

    def absolute(self, url: str) -> str:
        """Return a URL of the same database for a process that has changed its working directory."""
        return url

    may_be_behind: ClassVar[bool] = False
    """Whether a lone read may miss what was committed at another node; a transaction that writes waits for it."""

    is_of_one_host: ClassVar[bool] = False
    """Whether all users of the database are on one host."""

    def is_cluster(self, connection: Connection) -> bool:  # noqa: ARG002  one engine needs it
        """Return whether several nodes take writes, so that :meth:`exclusive` keeps only those of one node out."""
        return False

    def replica_lag(self, connection: Connection) -> float | None:
        """Return the seconds by which this server is behind the one it replicates, ``None`` if it does not tell."""
        raise NotImplementedError

    def see_other_nodes(self, connection: Connection) -> None:
        """Let what a connection reads from here on have all that other nodes of a cluster have committed before."""
        raise NotImplementedError


class CommitInterrupted(Exception):
    """A transaction of one round trip was interrupted, with the driver's ``error``, when it was not open.

    It had been committed by then, or had not begun.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class ViewsNotComparable(Exception):
    """This user or server does not allow to compare definitions; ``remedy`` says what would."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy
