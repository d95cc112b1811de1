"""The reporting views of what was: events, and live and past rows with the time for which each held.

``valid_from`` is when a row began to hold, ``valid_to`` when it no longer did, NULL while it does. In each view a row's
``created_at`` is when its container or sandbox was created: one that was removed and made again under its ID has
another. Each view is the union of the live rows and the past ones, with no aggregate and no join that a condition on an
indexed column must cross: an engine takes the condition to both tables.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .decoding import View, device_columns, device_of_map, mount_columns, process_columns, same, union, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engines import Backend

_WHOSE = {**same("s", "host", "sid"), **same("c", "cid")}
_LIVE = "JOIN container AS c ON c.id = {0}.container_id JOIN sandbox AS s ON s.id = c.sandbox_id"
_PAST = "JOIN container_lifetime AS c ON c.id = {0}.container_id JOIN sandbox_lifetime AS s ON s.id = c.sandbox_id"


def definitions(backend: Backend) -> dict[str, View]:
    """Return the definition of each view, for one engine."""
    return {
        "events": _events(),
        "sandboxes_over_time": _sandboxes(backend),
        "containers_over_time": _containers(backend),
        "mounts_over_time": _children(backend, "mount", "m", mount_columns(backend)),
        "devices_over_time": _children(
            backend, "device_map", "d", device_columns(backend), {"host_device": device_of_map(backend)}
        ),
        "processes_over_time": _children(backend, "process", "p", process_columns()),
    }


def _events() -> View:
    columns = ("kind", "revision", "at", "old_state", "new_state", "cause", "actor", "reason", "began_at")
    of_sandboxes = view(
        {**same("e", "id"), **_WHOSE, **same("e", *columns)},
        "event AS e JOIN sandbox_lifetime AS s ON s.id = e.sandbox_id"
        " LEFT JOIN container_lifetime AS c ON c.id = e.container_id",
    )
    # not an outer join: of one host, the index of lifetimes leads to its events
    of_hosts = view(
        {**same("e", "id", "host"), "sid": "NULL", "cid": "NULL", **same("e", *columns)},
        "event AS e\nWHERE e.sandbox_id IS NULL",
    )
    return union(of_sandboxes, of_hosts)


def _sandboxes(backend: Backend) -> View:
    return _versions(
        backend,
        "sandbox",
        {**same("s", "host", "sid"), **same("r", "state")},
        ("persist_version", "layout", "cgroup_path"),
        {},
        live="sandbox AS r",
        past="sandbox_history AS r JOIN sandbox_lifetime AS s ON s.id = r.sandbox_id",
    )


def _containers(backend: Backend) -> View:
    return _versions(
        backend,
        "container",
        {**_WHOSE, **same("r", "state")},
        ("bundle_path", "cgroup_path", "layout"),
        same("r", "revision"),
        live="container AS r JOIN sandbox AS s ON s.id = r.sandbox_id",
        past=f"container_history AS r {_PAST.format('r')}",
    )


def _versions(
    backend: Backend,
    table: str,
    known: Mapping[str, str],
    others: tuple[str, ...],
    numbers: Mapping[str, str],
    *,
    live: str,
    past: str,
) -> View:
    """Put together the versions of sandboxes or containers, each a row ``r``.

    A past row in which only the state changed has the ``others`` of the next whole one, or of the live row.
    """
    key = f"{table}_id"
    lifetime = "s" if table == "sandbox" else "c"

    def of_past(name: str) -> str:
        def following(value: str) -> str:
            return (
                f"(SELECT {value} FROM {table}_history AS n WHERE n.{key} = r.{key} AND n.whole = {backend.true}"
                " AND n.revision > r.revision ORDER BY n.revision LIMIT 1)"
            )

        now = f"(SELECT x.{name} FROM {table} AS x WHERE x.id = r.{key})"
        later = f"CASE WHEN {following('1')} IS NULL THEN {now} ELSE {following(f'n.{name}')} END"
        return f"CASE WHEN r.whole = {backend.true} THEN r.{name} ELSE {later} END"

    of_live = {name: value.replace(f"{lifetime}.", "r.") for name, value in known.items()}
    return union(
        view(
            {**of_live, **same("r", *others), **numbers, "created_at": "r.created_at"}
            | {"valid_from": "r.updated_at", "valid_to": "NULL"},
            live,
        ),
        view(
            {**known, **{name: of_past(name) for name in others}, **numbers, "created_at": f"{lifetime}.created_at"}
            | same("r", "valid_from", "valid_to"),
            past,
        ),
    )


def _children(
    backend: Backend, table: str, alias: str, columns: Mapping[str, str], last: Mapping[str, str] | None = None
) -> View:
    """Put together the versions of a list's rows; ``last`` has the columns that come last.

    A live row says at which revision of its container it came: a change of a list has written the version before as a
    whole row, whose end is the time.
    """
    before = (
        f"(SELECT x.valid_to FROM container_history AS x WHERE x.container_id = {alias}.container_id"
        f" AND x.whole = {backend.true} AND x.revision = {alias}.since - 1)"
    )
    began = f"CASE WHEN {alias}.since = 0 THEN c.created_at ELSE coalesce({before}, c.created_at) END"
    return union(
        view(
            {**_WHOSE, **columns, "created_at": "c.created_at", "valid_from": began, "valid_to": "NULL"}
            | dict(last or {}),
            f"{table} AS {alias} {_LIVE.format(alias)}",
        ),
        view(
            {**_WHOSE, **columns, "created_at": "c.created_at"}
            | same(alias, "valid_from", "valid_to")
            | dict(last or {}),
            f"{table}_history AS {alias} {_PAST.format(alias)}",
        ),
    )
