"""How MariaDB has statements, payloads and views written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import JSON, Boolean, Integer, column, func, literal_column, text
from sqlalchemy.dialects.mysql import insert

from ..syntax import INT64_MAX, JSONItems, Syntax, first_of, json_path
from ..types import UTCDateTime
from . import events, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, Subquery, Table
    from sqlalchemy.dialects.mysql import Insert
    from sqlalchemy.types import TypeEngine

    from ..syntax import Column, JSONPath, JSONRows, JSONValue

T = TypeVar("T")

# utf8mb4_bin pads with spaces, so that 'a' = 'a '; the nopad twin compares byte for byte, as the other engines do.
COLLATION = "utf8mb4_nopad_bin"


class MariaDBSyntax(Syntax):
    """The SQL of MariaDB."""

    drivername = "mariadb+pymysql"
    # --- statements

    def timestamp(self, at: datetime) -> object:
        """Leave the time zone away, which DATETIME has not."""
        return at.replace(tzinfo=None)

    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read the rows with JSON_TABLE; a value that doesn't fit its column is an error, not a NULL."""
        fields = ", ".join(
            f"{name} {_json_table_type(kind)} PATH '$[{i}]' ERROR ON ERROR" for i, (name, kind) in enumerate(columns)
        )
        return (
            text(f"SELECT * FROM JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({fields})) AS item")
            .columns(*(column(name, kind) for name, kind in columns))
            .subquery("r")
        )

    def unless(self, condition: str) -> str:
        """Go beyond the greatest BIGINT UNSIGNED."""
        return f"18446744073709551615 + ({condition}) > 0"

    def json_source(self, column: str) -> str:
        """Make it a string to JSON_OBJECT, in the collation of the other columns: JSON columns have utf8mb4_bin."""
        return f"concat({column} COLLATE {COLLATION})"

    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build an object by number with JSON_OBJECTAGG (:mod:`.numbered`).

        Of rows of two tables it is one of two: a union in FROM knows nothing of the row that a list belongs to.
        """
        listed = f"json_objectagg({rows.alias}.{rows.number}, {self.json_object(pairs)})"
        objects = [f"(SELECT {listed} FROM {source})" for source in rows.sources()]
        if len(objects) == 1:
            return objects[0]
        parts = ", ".join(f"coalesce({each}, '{{}}')" for each in objects)
        return f"json_merge_preserve({parts})"

    def json_first_and_rest(self, first: str, rest: str, pairs: Mapping[str, str], rows: JSONRows) -> dict[str, str]:  # noqa: ARG002  by its number
        """Leave the first row in the list, where its number tells it apart."""
        return {rest: self.json_list(pairs, rows)}

    def decoder(self, kind: type[T], hook: Callable[[type, Any], Any]) -> Callable[[str], T]:
        """Read lists as objects by number."""
        return numbered.decoder(kind, hook)

    def json_value(self, column: str) -> str:
        """Mark the text, which JSON is to MariaDB, as JSON: the result of a JSON function is."""
        return f"json_compact({column} COLLATE {COLLATION})"

    def utc_text(self, column: str) -> str:
        """Append the Z: timestamps are stored as ``YYYY-MM-DD HH:MM:SS.ffffff``."""
        return f"concat({column}, 'Z')"

    def concat(self, *parts: str) -> str:
        """Use the function: the operator means OR."""
        return f"concat({', '.join(parts)})"

    sorts_joins = True
    # with an order, a join is sorted in a temporary table, and again
    looks_up_few = True
    # "Using index for group-by", by all of a key's first columns; what a range begins with must be a constant
    groups_by_seeking = True
    true = "1"
    event_order = events.ORDER
    last_id = "last_insert_id()"

    def variable(self, name: str) -> str:
        """Use the session's own: a prepared statement knows no variable of the block that executes it."""
        return f"@persistdb_{name}"

    # A join makes it a statement of several tables (multi_update), which crashed nodes of a Galera cluster that clashed
    # with others, in 10.11. By statements for each, together, a save of 10 changed containers takes a fifth less, of 20
    # as long, of 100 two thirds more (26 and 42 ms).
    few_changes = 8
    # not before 11.1
    seeks_listed = False

    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Use ON DUPLICATE KEY UPDATE, guarded: it overwrites the row of any unique key, not only of the primary one.

        Where the existing row has another primary key, the key is set to NULL, which is an error.
        """
        statement = insert(table).from_select([c.name for c in table.c], source)
        key = list(table.primary_key)
        same: ColumnElement[bool] = literal_column(
            " AND ".join(f"{table.name}.{c.name} = VALUES({c.name})" for c in key)
        )
        guard = key[0]
        values: dict[str, Any] = {guard.name: func.if_(same, guard, None)}
        values |= {c.name: statement.inserted[c.name] for c in table.c if not c.primary_key}
        return statement.on_duplicate_key_update(values)

    # --- views

    # each statement of DDL commits, so each must be able to run again
    create_view = "CREATE OR REPLACE VIEW"
    # the server shows a user the tables that it may read: to who only reads the views, few
    size = (
        "SELECT CASE WHEN max(table_name = 'container') = 1"
        " THEN CAST(sum(data_length + index_length) AS signed) END"
        " FROM information_schema.tables WHERE table_schema = database()"
    )

    def bytewise(self, text: str) -> str:
        """Name the collation: constants have the connection's own."""
        return f"({text}) COLLATE {COLLATION}"

    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read them with JSON_TABLE, which raises for text that is not JSON."""
        known = ", ".join(f"json_extract({document}, '{path}')" for path in map(json_path, lists))
        columns, given = ["position FOR ORDINALITY"], {}
        for name, value in values.items():
            candidates = []
            for i, path in enumerate(map(json_path, value.paths)):
                columns.append(f"{name}_{i} LONGTEXT CHARACTER SET utf8mb4 COLLATE {COLLATION} PATH '{path}'")
                text = f"item.{name}_{i}"
                number = f"CAST(greatest(least(CAST({text} AS DECIMAL(65)), {INT64_MAX}), -{INT64_MAX + 1}) AS SIGNED)"
                candidates.append(f"CASE WHEN {text} REGEXP '^-?[0-9]+$' THEN {number} END" if value.integer else text)
            given[name] = first_of(candidates)
        list_ = f"CASE WHEN json_valid({document}) THEN coalesce({known}, '[]') ELSE '[]' END"
        return JSONItems(f"JSON_TABLE({list_}, '$[*]' COLUMNS ({', '.join(columns)})) AS item", "item.position", given)

    # --- the schema

    # without the word it would commit
    drop_temporary_table = "DROP TEMPORARY TABLE"

    def misfit(self, column: str, kind: TypeEngine[Any]) -> str | None:
        """Look at JSON: it is text with a CHECK, which a session may switch off (check_constraint_checks)."""
        return f"{column} IS NOT NULL AND NOT json_valid({column})" if isinstance(kind, JSON) else None

    def doubt(self, column: str, kind: TypeEngine[Any]) -> str | None:
        """Look at timestamps, which may be of no day (sql_mode), and at flags, which are numbers."""
        if isinstance(kind, UTCDateTime):
            day = f"from_days(to_days({column})) = date({column})"  # NULL for 2026-00-00, another day for 2026-02-31
            is_good = f"coalesce({day} AND {column} BETWEEN '0002-01-01' AND '9998-12-31', FALSE)"
            return f"({column} IS NOT NULL AND NOT {is_good})"
        return f"{column} NOT IN (0, 1)" if isinstance(kind, Boolean) else None

    def doubtful_text(self, text: str) -> str | None:
        """Look byte by byte, which takes half the time."""
        return f"locate(char(0), cast({text} AS binary)) > 0"

    def shared_clock(self, parameter: str) -> str:  # noqa: ARG002  the server has one
        """Ask the server, at the start of the statement."""
        return "timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6))"


def _json_table_type(kind: Any) -> str:
    """Name the type for a column of JSON_TABLE."""
    if isinstance(kind, Boolean | Integer):  # BigInteger is an Integer
        return "BIGINT"
    return f"LONGTEXT CHARACTER SET utf8mb4 COLLATE {COLLATION}"
