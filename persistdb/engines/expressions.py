"""Parts of statements that several engines build alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import String, literal_column

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Insert, Table


def literal_text(value: str) -> ColumnElement[str]:
    """Write a constant into a statement, where an engine needs to see it to know its type."""
    return literal_column("'" + value.replace("'", "''") + "'", String)


# SQLAlchemy's INSERT of a dialect that has ON CONFLICT; they have no common class.
ConflictInsert = TypeVar("ConflictInsert", bound="Insert")


def on_conflict_update(insert: ConflictInsert, table: Table) -> ConflictInsert:
    """Let an INSERT of SQLite or PostgreSQL overwrite the rows with the same primary key."""
    statement: Any = insert
    updated: ConflictInsert = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={column.name: statement.excluded[column.name] for column in table.c if not column.primary_key},
    )
    return updated
