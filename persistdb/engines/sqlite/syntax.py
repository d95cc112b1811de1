"""How SQLite has statements, payloads and views written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..syntax import JSONItems, Syntax, first_of, json_path
from . import library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Delete, Select, Subquery, Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.types import TypeEngine

    from ..syntax import Column, JSONPath, JSONRows, JSONValue

# json_each of jsonb (sqlite.org/changes.html)
_JSONB_EACH = (3, 51, 0)


class SQLiteSyntax(Syntax):
    """The SQL of SQLite."""

    drivername = "sqlite+pysqlite"
    stores_any_type = True

    # --- statements

    def spelled(self, sql: str) -> str:
        """Read rows with json_each where the library is older than jsonb_each: it writes each out as text."""
        if library.driver().sqlite_version_info >= _JSONB_EACH:
            return sql
        return sql.replace("jsonb_each(", "json_each(")

    def timestamp(self, at: datetime) -> object:
        """Write it as the column has it."""
        return at.replace(tzinfo=None).isoformat(" ", "microseconds")

    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read the rows with jsonb_each (but see :meth:`spelled`); ``->>`` returns SQL values, 1 and 0 for booleans."""
        from sqlalchemy import func, literal_column, select

        items = func.jsonb_each(literal_column(f":{parameter}")).table_valued("value", name="item")
        return (
            select(*(literal_column(f"item.value ->> {i}", kind).label(name) for i, (name, kind) in enumerate(columns)))
            .select_from(items)
            .subquery("r")
        )

    def unless(self, condition: str) -> str:
        """Let abs() have no result: sums become floating-point numbers (sqlite.org/lang_corefunc.html#abs)."""
        return f"abs(-9223372036854775807 - ({condition})) > 0"

    # unless somebody runs ANALYZE; and then it knows averages, and nothing of a value
    has_statistics = False
    looks_up_few = True

    def opaque_parameter(self, parameter: str) -> ColumnElement[Any]:
        """Hide the parameter in an expression.

        SQLite looks at the value of a bare one in LIMIT, and in a range beside the range of a partial index. Then it
        compiles the statement again whenever the parameter is bound, which takes longer than a page of containers: 80
        to 120 µs with 3.51 (``expmask`` in vdbeapi.c).
        """
        from sqlalchemy import literal_column

        return literal_column(f"coalesce(:{parameter}, NULL)")

    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build it over an ordered subquery: ORDER BY within aggregates came with 3.44 only.

        The subquery is a coroutine, which copies each of its columns: it has those that the objects need. A table whose
        rows are stored in this order needs none, a fifth of a get: it is read by its primary key, which is named, so
        that no other index can be in its place. Without ORDER BY an index is read from its beginning to its end.
        """
        item, alias = self.json_object(pairs), rows.alias
        if rows.clustered:
            key = f"{rows.table} AS {alias} INDEXED BY sqlite_autoindex_{rows.table}_1"
            return f"(SELECT json_group_array({item}) FROM {key} WHERE {rows.where})"
        columns = ", ".join(dict.fromkeys(re.findall(rf"\b{alias}\.\w+", item)))
        source = f"{rows.source(item)} ORDER BY {alias}.{rows.order}"
        return f"(SELECT json_group_array({item}) FROM (SELECT {columns} FROM {source}) AS {alias})"

    def json_value(self, column: str) -> str:
        """Tell SQLite that the text is JSON."""
        return f"json({column})"

    def utc_text(self, column: str) -> str:
        """Append the Z: timestamps are stored as ``YYYY-MM-DD HH:MM:SS.ffffff``."""
        return f"{column} || 'Z'"

    def concat(self, *parts: str) -> str:
        """Use the operator."""
        return " || ".join(parts)

    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Use ON CONFLICT on the primary key."""
        from sqlalchemy import true
        from sqlalchemy.dialects.sqlite import insert

        from ..expressions import on_conflict_update

        # without WHERE the SELECT would take the ON for a join's (sqlite.org/lang_upsert.html, "Parsing Ambiguity")
        statement = insert(table).from_select([column.name for column in table.c], source.where(true()))
        return on_conflict_update(statement, table)

    def delete_matching(self, table: Table, rows: Subquery, columns: Sequence[str]) -> Delete:
        """Use a row value IN: SQLite has no DELETE … USING."""
        from sqlalchemy import delete, select, tuple_

        return delete(table).where(
            tuple_(*(table.c[name] for name in columns)).in_(select(*(rows.c[name] for name in columns)))
        )

    def next_id(self, table: Table, past: Table) -> ColumnElement[Any]:
        """Take the one above all that are, or were: SQLite itself gives that of the last row again."""
        from sqlalchemy import literal_column

        return self._greatest(table, past) + literal_column("1")

    def new_id(self, table: Table, past: Table, given: ColumnElement[int]) -> ColumnElement[int]:
        """Count on from there, with the rows of the statement."""
        from sqlalchemy import func, literal_column

        above = func.max(self._greatest(table, past), func.coalesce(func.max(given).over(), literal_column("0")))
        return func.coalesce(given, above + func.row_number().over())

    def new_ids(self, table: Table, past: Table) -> dict[str, ColumnElement[Any]]:
        """Count on from the greatest."""
        from sqlalchemy import func

        return {"id": self._greatest(table, past) + func.row_number().over()}

    def _greatest(self, table: Table, past: Table) -> ColumnElement[int]:
        from sqlalchemy import func, literal_column, select

        numbers = (
            func.coalesce(select(func.max(each.c.id)).scalar_subquery(), literal_column("0")) for each in (table, past)
        )
        return func.max(*numbers)

    # the words of the indexes' conditions, which SQLite compares
    true = "1"
    # there is one writer at a time
    locks_rows = False

    # --- views

    # without it SQLite takes any WITH for a recursive one ("circular reference")
    view_prefix = "main."
    # without statistics: with hundreds in IN, an index of paths seems to lead to less
    most_hosts = 25
    size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"

    def may_contain(self, text: str, part: str) -> str:  # noqa: ARG002  servers need it
        """Return each text: instr() takes ten times as long as to copy it."""
        return f"{text} IS NOT NULL"

    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read them with json_each, which raises for text that is not JSON, and goes through objects, too.

        CASE evaluates no more than it must (sqlite.org/lang_expr.html#case).
        """
        known = " ".join(
            f"WHEN json_type({document}, '{path}') = 'array' THEN '{path}'" for path in map(json_path, lists)
        )
        which = f"CASE WHEN NOT json_valid({document}) THEN NULL {known} END"
        source = f"json_each(CASE WHEN json_valid({document}) THEN {document} END, {which}) AS item"
        return JSONItems(source, "(item.key + 1)", {name: self._json_value(value) for name, value in values.items()})

    def _json_value(self, value: JSONValue) -> str:
        kind, form = ("integer", "CAST({} AS INTEGER)") if value.integer else ("text", "{}")
        candidates = []
        for path in map(json_path, value.paths):
            typed = form.format(f"json_extract(item.value, '{path}')")
            typed = f"CASE json_type(item.value, '{path}') WHEN '{kind}' THEN {typed} END"
            candidates.append(f"CASE item.type WHEN 'object' THEN {typed} END")
        return first_of(candidates)

    # --- the schema

    # with foreign keys on, dropping a table to rebuild it deletes its children; it can't be set in a transaction
    before_script = ("PRAGMA foreign_keys = OFF",)

    def misfit(self, column: str, kind: TypeEngine[Any]) -> str | None:
        """Look at the type and range of each value: SQLite stores any value in any column."""
        from . import misfits

        return misfits.condition(column, kind)

    def doubt(self, column: str, kind: TypeEngine[Any]) -> str | None:
        """Look at the type and range of each value, and at timestamps that are written otherwise than here."""
        from . import misfits

        return misfits.doubt(column, kind)

    def characters(self, text: str) -> str:
        """Count up to a NUL."""
        return f"length({text})"

    def octets(self, text: str) -> str:
        """Count in a copy: octet_length() came with SQLite 3.43."""
        return f"length(CAST({text} AS BLOB))"

    def shared_clock(self, parameter: str) -> str:
        """Take the time since the boot: SQLite's own is the system's clock, which is also set."""
        return f":{parameter}"
