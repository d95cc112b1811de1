"""Whose rows an answer covers: reports of one host, and the hosts that a database has."""

# ruff: noqa: S608  the names of views are constants of ours, the host is a parameter

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..db import work
from ..errors import InvalidValue
from ..schema.views import NAMES
from .readonly import first_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.database import Database
    from .catalog import Report

# No parameter that a report declares begins so.
_HOST: Final = "_host"

# One host after another, each found by the index: DISTINCT would read all sandboxes.
_NEXT: Final = "SELECT min(host) FROM sandboxes WHERE host > :last"
_HAS: Final = "SELECT min(host) FROM sandboxes WHERE host = :host"


def views_of(report: Report) -> list[str]:
    """Return the views that a report reads."""
    return [name for name in NAMES if re.search(rf"\b{name}\b", report.sql)]


def of_hosts(database: Database, report: Report, hosts: Sequence[str]) -> tuple[str, Mapping[str, object]]:
    """Return a report's SQL with its views limited to some hosts, and the parameters that this takes.

    The views that the report reads are replaced by parts of the query of the same names. Raises
    :class:`~persistdb.errors.InvalidValue` for a report that reads none, or whose SQL takes no such parts.
    """
    used = views_of(report)
    first = first_word(report.sql)
    start = 0 if first is None else first.start()
    has_parts = first is not None and first[0].lower() == "with"
    after = report.sql[first.end() :] if has_parts and first is not None else report.sql
    is_nested = has_parts and "(" in re.sub(r"--[^\n]*|/\*.*?\*/", "", report.sql[:start], flags=re.DOTALL)
    if not used or is_nested or (has_parts and re.match(r"\s+recursive\b", after, re.IGNORECASE)):
        why = "reads no view" if not used else "begins with WITH RECURSIVE, or with WITH in parentheses"
        raise InvalidValue("report", report.name, f"{why}, so it cannot be limited to one host; add --all-hosts")
    prefix, inlined = database.backend.view_prefix, database.backend.inlined
    values = {f"{_HOST}{i}": host for i, host in enumerate(hosts)}
    # equal to one each, not in a range: by this even a planner without statistics begins with the hosts
    given = ", ".join(f":{name}" for name in values) or "NULL"
    parts = ", ".join(f"{name} AS {inlined}(SELECT * FROM {prefix}{name} WHERE host IN ({given}))" for name in used)
    return f"WITH {parts}{',' if has_parts else ' '}{after}", values


def hosts(database: Database, limit: int) -> list[str]:
    """Return the first hosts that have sandboxes in the database."""
    statement = work.Statement(_NEXT, database.backend.style)
    names: list[str] = []
    while len(names) < limit:
        last = names[-1] if names else ""
        name = database.read(lambda: work.value(statement, {"last": last}))  # noqa: B023  run at once
        if name is None:
            break
        names.append(name)
    return names


def has_host(database: Database, host: str) -> bool:
    """Return whether the database has sandboxes of a host."""
    statement = work.Statement(_HAS, database.backend.style)
    return database.read(lambda: work.value(statement, {"host": host})) is not None
