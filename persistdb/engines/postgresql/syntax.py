"""How PostgreSQL has statements, payloads and views written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, String, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from ..expressions import literal_text, on_conflict_update
from ..syntax import INT64_MAX, JSONItems, Syntax, first_of
from ..types import UTCDateTime
from . import events, views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Select, Subquery, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.types import TypeEngine

    from ..syntax import Column, JSONPath, JSONRows, JSONValue


class PostgreSQLSyntax(Syntax):
    """The SQL of PostgreSQL."""

    drivername = "postgresql+psycopg"
    # --- statements

    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read the rows with jsonb_array_elements; ``->>`` returns text, and text columns stay text.

        A cast to VARCHAR(n) would silently cut a text that is too long for the column; the column itself refuses it.
        """
        items = func.jsonb_array_elements(cast(literal_column(f":{parameter}"), JSONB)).table_valued(
            "value", name="item"
        )
        values = []
        for i, (name, kind) in enumerate(columns):
            value: ColumnElement[Any] = literal_column(f"(item.value ->> {i})", Text)
            values.append((value if isinstance(kind, String) else cast(value, kind)).label(name))
        return select(*values).select_from(items).subquery("r")

    def unless(self, condition: str) -> str:
        """Go beyond the greatest bigint."""
        return f"9223372036854775807 + CAST({condition} AS integer) > 0"

    def json_object(self, pairs: Mapping[str, str]) -> str:
        """Build it with row_to_json, which for long lists takes a tenth less than json_build_object."""
        return f"(SELECT row_to_json(o) FROM (SELECT {_columns(pairs)}) AS o)"

    def json_source(self, column: str) -> str:
        """Cast it: the json type keeps the text as it came."""
        return f"CAST({column} AS text)"

    event_order = events.ORDER

    def json_text(self, document: str) -> str:
        """Cast it: psycopg decodes json to Python objects."""
        return f"CAST({document} AS text)"

    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build it with json_agg of whole rows, NULL for no rows: an expression would be run for each row."""
        source = f"{rows.source(*pairs.values())} ORDER BY {rows.alias}.{rows.order}"
        return f"(SELECT coalesce(json_agg(o), CAST('[]' AS json)) FROM (SELECT {_columns(pairs)} FROM {source}) AS o)"

    def json_value(self, column: str) -> str:
        """Embed the column as it is."""
        return column

    def utc_text(self, column: str) -> str:
        """Format the timestamp in UTC, whatever the session's time zone is."""
        return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

    def concat(self, *parts: str) -> str:
        """Use the operator: the function would pass over NULL."""
        return " || ".join(parts)

    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Use ON CONFLICT on the primary key."""
        return on_conflict_update(insert(table).from_select([column.name for column in table.c], source), table)

    def next_id(self, table: Table, past: Table) -> ColumnElement[Any]:  # noqa: ARG002  no number comes again
        """Ask the sequence, so that children can be sent together with their parent."""
        return func.nextval(literal_text(f"{table.name}_id_seq"))

    def new_id(self, table: Table, past: Table, given: ColumnElement[int]) -> ColumnElement[int]:
        """Ask the sequence: a serial column takes its default only where no value is given at all."""
        return func.coalesce(given, self.next_id(table, past))

    # it may be 64 bits wide, so that it never comes again (xid8)
    transaction_id = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
    changes_in_one = True

    def as_bigint(self, sum_: ColumnElement[Any]) -> ColumnElement[Any]:
        """Make a bigint of what is numeric."""
        return cast(sum_, BigInteger)

    # --- views

    inlined = "NOT MATERIALIZED "
    lateral = True
    int64 = "bigint"
    view_functions = views.FUNCTIONS
    size = "SELECT pg_database_size(current_database())"

    def bytewise(self, text: str) -> str:
        """Name the collation: constants have the database's own."""
        return f'({text}) COLLATE "C"'

    def position(self, text: str, part: str) -> str:
        """Use the function strpos."""
        return f"strpos({text}, {part})"

    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read them with jsonb_array_elements, after a function of ours has tested whether the text is JSON."""
        wanted = ", ".join("'{" + ",".join(f'"{key}"' for key in path) + "}'" for path in lists)
        list_ = f"persistdb_json_list({document}, CAST(ARRAY[{wanted}] AS text[]))"
        source = f"jsonb_array_elements({list_}) WITH ORDINALITY AS item(value, position)"
        return JSONItems(source, "item.position", {name: self._json_value(value) for name, value in values.items()})

    def _json_value(self, value: JSONValue) -> str:
        candidates = []
        for path in value.paths:
            *steps, last = ["item.value", *(f"'{key}'" for key in path)]
            kind, text = f"jsonb_typeof({' -> '.join([*steps, last])})", f"{' -> '.join(steps)} ->> {last}"
            if value.integer:
                number = f"CAST(greatest(least(CAST({text} AS numeric), {INT64_MAX}), -{INT64_MAX + 1}) AS bigint)"
                # numbers with a fraction have a point in this type, and none has an exponent
                candidates.append(f"CASE WHEN {kind} = 'number' AND strpos({text}, '.') = 0 THEN {number} END")
            else:
                candidates.append(f"CASE {kind} WHEN 'string' THEN {text} END")
        return first_of(candidates) if value.integer else self.bytewise(first_of(candidates))

    # --- the schema

    def doubt(self, column: str, kind: TypeEngine[Any]) -> str | None:
        """Look at timestamps: 'infinity' is one, and so is a year that a datetime cannot have."""
        is_time = isinstance(kind, UTCDateTime)
        return f"{column} NOT BETWEEN '0002-01-01' AND '9998-12-31'" if is_time else None

    def shared_clock(self, parameter: str) -> str:  # noqa: ARG002  the server has one
        """Ask the server, at the start of the statement."""
        return "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)"


def _columns(pairs: Mapping[str, str]) -> str:
    return ", ".join(f'{value} AS "{key}"' for key, value in pairs.items())
