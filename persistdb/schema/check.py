"""The check of a database: its file, tables and views, foreign keys, and rules that SQL can't state."""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..engines import ViewsNotComparable
from ..errors import Finding, SchemaOutdated
from . import drift, preflight, version
from .core_history import IS_RECORDED
from .metadata import METADATA
from .screens import IS_KEPT, SCREENS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..engines import Backend
    from .screens import Screen

PAGE = 20_000
"""Containers that one statement goes through: on a server each must end within ``Timeouts.statement``."""

# Rules that hold for all rows that persistdb writes, and that no constraint of a single table can state. No timestamp
# is shown: PostgreSQL's 'infinity' is none that its driver can read. {} is for the
# condition of a page, on the column beside the statement.
_RULES = {
    "containers without a rootfs (the mount at position 0)": (
        "container.id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
            " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE {} AND NOT EXISTS"
            " (SELECT 1 FROM mount WHERE mount.container_id = container.id AND mount.position = 0)"
        ),
    ),
    "sandboxes whose updated_at precedes created_at": (
        "id",
        "SELECT host, sid FROM sandbox WHERE {} AND updated_at < created_at",
    ),
    "containers whose updated_at precedes created_at": (
        "container.id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
            " JOIN sandbox ON sandbox.id = container.sandbox_id"
            " WHERE {} AND container.updated_at < container.created_at"
        ),
    ),
}

for _table, _children in (("mount", "mounts"), ("device_map", "device maps"), ("process", "processes")):
    _RULES[f"containers with gaps in the positions of their {_children}"] = (
        "container_id",
        (
            "SELECT sandbox.host, sandbox.sid, container.cid, places.n AS listed, places.last AS last_position"
            f" FROM (SELECT container_id, count(*) AS n, max(position) AS last FROM {_table} WHERE {{}}"
            " GROUP BY container_id HAVING max(position) <> count(*) - 1) places"
            " JOIN container ON container.id = places.container_id JOIN sandbox ON sandbox.id = container.sandbox_id"
        ),
    )

# Of what was: with no gap and no overlap, but for what was removed with its age, or before the horizon.
_HORIZON = "(SELECT horizon FROM retention)"
for _one, _owner, _names in (
    ("container", "container_id", "live.sandbox_id, live.cid"),
    ("sandbox", "sandbox_id", "live.host, live.sid"),
):
    _past, _life = f"{_one}_history", f"{_one}_lifetime"
    _RULES[f"{_one}s whose last past version does not end when the present one begins"] = (
        "live.id",
        (
            f"SELECT {_names} FROM {_one} AS live WHERE {{}} AND {IS_KEPT.format(time='live.updated_at')} AND EXISTS"
            f" (SELECT 1 FROM {_past} AS past WHERE past.{_owner} = live.id AND past.valid_to > {_HORIZON})"
            f" AND (SELECT max(past.valid_to) FROM {_past} AS past WHERE past.{_owner} = live.id) <> live.updated_at"
        ),
    )
    _RULES[f"{_one}s whose lifetime is not recorded, or is over"] = (
        "live.id",
        (
            f"SELECT {_names} FROM {_one} AS live WHERE {{}} AND {IS_KEPT.format(time='live.created_at')}"
            f" AND NOT EXISTS (SELECT 1 FROM {_life} AS life WHERE life.id = live.id AND life.removed_at IS NULL)"
        ),
    )
    _RULES[f"lifetimes of {_one}s that are not over, of which there is no row"] = (
        "life.id",
        (
            f"SELECT life.id FROM {_life} AS life WHERE {{}} AND life.removed_at IS NULL AND {IS_RECORDED}"
            f" AND NOT EXISTS (SELECT 1 FROM {_one} AS live WHERE live.id = life.id)"
        ),
    )
    _RULES[f"past versions of {_one}s that end before they begin"] = (
        f"past.{_owner}",
        f"SELECT past.{_owner}, past.revision FROM {_past} AS past WHERE {{}} AND past.valid_to < past.valid_from",
    )
    _RULES[f"past versions of {_one}s that overlap, or have a gap between them"] = (
        f"past.{_owner}",
        (
            f"SELECT {_owner}, revision FROM (SELECT past.{_owner}, past.revision, past.valid_from,"
            f" lag(past.valid_to) OVER (PARTITION BY past.{_owner} ORDER BY past.valid_to, past.revision) AS ended"
            f" FROM {_past} AS past WHERE {{}}) AS periods"
            f" WHERE ended IS NOT NULL AND ended <> valid_from AND valid_from > {_HORIZON}"
        ),
    )

