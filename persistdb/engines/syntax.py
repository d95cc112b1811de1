"""The SQL that differs between engines: text and expressions, without a connection."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import msgspec

from .events import EventOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Delete, Insert, Select, Subquery, Table
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

    Column = tuple[str, TypeEngine[Any]]

T = TypeVar("T")

INT64_MAX = (1 << 63) - 1

JSONPath = tuple[str, ...]
"""The keys that lead to a value in a JSON document."""


class JSONValue(NamedTuple):
    """A text, or an integer, at the first of these paths that leads to one."""

    paths: Sequence[JSONPath]
    integer: bool = False


class JSONItems(NamedTuple):
    """The entries of a list as a table ``item``: its text in FROM, an entry's place from 1 on, and its values."""

    source: str
    position: str
    values: Mapping[str, str]


class JSONRows(NamedTuple):
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
        return self._replace(where=f"{self.where} AND {condition}", other=other)

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


def json_path(path: JSONPath) -> str:
    """Spell a path as SQLite and MariaDB read it; the keys are constants of ours."""
    return "$" + "".join(f'."{key}"' for key in path)


def first_of(values: Sequence[str]) -> str:
    """Write an expression for the first of these that is not NULL."""
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


class Syntax(ABC):
    """How one engine has statements, payloads and views written."""

    drivername: ClassVar[str]

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

    looks_up_few: ClassVar[bool] = False
    """Whether two containers that a prefix leads to are found much faster without an order and a join before."""

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

    last_id: ClassVar[str] = ""
    """The ID that the session's last insert was given, where there are variables (:meth:`variable`)."""

    def variable(self, name: str) -> str | None:  # noqa: ARG002  one engine has them
        """Name a variable that a statement sets and later ones of the session read, ``None`` where there are none.

        One keeps the ID of a row that was locked, where the next statement would find a row that came since.
        """
        return None

    def as_bigint(self, sum_: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give a sum of numbers the type of these, where it has another one."""
        return sum_

    # --- views: SQL text, too

    create_view: ClassVar[str] = "CREATE VIEW"
    view_functions: ClassVar[Mapping[str, str]] = {}
    """The functions that views call, as ``name(types)``, and the statements that create or replace them."""

    view_prefix: ClassVar[str] = ""
    """What names a view where the query itself has a part (WITH) of the same name, which is not recursive."""

    most_hosts: ClassVar[int] = 500
    """For how many hosts a query over views begins with these, and not with an index of all hosts' rows."""

    size: ClassVar[str]
    """The query for the database's size in bytes, NULL for a user who may not know it."""

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

    def characters(self, text: str) -> str:
        """Write how many characters a text has."""
        return f"char_length({text})"

    def octets(self, text: str) -> str:
        """Write how many octets a text has."""
        return f"octet_length({text})"

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

    # --- the schema

    before_script: ClassVar[Sequence[str]] = ()
    """The statements that must come before the transaction where a change of the schema is written as a script."""

    drop_temporary_table: ClassVar[str] = "DROP TABLE"

    def misfit(self, column: str, kind: TypeEngine[Any]) -> str | None:  # noqa: ARG002  some engines need them
        """Return the condition for values in a column that are not of its type; ``None`` where there can be none."""
        return None

    stores_any_type: ClassVar[bool] = False
    """Whether a column holds values of other types than its own, and text that is not UTF-8."""

    def doubt(self, column: str, kind: TypeEngine[Any]) -> str | None:  # noqa: ARG002  some engines need them
        """Return the condition for values in a column that a record may not hold; ``None`` if there are none.

        It holds for each :meth:`misfit`, but for JSON and for text with a NUL, and never for NULL.
        """
        return None

    def doubtful_text(self, text: str) -> str | None:  # noqa: ARG002  some engines need it
        """Return the condition for text with a NUL; ``None`` where columns take none."""
        return None

    @abstractmethod
    def shared_clock(self, parameter: str) -> str:
        """Write the time, in microseconds, of a clock that all users of the database have in common.

        Where there is no server it is ``parameter``, which is set to the time since the boot.
        """
