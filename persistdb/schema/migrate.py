"""Changes of the schema from one revision to another, with or without a checkout.

A change is one transaction on SQLite and PostgreSQL. On MariaDB it is a transaction for each revision, and a change
that was interrupted continues where it stopped when it is started again.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..db import waits
from ..engines import ViewsNotComparable
from ..engines.bounded import bounded_again, unbounded
from ..engines.locks import Orphans, StillLocked
from ..errors import (
    AccessDenied,
    Busy,
    ChangeBlocked,
    Corrupt,
    NamesTaken,
    NotFound,
    SchemaMissing,
    SchemaTooNew,
    WouldLose,
)
from . import backfill, drift, leases, preflight, support, version
from .backup import before_change, need_room_for_change
from .names import ALL, TABLES, VERSION
from .revisions import Change, Revision, Step, history, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..errors import Loss
    from .backfill import Filling

log = logging.getLogger("persistdb")

MANY = 100_000
"""The number of rows from which on a step's duration is estimated."""

WAIT = 600.0
"""Seconds to wait for another program that is changing the same schema."""

_MIGRATES = (
    "only the migrator, the role that owns the tables, creates or changes the schema: run persistdb db upgrade or "
    "downgrade as this role"
)

# Alembic keeps what it works on in globals (alembic.context, alembic.op).
_one_at_a_time = threading.RLock()


def upgrade(
    database: Database,
    revision: str = "head",
    *,
    host: str = "",
    moment: datetime | None = None,
    backup: bool = True,
    beside_others: bool = False,
    wait: float = WAIT,
    fill: bool = True,
    batch: int = backfill.BATCH,
    progress: Callable[[Step | Filling], None] | None = None,
) -> Change:
    """Upgrade the schema to a revision; nothing is done if it is there already.

    At the newest revision, views that are missing or were changed are created again. A database that has tables of
    other programs and no schema of ours gets one with ``beside_others`` only.

    ``host`` becomes the host of sandboxes that were stored before sandboxes had hosts, ``moment`` the timestamp of rows
    that were stored before rows had timestamps. ``wait`` is how many seconds to wait for others who use the tables.
    ``progress`` is called before each step, and while rows are filled.

    Rows that a revision is to fill are filled afterwards, ``batch`` in a transaction, beside programs that write;
    without ``fill`` by the next upgrade, which begins with them.

    Raises :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`,
    :class:`~persistdb.errors.NamesTaken`, :class:`~persistdb.errors.ChangeBlocked`,
    :class:`~persistdb.errors.StorageFull`, :class:`~persistdb.errors.Busy`.
    """
    target = _resolve_revision(revision)
    backfill.fill(database, batch=batch, progress=progress)
    change = _upgrade(database, target, host, moment, wait, progress, backup=backup, beside_others=beside_others)
    if fill and change.after != change.before:
        backfill.fill(database, batch=batch, progress=progress)
    return change


def _upgrade(
    database: Database,
    target: str,
    host: str,
    moment: datetime | None,
    wait: float,
    progress: Callable[[Step | Filling], None] | None,
    *,
    backup: bool,
    beside_others: bool,
) -> Change:
    with exclusive_connection(database, wait) as connection:
        current = _current_revision(database, connection, beside_others=beside_others)
        if current is not None:
            support.finish(database, connection, current, history)
            support.refuse_interrupted(database, connection, current)
        if current == target == version.HEAD:
            return Change(current, current, None, _repair_views(database, connection))
        every = history()
        path = [each for each in every if (current is None or each.id > current) and each.id <= target]
        saved = None
        if current is not None and path:
            _refuse_blocked(database, connection, path, current, target, down=False)
            saved = _back_up(database, current, wanted=backup)
        go = partial(
            run, connection=connection, backend=database.backend, host=host, moment=moment or datetime.now(UTC)
        )
        steps = [(each, each.id) for each in path]
        closing = support.closing(database, every, path, current)
        _run_steps(database, connection, steps, go, progress, closing)
    database.forget_schema()
    return _logged(database, Change(current, max(current or "", target), saved))


