"""PostgreSQL 13 and later, through psycopg 3."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import socket
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    String,
    Text,
    cast,
    create_engine,
    delete,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError

from ..errors import AccessDenied, Busy, Corrupt, QueryTimeout, ReadOnly, StorageFull, Unavailable
from .base import (
    CHANGED,
    INT64_MAX,
    MISSING,
    Backend,
    ConnectionLock,
    ErrorRule,
    JSONItems,
    LockUnavailable,
    ViewsNotComparable,
    first_of,
    literal_text,
)
from .liveness import ping_in_doubt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import ColumnElement, Delete, Engine, Select, Subquery, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.engine import URL, Connection

    from .base import Column, HeldLock, JSONPath, JSONRows, JSONValue, Timeouts


# Volatile, for they don't give the same each time, and nothing else.
_HARMLESS = ["random", "clock_timestamp", "timeofday", "gen_random_uuid", "statement_timestamp"]
# PostgreSQL's lexical structure (docs/current/sql-syntax-lexical.html); comments nest and are taken out before.
_TOKEN = re.compile(
    r"""(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<escaped>[uU]&")|"(?P<quoted>(?:[^"]|"")*)"|(?P<name>[^\W\d][\w$]*)|(?P<comment>--[^\r\n]*|/\*)|(?P<other>\S)""",
    re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


@functools.cache
def _has_pipeline() -> bool:
    from psycopg import Pipeline

    return Pipeline.is_supported()


def called(sql: str) -> tuple[list[str], str]:
    """Name the functions that a statement calls, and a way of spelling names that hides them, if it uses one."""
    names: list[str] = []
    last = ""
    position = 0
    while found := _TOKEN.search(sql, position):
        position = found.end()
        if found["comment"] == "/*":
            depth = 1
            while depth and (mark := _COMMENT_MARK.search(sql, position)):
                depth += 1 if mark[0] == "/*" else -1
                position = mark.end()
        elif found["escaped"]:
            return names, "a name with escapes (U&)"
        elif found["comment"] is None:
            if found["other"] == "(" and last:
                names.append(last)
            quoted = found["quoted"]
            last = (found["name"] or "").lower() if quoted is None else quoted.replace('""', '"')
    return names, ""


# A cast to JSON that fails cannot be caught in SQL itself, and IS JSON came with version 16. JSON may hold an escaped
# NUL, which is no character to this engine.
_JSON_LIST = """CREATE OR REPLACE FUNCTION persistdb_json_list(document text, paths text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  whole jsonb;
  found jsonb;
  path text;
BEGIN
  whole = CAST(replace(document, '\\u0000', '\\ufffd') AS jsonb);
  FOREACH path IN ARRAY paths LOOP
    found = whole #> CAST(path AS text[]);
    IF jsonb_typeof(found) = 'array' THEN
      RETURN found;
    END IF;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$"""


class PostgreSQL(Backend):
    """A server for a fleet; READ COMMITTED, each connection in autocommit until BEGIN."""

    name = "postgresql"
    drivername = "postgresql+psycopg"
    # Errors while connecting have no SQLSTATE. Their text may be in another language: what fits no row is Unavailable.
    error_rules = (
        ErrorRule("40001", Busy, "could not serialize access due to concurrent update", retry=True),
        ErrorRule("40P01", Busy, "deadlock detected", retry=True),
        ErrorRule("55P03", Busy, "canceling statement due to lock timeout"),
        ErrorRule("57014", QueryTimeout, "canceling statement due to statement timeout"),
        ErrorRule("25006", ReadOnly, "cannot execute INSERT in a read-only transaction"),
        ErrorRule("53100", StorageFull, 'could not extend file "base/5/16390": No space left on device'),
        ErrorRule("53300", Busy, "sorry, too many clients already"),
        ErrorRule("42501", AccessDenied, "permission denied for table sandbox"),
        ErrorRule("57P01", Unavailable, "terminating connection due to administrator command", retry=True),
        ErrorRule("57P03", Unavailable, "the database system is starting up", retry=True),
        ErrorRule("XX001", Corrupt, "invalid page in block 0 of relation base/5/16390"),
        ErrorRule("", AccessDenied, 'FATAL:  password authentication failed for user "x"', text="password"),
        ErrorRule("", AccessDenied, 'FATAL:  role "x" does not exist', text='FATAL:  role "'),
        ErrorRule("", AccessDenied, 'FATAL:  permission denied for database "x"', text="permission denied"),
        ErrorRule("", Busy, "FATAL:  remaining connection slots are reserved for", text="connection slots"),
        ErrorRule("", Busy, 'FATAL:  too many connections for role "x"', text="too many connections"),
        ErrorRule("", Busy, "FATAL:  sorry, too many clients already", text="too many clients"),
        ErrorRule("", Unavailable, 'FATAL:  database "x" does not exist', text="FATAL:  database"),
        ErrorRule("", Unavailable, "FATAL:  the database system is starting up", text="database system is", retry=True),
        ErrorRule("", Unavailable, "connection failed: … Connection refused", text="connection failed"),
        ErrorRule("", Unavailable, 'connection is bad: … ".s.PGSQL.5432" failed', text="connection is bad"),
        ErrorRule("", Unavailable, "failed to resolve host 'x'", text="failed to resolve host"),
        ErrorRule("", Unavailable, "connection timeout expired", text="connection timeout expired"),
    )

    # --- connecting

    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Make the engine; the session's settings travel with the connection's start, at no round trip of their own."""
        milliseconds = {"statement_timeout": timeouts.statement, "lock_timeout": timeouts.busy}
        settings = {
            "TimeZone": "UTC",
            "default_transaction_isolation": r"read\ committed",
            **{name: str(int(seconds * 1000)) for name, seconds in milliseconds.items()},
        }
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=timeouts.pool,
            connect_args={
                "autocommit": True,
                "connect_timeout": max(2, round(timeouts.connect)),
                "application_name": f"persistdb {socket.gethostname()} {os.getpid()}"[:63],
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            },
        )
        ping_in_doubt(engine)
        return engine

    def begin_sql(self, *, write: bool) -> str:  # noqa: ARG002  both are the same here
        """Start a transaction."""
        return "BEGIN"

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:
        """Use psycopg's pipeline mode, which takes a libpq of PostgreSQL 14 or later."""
        pipeline: AbstractContextManager[object] = driver.pipeline() if _has_pipeline() else contextlib.nullcontext()
        return pipeline

    # --- errors

    def error_code(self, error: BaseException) -> str:
        """Give the SQLSTATE; what fails before there is a session has none."""
        return str(getattr(error, "sqlstate", None) or "")

    def violated(self, error: BaseException) -> str | None:
        """Name the key, which the server tells in a field of its own."""
        code = self.error_code(error)
        if code == "23503":
            return "foreign key"
        if code == "23505":
            return str(error.diag.constraint_name)  # type: ignore[attr-defined]  # psycopg's errors have it
        return None

    def is_missing_table(self, error: BaseException) -> bool:
        """Known by its SQLSTATE, undefined_table."""
        return self.error_code(error) == "42P01"

    # --- statements

    def rows(self, parameter: str, columns: Sequence[Column]) -> Subquery:
        """Read the rows with jsonb_array_elements; ``->>`` gives text, and text stays so.

        A cast to VARCHAR(n) would cut what is too long for the column without a word; the column itself refuses it.
        """
        items = func.jsonb_array_elements(cast(literal_column(f":{parameter}"), JSONB)).table_valued(
            "value", name="item"
        )
        values = []
        for i, (name, kind) in enumerate(columns):
            value: ColumnElement[Any] = literal_column(f"(item.value ->> {i})", Text)
            values.append((value if isinstance(kind, String) else cast(value, kind)).label(name))
        return select(*values).select_from(items).subquery("r")

    def json_object(self, pairs: Mapping[str, str]) -> str:
        """Build it with row_to_json, which for long lists takes a tenth less than json_build_object."""
        return f"(SELECT row_to_json(o) FROM (SELECT {_columns(pairs)}) AS o)"

    def json_source(self, column: str) -> str:
        """Cast it: the json type keeps the text as it came."""
        return f"CAST({column} AS text)"

    def json_text(self, document: str) -> str:
        """Cast it: psycopg makes Python objects of json."""
        return f"CAST({document} AS text)"

    def json_list(self, pairs: Mapping[str, str], rows: JSONRows) -> str:
        """Build it with json_agg, which gives NULL for no rows, of whole rows: an expression would be run for each."""
        source = f"{rows.table} AS {rows.alias} WHERE {rows.where} ORDER BY {rows.alias}.{rows.order}"
        return f"(SELECT coalesce(json_agg(o), CAST('[]' AS json)) FROM (SELECT {_columns(pairs)} FROM {source}) AS o)"

    def json_value(self, column: str) -> str:
        """JSON columns are embedded as they are."""
        return column

    def utc_text(self, column: str) -> str:
        """Timestamps are shown in the session's time zone, which is UTC."""
        return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

    def concat(self, *parts: str) -> str:
        """Use the operator: the function would pass over NULL."""
        return " || ".join(parts)

    # --- views

    int64 = "bigint"
    view_functions: ClassVar[Mapping[str, str]] = {"persistdb_json_list(text, text[])": _JSON_LIST}

    def bytewise(self, text: str) -> str:
        """Constants have the database's own collation."""
        return f'({text}) COLLATE "C"'

    def contains(self, text: str, part: str) -> str:
        """The function has another name here."""
        return f"strpos({text}, '{part}') > 0"

    def json_items(self, document: str, lists: Sequence[JSONPath], values: Mapping[str, JSONValue]) -> JSONItems:
        """Read them with jsonb_array_elements, after a function of ours has looked whether it is JSON."""
        wanted = ", ".join("'{" + ",".join(f'"{key}"' for key in path) + "}'" for path in lists)
        found = f"persistdb_json_list({document}, CAST(ARRAY[{wanted}] AS text[]))"
        source = f"jsonb_array_elements({found}) WITH ORDINALITY AS item(value, position)"
        return JSONItems(source, "item.position", {name: self._json_value(value) for name, value in values.items()})

    def _json_value(self, value: JSONValue) -> str:
        found = []
        for path in value.paths:
            *steps, last = ["item.value", *(f"'{key}'" for key in path)]
            kind, text = f"jsonb_typeof({' -> '.join([*steps, last])})", f"{' -> '.join(steps)} ->> {last}"
            if value.integer:
                number = f"CAST(greatest(least(CAST({text} AS numeric), {INT64_MAX}), -{INT64_MAX + 1}) AS bigint)"
                # numbers with a fraction have a point in this type, and none has an exponent
                found.append(f"CASE WHEN {kind} = 'number' AND strpos({text}, '.') = 0 THEN {number} END")
            else:
                found.append(f"CASE {kind} WHEN 'string' THEN {text} END")
        return first_of(found) if value.integer else self.bytewise(first_of(found))

    def function_faults(self, connection: Connection) -> dict[str, str]:
        """Compare the rendering of each with that of a temporary one."""
        # from the name on: the schema's name stands before it
        rendered = text(
            "SELECT substr(definition, strpos(definition, proname))"
            " FROM pg_proc, pg_get_functiondef(oid) AS definition"
            " WHERE oid IN (to_regprocedure(:stored), to_regprocedure(:wanted))"
        )
        faults = {}
        for name, statement in self.view_functions.items():
            with _undone(connection):
                connection.exec_driver_sql(statement.replace(" FUNCTION ", " FUNCTION pg_temp.", 1))
                both = connection.execute(rendered, {"stored": name, "wanted": f"pg_temp.{name}"}).scalars().all()
            if len(both) == 1:
                faults[name] = MISSING
            elif len(set(both)) > 1:
                faults[name] = CHANGED
        return faults

    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Compare the rendering of each with that of a temporary one."""
        return [name for name, select in selects.items() if _is_changed(connection, name, select)]

    def upsert(self, table: Table, source: Select[Any]) -> Insert:
        """Use ON CONFLICT on the primary key."""
        statement = insert(table).from_select([column.name for column in table.c], source)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={column.name: statement.excluded[column.name] for column in table.c if not column.primary_key},
        )

    def delete_matching(self, table: Table, rows: Subquery, columns: Sequence[str]) -> Delete:
        """Use DELETE … USING."""
        return delete(table).where(*(table.c[name] == rows.c[name] for name in columns))

    def next_id(self, table: Table) -> ColumnElement[Any]:
        """Ask the sequence, so that children can be sent together with their parent."""
        return func.nextval(literal_text(f"{table.name}_id_seq"))

    def new_id(self, table: Table, given: ColumnElement[int]) -> ColumnElement[int]:
        """A serial column takes a default only where no value is given at all, so its sequence is asked."""
        return func.coalesce(given, self.next_id(table))

    # --- one statement that reads

    @contextlib.contextmanager
    def read_only(self, engine: Engine, timeout: float, limit: int | None) -> Iterator[Any]:  # noqa: ARG002  it streams
        """Declare a cursor in a READ ONLY transaction: only a query can be one, and it is sent as one statement.

        READ ONLY alone would let COPY … TO PROGRAM and DO pass.
        """
        pooled = engine.raw_connection()
        pooled.detach()
        connection: Any = pooled.dbapi_connection
        try:
            connection.execute("BEGIN READ ONLY")
            connection.execute(
                "SELECT set_config('statement_timeout', %s, true),"
                " set_config('standard_conforming_strings', 'on', true)",
                [str(max(1, int(timeout * 1000)))],
            )
            with connection.cursor(name="persistdb") as cursor:
                yield cursor
        finally:
            connection.close()

    def effect(self, cursor: Any, sql: str) -> str:
        """Name a function that is volatile: one that ends sessions, reads the server's files, runs SQL in a text.

        The read-only transaction stops those that write tables, and only those.
        """
        names, hidden = called(sql)
        if hidden:
            return hidden
        with cursor.connection.cursor() as other:
            other.execute(
                "SELECT min(proname) FROM pg_catalog.pg_proc"
                " WHERE proname = ANY(%s) AND provolatile = 'v' AND NOT proname = ANY(%s)",
                [names, _HARMLESS],
            )
            (found,) = other.fetchone()
        return f"the function {found}" if found else ""

    # --- locks

    def lock(self, engine: Engine, name: str, *, shared: bool, timeout: float) -> HeldLock:
        """Take an advisory lock of a session of its own, so that it ends with the session."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        suffix = "_shared" if shared else ""
        connection = engine.connect()
        try:
            connection.detach()
            milliseconds = max(1, int(timeout * 1000))  # 0 would mean to wait for ever
            connection.execute(
                text("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', :wait, false)"),
                {"wait": str(milliseconds)},
            )
            try:
                connection.execute(text(f"SELECT pg_advisory_lock{suffix}(:key)"), {"key": key})
            except DBAPIError as error:
                if self.error_code(error.orig or error) != "55P03":
                    raise
                raise LockUnavailable(_holders(connection, key)) from None
        except BaseException:
            connection.close()
            raise
        return ConnectionLock(connection, text(f"SELECT pg_advisory_unlock{suffix}(:key)"), {"key": key})


# insufficient_privilege, read_only_sql_transaction, and feature_not_supported: what a standby server says
_MAY_NOT_CREATE = frozenset({"42501", "25006", "0A000"})
# undefined_column, undefined_table, undefined_function: the tables are not those that the definition is for
_UNDEFINED = frozenset({"42703", "42P01", "42883"})


@contextlib.contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    """Create temporary objects and undo that.

    A role that only reads may create them, unless the administrator took that away; to do so although its transactions
    are read-only by default is harmless.
    """
    try:
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        savepoint = connection.begin_nested()
        try:
            yield
        finally:
            savepoint.rollback()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _MAY_NOT_CREATE:
            raise ViewsNotComparable(
                "GRANT TEMPORARY on the database to this role, or ask the primary server if this is a standby"
            ) from error
        raise


def _is_changed(connection: Connection, name: str, select: str) -> bool:
    rendered = "SELECT count(DISTINCT pg_get_viewdef(to_regclass(v))) FROM unnest(CAST(:views AS text[])) AS v"
    try:
        with _undone(connection):
            # pg_temp is where a bare name is looked for first, so the name must be another
            connection.exec_driver_sql(f"CREATE TEMPORARY VIEW persistdb_{name} AS {select}")
            views = {"views": [name, f"pg_temp.persistdb_{name}"]}
            return bool(connection.execute(text(rendered), views).scalar_one() > 1)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _UNDEFINED:
            return True
        raise


def _columns(pairs: Mapping[str, str]) -> str:
    return ", ".join(f'{value} AS "{key}"' for key, value in pairs.items())


def _holders(connection: Connection, key: int) -> list[str]:
    """Name who holds an advisory lock; the key's halves are what pg_locks shows (its documentation, "objsubid")."""
    found = connection.execute(
        text(
            "SELECT a.application_name, host(a.client_addr), l.pid FROM pg_locks l"
            " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND l.classid = :high AND l.objid = :low"
        ),
        {"high": (key >> 32) & 0xFFFFFFFF, "low": key & 0xFFFFFFFF},
    )
    return [
        f"{application or 'a session'} (server process {pid}{', from ' + address if address else ''})"
        for application, address, pid in found
    ]
