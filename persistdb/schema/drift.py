"""How a database's views differ from their definitions, and how to put them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from ..engines.base import CHANGED, MISSING
from . import views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from ..engines import Backend


@dataclass(frozen=True)
class Difference:
    """What is wrong with one view, or with a function that views call: ``kind`` is ``view`` or ``function``."""

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.what}"


def differences(backend: Backend, connection: Connection) -> list[Difference]:
    """Compare views and their functions with the definitions of the newest revision; nothing is changed.

    The connection's transaction must have had no statement before, unless it may write. Raises
    :class:`~persistdb.engines.ViewsNotComparable`.
    """
    faults = backend.function_faults(connection)
    found = [Difference("function", name, fault) for name, fault in faults.items()]
    missing = [name.partition("(")[0] for name, fault in faults.items() if fault == MISSING]
    present = set(inspect(connection).get_view_names())
    comparable = {}
    for name, view in views.definitions(backend).items():
        if name not in present:
            found.append(Difference("view", name, MISSING))
        elif columns := _column_faults(backend, connection, name, view.columns):
            found.append(Difference("view", name, f"{CHANGED}: {'; '.join(columns)}"))
        elif any(function in view.select for function in missing):
            found.append(Difference("view", name, f"{CHANGED}: it does not call a function that is missing"))
        else:
            comparable[name] = view.select
    changed = backend.changed_views(connection, comparable)
    return found + [Difference("view", name, f"{CHANGED}: its query is not the one it should be") for name in changed]


def repair(backend: Backend, connection: Connection, found: Sequence[Difference]) -> None:
    """Create the views and functions again that differ, and leave the others, with what is granted on them, alone."""
    functions = {difference.name for difference in found if difference.kind == "function"}
    names = [difference.name for difference in found if difference.kind == "view"]
    statements = [backend.view_functions[name] for name in backend.view_functions if name in functions]
    for name, view in views.definitions(backend).items():
        if name in names:
            statements += [f"DROP VIEW IF EXISTS {name}", f"{backend.create_view} {name} AS\n{view.select}"]
    for statement in statements:
        connection.exec_driver_sql(statement)


def _column_faults(backend: Backend, connection: Connection, name: str, wanted: Sequence[str]) -> list[str]:
    """Say how the columns of a view differ from the wanted ones."""
    try:
        columns = list(connection.execute(text(f"SELECT * FROM {name} LIMIT 0")).keys())  # noqa: S608  ours
    except DBAPIError as error:
        cause = error.orig or error
        if backend.rule(cause) is not None:
            raise
        return [f"it cannot be read ({backend.detail(cause)})"]
    faults = [f"column {column} is missing" for column in wanted if column not in columns]
    faults += [f"column {column} is not one of its own" for column in columns if column not in wanted]
    if not faults and columns != list(wanted):
        faults.append(f"its columns are in the order {', '.join(columns)}")
    return faults
