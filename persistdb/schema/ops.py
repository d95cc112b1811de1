"""The vocabulary of revisions: column types, and changes of tables as each engine can make them.

Frozen: released revisions call these functions, and a database that they upgraded must stay the same for ever. Add
functions; the effect of a call that a revision makes must not change (``tests/schema`` compares).

On SQLite and PostgreSQL a whole change of the schema is one transaction. MariaDB commits with each statement, so there
each statement can run again after an interrupted change.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex, CreateTable, DropConstraint

from ..engines.postgresql import grants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_MARIADB = ("mysql", "mariadb")
_BYTES = {"charset": "utf8mb4", "collation": "utf8mb4_nopad_bin"}

# --- column types, as they were when the revisions were written ------------------------------------------------------

INTEGER = sa.Integer()
SMALLINT = sa.SmallInteger()
BIGINT = sa.BigInteger()
BOOLEAN = sa.Boolean()
JSON = sa.JSON()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = (
    sa.Text()
    .with_variant(postgresql.TEXT(collation="C"), "postgresql")
    .with_variant(mysql.MEDIUMTEXT(**_BYTES), *_MARIADB)
)
DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(**_BYTES), *_MARIADB)
MOMENT = (
    sa.DateTime()
    .with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
    .with_variant(mysql.DATETIME(fsp=6), *_MARIADB)
)


def key(length: int = 255) -> sa.String:
    """Return the type of text that identifies, compared byte by byte."""
    return (
        sa.String(length)
        .with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, **_BYTES), *_MARIADB)
    )


# --- SQL that differs ------------------------------------------------------------------------------------------------


def text_literal(value: str) -> str:
    """Write ``value`` as an SQL string."""
    quoted = value.replace("'", "''")
    if _engine() == "mariadb":
        quoted = quoted.replace("\\", "\\\\")  # MariaDB alone reads backslashes in strings
    # op.execute() takes ":name" for a parameter
    return "'" + quoted.replace(":", "\\:") + "'"


def moment_literal(value: datetime) -> str:
    """Write ``value``, a timestamp in UTC, as SQL for a column of type :data:`MOMENT`."""
    text = f"{value:%Y-%m-%d %H:%M:%S.%f}"
    # without an offset, PostgreSQL would take it for the session's own time zone
    return f"'{text}+00'" if _engine() == "postgresql" else f"'{text}'"


# --- tables ----------------------------------------------------------------------------------------------------------


def table(name: str, *items: sa.schema.SchemaItem, rowid: bool = True) -> sa.Table:
    """Define a table as a revision needs it, independent of the mapped classes.

    ``rowid=False`` stores its rows in the order of their key on SQLite, as MariaDB always does and PostgreSQL never.
    """
    metadata = sa.MetaData()
    for item in items:
        if isinstance(item, sa.ForeignKeyConstraint):
            # SQLAlchemy needs the table that a foreign key refers to
            referred = [element.target_fullname.split(".") for element in item.elements]
            sa.Table(referred[0][0], metadata, *(sa.Column(column, ID) for _, column in referred))
    return sa.Table(name, metadata, *items, sqlite_with_rowid=rowid)


def create(*tables: sa.Table) -> None:
    """Create tables, with their indexes."""
    for new in tables:
        op.execute(CreateTable(new, if_not_exists=_engine() == "mariadb"))
        for index in new.indexes:
            op.execute(CreateIndex(index, if_not_exists=_engine() == "mariadb"))


def drop(*names: str) -> None:
    """Drop tables, with their rows."""
    for name in names:
        op.execute(f"DROP TABLE {'IF EXISTS ' if _engine() == 'mariadb' else ''}{name}")


def change(before: sa.Table, after: sa.Table, fill: Mapping[str, str] | None = None) -> None:
    """Change columns, unique constraints and indexes of a table; ``fill`` has the SQL constants of its new columns.

    SQLite copies the table (its ALTER TABLE needs a lasting default for each new column that is NOT NULL, and knows no
    constraints), the servers alter it in place.
    """
    fill = fill or {}
    engine = _engine()
    added = [column for column in after.columns if column.name not in before.columns]
    dropped = [column.name for column in before.columns if column.name not in after.columns]
    if engine == "sqlite":
        columns = ", ".join(
            column.name if column.name in before.columns else fill[column.name] for column in after.columns
        )
        rebuild(after, f"SELECT {columns} FROM {before.name}")
        return
    exists, missing = ("IF EXISTS ", "IF NOT EXISTS ") if engine == "mariadb" else ("", "")
    _drop_unique(_unlike(before, after))
    clauses = [f"DROP COLUMN {exists}{column}" for column in dropped]
    clauses += [
        f"ADD COLUMN {missing}{_specification(column)}"
        + (f" DEFAULT {fill[column.name]}" if column.name in fill else "")
        for column in added
    ]
    # a default fills the existing rows without rewriting them; it is no part of the schema
    if clauses:
        op.execute(f"ALTER TABLE {after.name} {', '.join(clauses)}")
    defaults = [f"ALTER COLUMN {column.name} DROP DEFAULT" for column in added if column.name in fill]
    if defaults:
        op.execute(f"ALTER TABLE {after.name} {', '.join(defaults)}")
    _add(_unlike(after, before))


def rebuild(after: sa.Table, *sources: str) -> None:
    """Rebuild a table from ``sources``, each a SELECT of its columns in order; they may read the old table.

    Rows of several sources are written in the order of the first column: SQLite reads the sources in the order of their
    keys and merges them, so that nothing is sorted and the new table grows at its end. InnoDB stores rows by their key
    in any case, and would write a union into a temporary table first.

    The caller has switched off SQLite's foreign keys: with them, dropping the old table deletes the rows of its
    children. On MariaDB an interrupted rebuild is recognised by the table's columns, so a rebuild must change these.
    """
    name, engine = after.name, _engine()
    merged = sources[0] if len(sources) == 1 else " UNION ALL ".join(sources) + " ORDER BY 1"
    columns = ", ".join(column.name for column in after.columns)
    if engine == "sqlite":
        op.execute(CreateTable(_named(after, f"{name}_new")))
        op.execute(f"INSERT INTO {name}_new ({columns}) {merged}")
        op.execute(f"DROP TABLE {name}")
        op.execute(f"ALTER TABLE {name}_new RENAME TO {name}")
        for index in after.indexes:
            op.execute(CreateIndex(index))
        return
    foreign_keys = sorted(after.foreign_key_constraints, key=_name)
    unique = sorted((c for c in after.constraints if isinstance(c, sa.UniqueConstraint)), key=_name)
    if engine == "postgresql":
        # rows that others write between the copy and the swap would be lost
        names = ", ".join([*(key.referred_table.name for key in foreign_keys), name])
        op.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        # keys are built once, after the rows are copied
        op.execute(CreateTable(_bare(after, f"{name}_new", primary_key=False)))
        op.execute(f"INSERT INTO {name}_new ({columns}) {merged}")
        op.execute(f"DROP TABLE {name}")
        op.execute(f"ALTER TABLE {name}_new RENAME TO {name}")
        _add([after.primary_key, *unique, *foreign_keys])
    else:
        if _columns(name) != {column.name for column in after.columns}:
            op.execute(f"DROP TABLE IF EXISTS {name}_new")
            op.execute(CreateTable(_bare(after, f"{name}_new", primary_key=True)))
            for source in sources:
                op.execute(f"INSERT INTO {name}_new ({columns}) {source}")
            op.execute(f"RENAME TABLE {name} TO {name}_old, {name}_new TO {name}")
        op.execute(f"DROP TABLE IF EXISTS {name}_old")
        # names of foreign keys are unique in the database, so they come last; the rows had these parents before, and a
        # check of them would copy the table once more
        op.execute("SET foreign_key_checks = 0")
        _add([*unique, *foreign_keys])
        op.execute("SET foreign_key_checks = 1")
    for index in after.indexes:
        op.execute(CreateIndex(index, if_not_exists=engine == "mariadb"))


def add_column(table_name: str, column: sa.Column[Any]) -> None:
    """Add a column with a lasting default, which fills the rows that are there: no engine copies them."""
    missing = "IF NOT EXISTS " if _engine() == "mariadb" else ""
    op.execute(f"ALTER TABLE {table_name} ADD COLUMN {missing}{_specification(column)}")


def drop_column(table_name: str, name: str) -> None:
    """Drop a column that no key, index or view has."""
    exists = "IF EXISTS " if _engine() == "mariadb" else ""
    if _engine() == "sqlite":  # else it refuses where another's view reads one of ours that is dropped meanwhile
        op.execute("PRAGMA writable_schema = ON")
    op.execute(f"ALTER TABLE {table_name} DROP COLUMN {exists}{name}")
    if _engine() == "sqlite":
        op.execute("PRAGMA writable_schema = OFF")


def alter(before: sa.Table, after: sa.Table) -> None:
    """Add columns that take NULL, drop columns, and change which ones take NULL; keys and indexes are the same.

    SQLite copies the table, the servers alter it in place: PostgreSQL without touching its rows, MariaDB beside
    programs that write.
    """
    if _engine() == "sqlite":
        columns = (column.name if column.name in before.columns else "NULL" for column in after.columns)
        rebuild(after, f"SELECT {', '.join(columns)} FROM {before.name}")
        return
    is_mariadb = _engine() == "mariadb"
    exists, missing = ("IF EXISTS ", "IF NOT EXISTS ") if is_mariadb else ("", "")
    clauses = [f"DROP COLUMN {exists}{column.name}" for column in before.columns if column.name not in after.columns]
    for column in after.columns:
        if column.name not in before.columns:
            clauses.append(f"ADD COLUMN {missing}{_specification(column)}")
        elif column.nullable != before.columns[column.name].nullable:
            can_be = "DROP" if column.nullable else "SET"
            clauses.append(
                f"MODIFY COLUMN {_specification(column)}"
                if is_mariadb
                else f"ALTER COLUMN {column.name} {can_be} NOT NULL"
            )
    op.execute(f"ALTER TABLE {after.name} {', '.join(clauses)}")


def create_index(name: str, table_name: str, *columns: str) -> None:
    """Create an index."""
    missing = "IF NOT EXISTS " if _engine() == "mariadb" else ""
    op.execute(f"CREATE INDEX {missing}{name} ON {table_name} ({', '.join(columns)})")


def create_indexes(of: sa.Table) -> None:
    """Create the indexes of a table that is there, as they are defined."""
    for index in sorted(of.indexes, key=lambda index: str(index.name)):
        op.execute(CreateIndex(index, if_not_exists=_engine() == "mariadb"))


def drop_index(name: str, table_name: str) -> None:
    """Drop an index."""
    if _engine() == "mariadb":
        op.execute(f"DROP INDEX IF EXISTS {name} ON {table_name}")
    else:
        op.execute(f"DROP INDEX {name}")


def let_read(table_name: str, like: str) -> None:
    """Let those read a table who may read another one, where rights are a table's own: on PostgreSQL.

    On MariaDB they are the administrator's to give, by the statements of the roles.
    """
    if _engine() == "postgresql":
        op.execute(_LET.format(table_name=table_name, like=like, who="SELECT", rights="SELECT"))


def let_write(table_name: str, like: str) -> None:
    """Let those read and write a table who may insert into another one, in the same way."""
    if _engine() == "postgresql":
        rights = "SELECT, INSERT, UPDATE, DELETE"
        op.execute(_LET.format(table_name=table_name, like=like, who="INSERT", rights=rights))


def let_number(table_name: str, like: str) -> None:
    """Let those take the numbers of a table's key who may insert into another one, where they are a sequence's."""
    if _engine() == "postgresql":
        op.execute(_LET.format(table_name=f"SEQUENCE {table_name}_id_seq", like=like, who="INSERT", rights="USAGE"))


def create_views(revision: str) -> None:
    """Create the views of a revision, and the functions that they call.

    Their text is ``NNNN_*.ENGINE.sql`` beside it, or the one before it that was written last.
    """
    for statement in _view_statements(revision):
        # op.execute() takes ":name" for a parameter
        op.execute(statement.replace(":", "\\:"))
    if _engine() == "postgresql" and not op.get_context().as_sql:
        grants.restore(op.get_bind(), op.get_bind().info.pop(_RIGHTS, ()))


def drop_views(revision: str) -> None:
    """Drop the views of a revision, and the functions that they call, whichever of them exist.

    Rights on them come back with :func:`create_views`: a view that an earlier revision of the same change has made was
    not there when the change began.
    """
    if _engine() == "postgresql" and not op.get_context().as_sql:
        op.get_bind().info[_RIGHTS] = grants.granted(op.get_bind())
    for statement in reversed(_view_statements(revision)):
        kind, name = _CREATED.match(statement).groups()  # type: ignore[union-attr]  # the text has no other statements
        op.execute(f"DROP {kind} IF EXISTS {name}")


def has_column(table_name: str, column: str) -> bool:
    """Return whether the table has the column now; true when SQL is only written to a script."""
    return op.get_context().as_sql or column in _columns(table_name)


# --- parts of the above ----------------------------------------------------------------------------------------------

_LET = """DO $rights$
DECLARE
  item text;
