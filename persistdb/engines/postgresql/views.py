"""Views: a function that they call, and the comparison of stored views and functions with their definitions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ..base import CHANGED, MISSING, ViewsNotComparable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection

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

FUNCTIONS: Mapping[str, str] = {"persistdb_json_list(text, text[])": _JSON_LIST}
"""The functions that views call, and the statements that create or replace them."""

# insufficient_privilege, read_only_sql_transaction, and feature_not_supported: the answer of a standby server
_MAY_NOT_CREATE = frozenset({"42501", "25006", "0A000"})
# undefined_column, undefined_table, undefined_function: the tables are not the ones that the definition reads
_UNDEFINED = frozenset({"42703", "42P01", "42883"})

# The text from the name on: the schema's name stands before it.
_FUNCTION = text(
    "SELECT substr(definition, strpos(definition, proname)) FROM pg_proc, pg_get_functiondef(oid) AS definition"
    " WHERE oid IN (to_regprocedure(:stored), to_regprocedure(:wanted))"
)
_VIEWS_DIFFER = text(
    "SELECT pg_get_viewdef(to_regclass(:stored)) IS DISTINCT FROM pg_get_viewdef(to_regclass(:wanted))"
)


def function_faults(connection: Connection) -> dict[str, str]:
    """Compare the server's rendering of each function with its rendering of a temporary one."""
    faults = {}
    for name, statement in FUNCTIONS.items():
        with _undone(connection):
            connection.exec_driver_sql(statement.replace(" FUNCTION ", " FUNCTION pg_temp.", 1))
            rendered = connection.execute(_FUNCTION, {"stored": name, "wanted": f"pg_temp.{name}"}).scalars().all()
        if len(rendered) == 1:
            faults[name] = MISSING
        elif len(set(rendered)) > 1:
            faults[name] = CHANGED
    return faults


def is_changed(connection: Connection, name: str, select: str) -> bool:
    """Compare the server's rendering of a view with its rendering of a temporary one."""
    # a bare name is looked for in pg_temp first, so the temporary view has another
    temporary = f"persistdb_{name}"
    try:
        with _undone(connection):
            connection.exec_driver_sql(f"CREATE TEMPORARY VIEW {temporary} AS {select}")
            names = {"stored": name, "wanted": f"pg_temp.{temporary}"}
            differ: bool = connection.execute(_VIEWS_DIFFER, names).scalar_one()
            return differ
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _UNDEFINED:
            return True
        raise


@contextlib.contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    """Create temporary objects, and undo that.

    A role that only reads may create them, unless the administrator revoked that; doing so although its transactions
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
                "GRANT TEMPORARY on the database to this role, or check on the primary server if this is a standby"
            ) from error
        raise