def downgrade(
    database: Database,
    revision: str,
    *,
    allow_loss: bool = False,
    backup: bool = True,
    progress: Callable[[Step | Filling], None] | None = None,
) -> Change:
    """Downgrade the schema to a revision, or to ``base``: no schema at all. Nothing is done if it is there already.

    Raises :class:`~persistdb.errors.WouldLose` if the older schema has no place for something that is stored, unless
    ``allow_loss``, and the errors of :func:`upgrade`.
    """
    target = None if revision == "base" else _resolve_revision(revision)
    with exclusive_connection(database) as connection:
        current = _current_revision(database, connection)
        if current is not None:
            support.finish(database, connection, current, history)
        if current is None or (target is not None and current <= target):
            return Change(current, current, None)
        every = history()
        path = _path_down(every, current, target)
        _refuse_blocked(database, connection, path, current, revision, down=True)
        lost = preflight.losses(connection, path)
        if lost and not allow_loss:
            raise WouldLose(database.url, current, revision, lost)
        saved = _back_up(database, current, wanted=backup)
        before = {each.id: older.id for older, each in itertools.pairwise(every)}
        steps = [(each, before.get(each.id, "base")) for each in path]
        go = partial(run, down=True, connection=connection, backend=database.backend)
        closing = support.closing(database, every, path, current, down=True)
        _run_steps(database, connection, steps, go, progress, closing)
    database.forget_schema()
    return _logged(database, Change(current, target, saved))


def _logged(database: Database, change: Change) -> Change:
    if change.after != change.before:
        log.info(
            "%s: schema changed from %s to %s", database.url, change.before or "nothing", change.after or "nothing"
        )
    return change


def losses(database: Database, revision: str) -> list[Loss]:
    """Return what a downgrade to a revision would lose of the rows that are stored now."""
    target = None if revision == "base" else _resolve_revision(revision)
    with database.engine.connect() as connection:
        current = _current_revision(database, connection)
        return preflight.losses(connection, _path_down(history(), current, target) if current else [])


@contextlib.contextmanager
def exclusive_connection(database: Database, wait: float = WAIT) -> Iterator[Connection]:
    """Open a connection on which this program, and no other, may change the schema; it is committed at the end."""
    connected = False
    try:
        with _one_at_a_time, database.writer.connect() as connection:
            connected = True
            with contextlib.ExitStack() as change:
                change.callback(bounded_again, unbounded(connection))
                with waits.noted(connection.connection.dbapi_connection):
                    change.enter_context(database.backend.exclusive(connection, wait, TABLES))
                if database.backend.is_cluster(connection):
                    change.enter_context(leases.change_of_schema(database, connection, wait))
                version.rename(database, connection)
                yield connection
    except (StillLocked, leases.LockUnavailable):
        raise Busy(database.url, f"another program has been changing the schema for {wait:g} s") from None
    except Orphans as orphans:
        rows = ", ".join(f"{table} row {row} without {parent}" for table, row, parent, _ in orphans.rows)
        raise Corrupt(database.url, f"rows without their parent, so nothing was changed: {rows}") from None
    except (SQLAlchemyError, database.driver_error, OSError) as error:
        failure = database.failure(error)
        if connected and isinstance(failure, AccessDenied) and not database.backend.no_users:
            raise AccessDenied(database.url, f"{failure.detail}; {_MIGRATES}") from error
        raise failure from error


def _resolve_revision(revision: str) -> str:
    """Return the ID of a revision; raise :class:`~persistdb.errors.NotFound` if there is no such revision."""
    if revision == "head":
        return version.HEAD
    if revision not in version.REVISIONS:
        raise NotFound("schema revision", revision)
    return revision