for _table in ("mount", "device_map", "process"):
    _RULES[f"past rows of {_table} that end before they begin"] = (
        "past.container_id",
        (
            "SELECT past.container_id, past.position, past.since, past.until"
            f" FROM {_table}_history AS past"
            " WHERE {} AND (past.until <= past.since OR past.valid_to < past.valid_from)"
        ),
    )
    _RULES[f"rows of {_table} that are so since a revision that their container has not come to"] = (
        "now.container_id",
        (
            f"SELECT now.container_id, now.position, now.since, container.revision FROM {_table} AS now"
            " JOIN container ON container.id = now.container_id WHERE {} AND now.since > container.revision"
        ),
    )

_RULES["events that are neither of a sandbox nor of a host, or of both"] = (
    "event.id",
    "SELECT event.id, event.kind FROM event WHERE {} AND (event.sandbox_id IS NULL) = (event.host IS NULL)",
)
_RULES["gaps without a beginning, or that end before it"] = (
    "event.id",
    (
        "SELECT event.id, event.host FROM event WHERE {} AND event.sandbox_id IS NULL AND event.kind = 'gap'"
        " AND (event.began_at IS NULL OR event.began_at > event.at)"
    ),
)


def check(database: Database, *, progress: Callable[[int, int], object] = lambda _done, _all: None) -> list[Finding]:
    """Return everything that is wrong with a database; an empty list is good news. Nothing is changed.

    ``progress`` is called after each step, with how many are done and how many there are.
    The tables and views of a newer one that this program may read are not compared with its own.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`: the rules are for rows of this program's schema.
    """
    is_ours = check_support(database).revision == version.HEAD
    try:
        with database.engine.connect() as connection:
            findings = [Finding(f"the file is damaged: {fault}") for fault in database.backend.damage(connection)]
            findings += _tables(connection) if is_ours else []
        # in a separate transaction: a server may be asked to let it write, which must be its first statement
        with database.engine.connect() as connection:
            findings += _views(database.backend, connection) if is_ours else []
        with database.engine.connect() as connection:
            pages = _pages(database.backend, connection)
            rules, misfits = preflight.orphan_queries(connection) | _RULES, _misfits(database.backend)
            steps, done = len(SCREENS) + len(rules) + len(misfits), count(1)
            screened: dict[str, Sequence[Mapping[str, object]]] = {}
            for screen in SCREENS:
                doubtful = _doubtful(database.backend, connection, screen, pages)
                screened |= dict.fromkeys(screen.rules, doubtful)
                progress(next(done), steps)
            for what, (column, statement) in rules.items():
                of_rule = screened.get(what, pages)
                findings += _in_pages(database.backend, connection, what, statement, column, of_rule)
                progress(next(done), steps)
            for what, statement in misfits.items():
                findings += _rows(database.backend, connection, what, statement, {})
                progress(next(done), steps)
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
    return findings


def check_support(database: Database) -> version.Support:
    """Return which programs may use a database's schema; raises what :func:`check` does where this one may not."""
    found = version.support(database)
    if found is None:
        version.refuse_foreign(database)
        raise SchemaOutdated(database.url, None, version.HEAD)
    if refusal := found.refusal(database.url, write=False):
        raise refusal
    return found


