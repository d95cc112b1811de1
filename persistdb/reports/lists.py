"""The lists of sandboxes and of hosts, as their views have them."""

# ruff: noqa: S608  the names of views and columns are constants of ours, values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..schema.prepare import prepare
from ..validation import check_sort
from . import readonly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..db.database import Database

SANDBOXES: Final = (
    *("host", "sid", "state", "containers", "running", "updated_at", "seen_at", "source", "layout", "cgroup_path"),
    *("mounts", "devices", "processes", "revision", "created_at", "runtime", "namespace", "pod_namespace", "pod_name"),
)
"""The columns of a list of sandboxes."""

HOSTS: Final = ("host", "sandboxes", "containers", "last_seen", "first_seen", "kernel", "programs", "boot_id")
"""The columns of a list of hosts."""


def sandboxes(
    database: Database, *, host: str | None = None, sort: str = "sid", limit: int | None = None
) -> readonly.Rows:
    """Return the sandboxes of a host, or of all, sorted by a column, ``-`` before its name for the reverse.

    Nothing is created. Raises :class:`~persistdb.errors.InvalidValue` for an unknown column,
    :class:`~persistdb.errors.SchemaError`, :class:`~persistdb.errors.DatabaseError`.
    """
    where = "" if host is None else " WHERE host = :host"
    values: dict[str, object] = {} if host is None else {"host": host}
    return _read(database, "sandboxes", SANDBOXES, where, values, (sort, "host", "sid"), limit)


def hosts(database: Database, *, sort: str = "host", limit: int | None = None) -> readonly.Rows:
    """Return all hosts, sorted; raises as :func:`sandboxes` does."""
    return _read(database, "hosts", HOSTS, "", {}, (sort, "host"), limit)


def _read(
    database: Database,
    view: str,
    columns: Sequence[str],
    where: str,
    values: dict[str, object],
    order: Sequence[str],
    limit: int | None,
) -> readonly.Rows:
    sort = check_sort(order[0], columns)
    by = dict.fromkeys([f"{sort} DESC" if order[0].startswith("-") else sort, *(x for x in order[1:] if x != sort)])
    sql = f"SELECT {', '.join(columns)} FROM {view}{where} ORDER BY {', '.join(by)}"
    prepare(database, create=False)
    return readonly.read(database, sql, values, limit=limit, trusted=True)