def _current_revision(database: Database, connection: Connection, *, beside_others: bool = False) -> str | None:
    """Return the revision of a database that nobody else changes; refuse other programs' databases and newer ones.

    With ``beside_others`` another program's is refused only where it has a name that we need.
    """
    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    if version.is_earlier(connection, tables):  # where nobody was to rename it
        return str(connection.execute(text(version.EARLIER)).scalar_one())
    if VERSION not in tables:
        others = version.others(connection, tables)
        if others and not beside_others:
            raise SchemaMissing(database.url, None, version.HEAD)
        taken = ALL & {*others, *inspector.get_view_names()}
        if taken:
            raise NamesTaken(database.url, None, version.HEAD, sorted(taken))
        return None
    current: str | None = connection.execute(text(version.OURS)).scalar_one_or_none()
    if current is not None and current not in version.REVISIONS:
        raise SchemaTooNew(database.url, current, version.HEAD)
    return current


def _path_down(every: Sequence[Revision], current: str, target: str | None) -> list[Revision]:
    """List the revisions to undo, newest first."""
    return [each for each in reversed(every) if each.id <= current and (target is None or each.id > target)]


def _refuse_blocked(
    database: Database, connection: Connection, path: Sequence[Revision], current: str, target: str, *, down: bool
) -> None:
    """Raise :class:`~persistdb.errors.ChangeBlocked` for rows that would make the change fail half-way."""
    held = leases.held(database.backend)
    findings = [*preflight.orphans(connection), *preflight.blocks(connection, path, held, down=down)]
    if findings:
        raise ChangeBlocked(database.url, current, target, findings)


def _back_up(database: Database, current: str, *, wanted: bool) -> Path | None:
    """Make a backup, if it is wanted, while nobody else writes, and look for room for the change."""
    saved = before_change(database, current) if wanted else None
    need_room_for_change(database)
    return saved


def _repair_views(database: Database, connection: Connection) -> tuple[str, ...]:
    """Create the views again that differ from the newest revision's, and return their names."""
    try:
        differences = drift.view_differences(database.backend, connection)
    except ViewsNotComparable:
        return ()  # a user that may not see definitions may not create views either
    drift.repair(database.backend, connection, differences)
    repaired = tuple(f"{difference.kind} {difference.name}" for difference in differences)
    if repaired:
        log.info("%s: created again: %s", database.url, ", ".join(repaired))
    return repaired


def _run_steps(
    database: Database,
    connection: Connection,
    steps: Sequence[tuple[Revision, str]],
    go: Callable[[str], None],
    progress: Callable[[Step | Filling], None] | None,
    closing: AbstractSet[str],
) -> None:
    """Change the schema to the target of each step, and report the step before.

    No program writes to the database from the first step on that is among the ``closing`` ones.

    Without ``progress`` all steps are one run of Alembic.
    """
    transactional = database.backend.transactional_ddl
    if closing and transactional:
        support.close(database, connection, steps[-1][1])
    if progress is None and (transactional or not closing):
        for _, target in steps[-1:]:
            go(target)
        return
    moved, spent = 0, 0.0
    for number, (revision, target) in enumerate(steps, 1):
        tables = set(inspect(connection).get_table_names())
        counts = {table: _count_rows(connection, table) for table in revision.moves if table in tables}
        rows, seconds = sum(counts.values()), None
        if rows >= MANY:
            largest = max(counts, key=counts.__getitem__)
            seconds = rows * (spent / moved if moved else _seconds_a_row(database, connection, largest))
        if progress is not None:
            progress(Step(revision, number, len(steps), rows, seconds))
        if revision.id in closing and not transactional:
            support.close(database, connection, target)
        start = time.monotonic()
        go(target)
        if rows >= MANY:
            moved, spent = moved + rows, spent + time.monotonic() - start


def _count_rows(connection: Connection, table: str) -> int:
    count: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608  a constant of ours
    return count


def _seconds_a_row(database: Database, connection: Connection, table: str) -> float:
    """Measure how long it takes to copy a row, without any key, by a sample."""
    start = time.monotonic()
    sample = f"SELECT * FROM {table} LIMIT {MANY // 10}"  # noqa: S608  constants of ours
    connection.execute(text(f"CREATE TEMPORARY TABLE persistdb_sample AS {sample}"))
    seconds = (time.monotonic() - start) / (MANY // 10)
    connection.execute(text(f"{database.backend.drop_temporary_table} persistdb_sample"))
    return seconds