BEGIN
  FOR item IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE CAST(CAST(a.grantee AS regrole) AS text) END
    FROM pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.oid = CAST('{like}' AS regclass) AND a.privilege_type = '{who}' AND a.grantee <> c.relowner
  LOOP
    EXECUTE 'GRANT {rights} ON {table_name} TO ' || item;
  END LOOP;
END
$rights$"""
_RIGHTS = "persistdb_rights_on_views"
_CREATED = re.compile(r"CREATE (?:OR REPLACE )?(VIEW|FUNCTION) (\w+(?:\(.*?\))?)")


def _view_statements(revision: str) -> list[str]:
    script: Any = op.get_context().script
    # a revision that changes no view has none
    texts = Path(script.versions).glob(f"[0-9]*_*.{_engine()}.sql")
    path = max(text for text in texts if text.name.partition("_")[0] <= revision)
    return [statement for statement in path.read_text("utf-8").split("\n;\n") if statement]


def _engine() -> str:
    name = op.get_context().dialect.name
    return "mariadb" if name in _MARIADB else name


def _columns(name: str) -> set[str]:
    """Return the columns of a table now; none when SQL is only written to a script, which starts from the old table."""
    if op.get_context().as_sql:
        return set()
    inspector = sa.inspect(op.get_bind())
    return {column["name"] for column in inspector.get_columns(name)} if inspector.has_table(name) else set()


def _name(constraint: sa.Constraint) -> str:
    return str(constraint.name)


def _unlike(one: sa.Table, other: sa.Table) -> list[sa.Constraint]:
    """Return the unique constraints that the one has and the other has not, by name."""
    names = {constraint.name for constraint in other.constraints}
    unique = [c for c in one.constraints if isinstance(c, sa.UniqueConstraint) and c.name not in names]
    return sorted(unique, key=_name)


def _specification(column: sa.Column[Any]) -> str:
    return str(CreateColumn(column).compile(dialect=op.get_context().dialect))


def _copies(after: sa.Table) -> list[sa.schema.SchemaItem]:
    return [sa.Column(c.name, c.type, nullable=c.nullable, autoincrement=c.autoincrement) for c in after.columns]


def _named(after: sa.Table, name: str) -> sa.Table:
    """Copy the whole table under another name."""
    metadata = sa.MetaData()
    for constraint in after.foreign_key_constraints:
        constraint.referred_table.to_metadata(metadata)
    return after.to_metadata(metadata, name=name)


def _bare(after: sa.Table, name: str, *, primary_key: bool) -> sa.Table:
    """Copy the table under another name with its checks, without its keys except, if wanted, the primary one."""
    items = _copies(after)
    items += [
        sa.CheckConstraint(c.sqltext, name=c.name)
        for c in sorted(after.constraints, key=_name)
        if isinstance(c, sa.CheckConstraint)
    ]
    if primary_key:
        items.append(sa.PrimaryKeyConstraint(*after.primary_key.columns.keys(), name=_name(after.primary_key)))
    return sa.Table(name, sa.MetaData(), *items)


def _add(constraints: Iterable[sa.Constraint]) -> None:
    for constraint in constraints:
        table_name, columns = constraint.table.name, ", ".join(constraint.columns.keys())  # type: ignore[attr-defined]
        if _engine() != "mariadb":
            op.execute(AddConstraint(constraint, isolate_from_table=False))
        elif isinstance(constraint, sa.ForeignKeyConstraint):
            referred = ", ".join(element.column.name for element in constraint.elements)
            op.execute(
                f"ALTER TABLE {table_name} ADD CONSTRAINT {constraint.name} FOREIGN KEY IF NOT EXISTS ({columns}) "
                f"REFERENCES {constraint.referred_table.name} ({referred}) ON DELETE {constraint.ondelete}"
            )
        else:
            op.execute(f"ALTER TABLE {table_name} ADD UNIQUE INDEX IF NOT EXISTS {constraint.name} ({columns})")


def _drop_unique(constraints: Iterable[sa.Constraint]) -> None:
    for constraint in constraints:
        if _engine() == "mariadb":
            op.execute(f"ALTER TABLE {constraint.table.name} DROP INDEX IF EXISTS {constraint.name}")
        else:
            op.execute(DropConstraint(constraint))
