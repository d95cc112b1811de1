"""Differences between a database's tables and views and this program's, and the repair of views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from ..engines.base import CHANGED, MISSING
from . import names, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ..engines import Backend


def _is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out tables that another program has beside ours."""
    return kind != "table" or name in names.COMPARED


COMPARISON: Mapping[str, Any] = {
    "include_name": _is_compared,
    "compare_type": True,
    "compare_server_default": True,
    # checks are compared by name, and only if one asks for it
    "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
}
"""Alembic's options for the comparison of a database with the mapped classes."""

FOREIGN = "is not one of this program's"
"""The difference of something in the database that the program does not know."""

__all__ = [
    "CHANGED",
    "COMPARISON",
    "FOREIGN",
    "MISSING",
    "Difference",
    "repair",
    "table_differences",
    "view_differences",
]


@dataclass(frozen=True)
class Difference:
    """One thing that differs: its ``kind`` (``table``, ``column``, ``view``, ``function`` …), its name, and how."""

    kind: str
    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.how}"


def table_differences(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Compare tables, columns, keys, checks and indexes with the mapped classes."""
    context = MigrationContext.configure(connection, opts=dict(COMPARISON))
    return [_described(*operation) for operation in _flat(compare_metadata(context, metadata))]


def _flat(operations: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Take the changes of one column, which Alembic puts into a list, apart."""
    for operation in operations:
        yield from _flat(operation) if isinstance(operation, list) else [operation]


def _described(change: str, *what: Any) -> Difference:
    """Describe what Alembic would do to the database as a fault of the database."""
    verb, _, kind = change.partition("_")
    if verb == "modify":
        _, table, column, _, actual, wanted = what
        return Difference("column", f"{table}.{column}", f"{CHANGED}: its {kind} is {actual!r} instead of {wanted!r}")
    item = what[-1]
    how = MISSING if verb == "add" else FOREIGN
    if kind == "table":
        return Difference(kind, item.name, how)
    if kind == "column":
        return Difference(kind, f"{what[1]}.{item.name}", how)
    kinds = {"fk": "foreign key", "index": "index"}
    return Difference(kinds.get(kind, "constraint"), f"{item.name} of table {item.table.name}", how)


def view_differences(backend: Backend, connection: Connection) -> list[Difference]:
    """Compare views and their functions with the definitions of the newest revision; nothing is changed.

    The connection's transaction must have had no statement before, unless it may write. Raises
    :class:`~persistdb.engines.ViewsNotComparable`.
    """
    faults = backend.function_faults(connection)
    differences = [Difference("function", name, fault) for name, fault in faults.items()]
    missing = [name.partition("(")[0] for name, fault in faults.items() if fault == MISSING]
    present = set(inspect(connection).get_view_names())
    comparable = {}
    for name, view in views.definitions(backend).items():
        if name not in present:
            differences.append(Difference("view", name, MISSING))
        elif columns := _column_faults(backend, connection, name, view.columns):
            differences.append(Difference("view", name, f"{CHANGED}: {'; '.join(columns)}"))
        elif any(function in view.select for function in missing):
            differences.append(Difference("view", name, f"{CHANGED}: it does not call a function that is missing"))
        else:
            comparable[name] = view.select
    changed = backend.changed_views(connection, comparable)
    other = f"{CHANGED}: its SELECT is not this program's"
    return differences + [Difference("view", name, other) for name in changed]


def _column_faults(backend: Backend, connection: Connection, name: str, wanted: Sequence[str]) -> list[str]:
    """Say how the columns of a view differ from the wanted ones."""
    try:
        columns = list(connection.execute(text(f"SELECT * FROM {name} LIMIT 0")).keys())  # noqa: S608  ours
    except DBAPIError as error:
        cause = error.orig or error
        if backend.rule(cause) is not None:
            raise
        return [f"it cannot be read ({backend.detail(cause)})"]
    faults = [f"column {column} {MISSING}" for column in wanted if column not in columns]
    faults += [f"column {column} {FOREIGN}" for column in columns if column not in wanted]
    if not faults and columns != list(wanted):
        faults.append(f"its columns are in the order {', '.join(columns)}")
    return faults


def repair(backend: Backend, connection: Connection, differences: Sequence[Difference]) -> None:
    """Create the views and functions again that differ; the others stay, with the rights that are granted on them."""
    functions = {difference.name for difference in differences if difference.kind == "function"}
    names = {difference.name for difference in differences if difference.kind == "view"}
    statements = [statement for name, statement in backend.view_functions.items() if name in functions]
    for name, view in views.definitions(backend).items():
        if name in names:
            statements += [f"DROP VIEW IF EXISTS {name}", f"{backend.create_view} {name} AS\n{view.select}"]
    for statement in statements:
        connection.exec_driver_sql(statement)