def _pages(backend: Backend, connection: Connection) -> list[dict[str, object]]:
    """Return the pages in which all rows are: each is behind one container's ID and up to another's, or endless.

    They are for all tables: whatever their IDs are, each row is in one of them.
    """
    following = text("SELECT id FROM container WHERE id > :behind ORDER BY id LIMIT 1 OFFSET :number")
    pages: list[dict[str, object]] = [{}]
    behind = -1
    try:
        while (last := connection.scalar(following, {"behind": behind, "number": PAGE - 1})) is not None:
            pages[-1]["last"], behind = last, last
            pages.append({"behind": last})
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()
        return [{}]  # the table's rules will say what it lacks
    return pages


def _refuse_unless_missing(backend: Backend, error: DBAPIError) -> None:
    """Raise an error again, unless it is about what a query reads."""
    if error.connection_invalidated or backend.rule(error.orig or error) is not None:
        raise error


def _condition(column: str, page: Mapping[str, object]) -> str:
    bounds = {"behind": f"{column} > :behind", "last": f"{column} <= :last"}
    return " AND ".join(bounds[name] for name in page) or "1 = 1"


def _doubtful(
    backend: Backend, connection: Connection, screen: Screen, pages: Sequence[Mapping[str, object]]
) -> Sequence[Mapping[str, object]]:
    """Return the pages in which the rules of a screen may find something: all, if it reads what is missing."""
    doubtful = []
    try:
        for page in pages:
            conditions = (_condition(column, page) for column in screen.columns)
            if connection.execute(text(screen.statement.format(*conditions)), page).first():
                doubtful.append(page)
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()
        return pages
    return doubtful


def _in_pages(
    backend: Backend,
    connection: Connection,
    what: str,
    statement: str,
    column: str,
    pages: Sequence[Mapping[str, object]],
) -> list[Finding]:
    """Return the rows of all pages of a rule as one finding."""
    found: list[Finding] = []
    for page in pages:
        found += _rows(backend, connection, what, statement.format(_condition(column, page)), page)
        if found and not found[-1].columns:
            return found[-1:]  # it cannot be asked
    if not found:
        return []
    rows = tuple(row for each in found for row in each.rows)
    return [Finding(what, found[0].columns, rows[: preflight.SHOWN], sum(each.count for each in found))]


def _rows(
    backend: Backend, connection: Connection, what: str, statement: str, values: Mapping[str, object]
) -> list[Finding]:
    """Return the rows of a rule's query; a query that reads what is missing is a finding, too."""
    try:
        return preflight.find_rows(connection, what, statement, values)
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()  # on PostgreSQL the transaction takes no other statement
        return [Finding(f"{what}: could not be looked for ({backend.detail(error.orig or error)})")]


def _misfits(backend: Backend) -> dict[str, str]:
    """Return the query for the rows of each table with a value that is not of its column's type, where that can be.

    It shows the numbers of rows: their IDs may be the values in question.
    """
    queries = {}
    for table in METADATA.sorted_tables:
        conditions = {column.name: backend.misfit(column.name, column.type) for column in table.c}
        checked = {name: condition for name, condition in conditions.items() if condition is not None}
        if checked:
            cases = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in checked.items())
            keys = ", ".join(column.name for column in table.primary_key)
            queries[f"rows of {table.name} with a value that is not of its column's type"] = (
                f"SELECT {keys}, column_name FROM"
                f" (SELECT {keys}, CASE {cases} END AS column_name FROM {table.name}) typed"
                " WHERE column_name IS NOT NULL"
            )
    return queries


def _tables(connection: Connection) -> list[Finding]:
    """Return a finding for each difference between the tables and the mapped classes."""
    remedies = {
        drift.FOREIGN: "drop it, for an upgrade may fail on it",
        drift.MISSING: "create it as its revision does (migrations/versions), or restore a backup",
    }
    return [
        Finding(f"{difference}; {remedies.get(difference.how, 'change it back, or restore a backup')}")
        for difference in drift.table_differences(connection, METADATA)
    ]


def _views(backend: Backend, connection: Connection) -> list[Finding]:
    """Return a finding for each view that is missing or was changed."""
    try:
        differences = drift.view_differences(backend, connection)
    except ViewsNotComparable as error:
        return [Finding(f"the views could not be compared with their definitions: {error.remedy}")]
    return [Finding(f"{difference}; persistdb db upgrade creates it again") for difference in differences]
