"""Rights that were granted on tables, views, sequences and functions, kept while a change creates these again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Row
    from sqlalchemy.engine import Connection

    Rights = Sequence[Row[str, str, str, str]]

# Whatever rights can be granted on, columns included, with the rights as the server keeps them.
_HOME = "CAST(quote_ident(current_schema()) AS regnamespace)"
_THINGS = f"""(
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, CAST(CAST(oid AS regclass) AS text), '', relacl
  FROM pg_class WHERE relnamespace = {_HOME} AND relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL SELECT 'TABLE', CAST(CAST(c.oid AS regclass) AS text), quote_ident(a.attname), a.attacl
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = {_HOME} AND c.relkind IN ('r', 'p', 'v', 'm')
  UNION ALL SELECT 'FUNCTION', CAST(CAST(oid AS regprocedure) AS text), '', proacl
  FROM pg_proc WHERE pronamespace = {_HOME} AND prokind = 'f'
) AS things (kind, name, attribute, acl)"""
_PRESENT = text(f"SELECT kind, name, attribute FROM {_THINGS}")
_GRANTED = text(f"""
SELECT kind, name, attribute, format(
  'GRANT %s%s ON %s %s TO %s%s', a.privilege_type, CASE attribute WHEN '' THEN '' ELSE '(' || attribute || ')' END,
  kind, name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE CAST(CAST(a.grantee AS regrole) AS text) END,
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
) FROM {_THINGS}, aclexplode(acl) AS a
""")


@contextlib.contextmanager
def kept(connection: Connection) -> Iterator[None]:
    """Grant again, in the same transaction, what was granted on things that were dropped and created again.

    A thing that stays dropped takes its rights with it.
    """
    before = granted(connection)
    yield
    restore(connection, before)


def granted(connection: Connection) -> Rights:
    """Return what is granted now: kind, name and attribute of a thing, and the statement that grants a right on it."""
    return connection.execute(_GRANTED).all()


def restore(connection: Connection, before: Rights) -> None:
    """Grant again what was granted, on what is there."""
    present = {tuple(row) for row in connection.execute(_PRESENT)}
    after = {row[3] for row in granted(connection)}
    for kind, name, attribute, statement in before:
        if statement not in after and (kind, name, attribute) in present:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
