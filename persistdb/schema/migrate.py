"""Changes of the schema from one version to another, with or without a checkout.

A change is one transaction on SQLite and PostgreSQL. On MariaDB it is one for each revision, and a change that was cut
off goes on where it stopped when it is started again.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alembic import command
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..engines import ViewsNotComparable
from ..engines.locks import Orphans, StillLocked
from ..errors import Busy, ChangeBlocked, Corrupt, NotFound, SchemaMissing, SchemaTooNew, WouldLose
from . import drift, preflight, version
from .backup import before_change, need_room_for_change
from .revisions import Change, Revision, Step, config, history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..errors import Loss

MANY = 100_000
"""Rows that take long enough to say how long."""

WAIT = 600.0
"""Seconds to wait for another program that is changing the same schema."""

COMPARISON: Mapping[str, Any] = {
    "compare_type": True,
    "compare_server_default": True,
    # checks are compared by name, and only if one asks for it
    "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
}
"""What Alembic is to compare when it looks for differences between a database and the mapped classes."""

# Alembic keeps what it works on in globals (alembic.context, alembic.op).
_one_at_a_time = threading.RLock()


def _silent(_: Step) -> None:
    """Tell nobody."""


def upgrade(
    database: Database,
    revision: str = "head",
    *,
    host: str = "",
    moment: datetime | None = None,
    backup: bool = True,
    wait: float = WAIT,
    progress: Callable[[Step], None] = _silent,
) -> Change:
    """Bring the schema up to a revision; nothing is done if it is there already.

    At the newest revision, views that are missing or were changed are created again.

    ``host`` is given to sandboxes from before there were hosts, ``moment`` to rows from before there were times.
    ``wait`` is how many seconds to wait for others who use the tables.

    Raises :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`,
    :class:`~persistdb.errors.ChangeBlocked`, :class:`~persistdb.errors.StorageFull`,
    :class:`~persistdb.errors.Busy`.
    """
    target = _known(revision)
    with alone(database, wait) as connection:
        found = _found(database, connection)
        if found == target == version.HEAD:
            return Change(found, found, None, _repair(database, connection))
        path = [each for each in history() if (found is None or each.id > found) and each.id <= target]
        saved = None
        if found is not None and path:
            _refuse(database, connection, path, found, target, down=False)
            saved = _save(database, found, wanted=backup)
        configured = config(connection=connection, host=host, moment=moment or datetime.now(UTC))
        _walk(
            database,
            connection,
            [(each, each.id) for each in path],
            lambda target: command.upgrade(configured, target),
            progress,
        )
    database.prepared = False
    return Change(found, max(found or "", target), saved)


def downgrade(
    database: Database,
    revision: str,
    *,
    allow_loss: bool = False,
    backup: bool = True,
    wait: float = WAIT,
    progress: Callable[[Step], None] = _silent,
) -> Change:
    """Take the schema down to a revision, or to ``base``: no schema at all. Nothing is done if it is there already.

    Raises :class:`~persistdb.errors.WouldLose` if what is stored does not fit, unless ``allow_loss``, and what
    :func:`upgrade` raises.
    """
    target = None if revision == "base" else _known(revision)
    with alone(database, wait) as connection:
        found = _found(database, connection)
        if found is None or (target is not None and found <= target):
            return Change(found, found, None)
        every = history()
        path = [each for each in reversed(every) if each.id <= found and (target is None or each.id > target)]
        _refuse(database, connection, path, found, revision, down=True)
        lost = preflight.losses(connection, path)
        if lost and not allow_loss:
            raise WouldLose(database.url, found, revision, lost)
        saved = _save(database, found, wanted=backup)
        before = {each.id: older.id for older, each in itertools.pairwise(every)}
        configured = config(connection=connection)
        steps = [(each, before.get(each.id, "base")) for each in path]
        _walk(database, connection, steps, lambda target: command.downgrade(configured, target), progress)
    database.prepared = False
    return Change(found, target, saved)


def _repair(database: Database, connection: Connection) -> tuple[str, ...]:
    """Create views again that are not as the newest revision has them, and name them."""
    try:
        found = drift.differences(database.backend, connection)
    except ViewsNotComparable:
        return ()  # whoever may not look at definitions may not create views
    drift.repair(database.backend, connection, found)
    return tuple(f"{difference.kind} {difference.name}" for difference in found)


def losses(database: Database, revision: str) -> list[Loss]:
    """What a downgrade to a revision would lose of what is stored now."""
    target = None if revision == "base" else _known(revision)
    with database.engine.connect() as connection:
        found = _found(database, connection)
        path = [each for each in history() if found and each.id <= found and (target is None or each.id > target)]
        return preflight.losses(connection, path[::-1])


def _refuse(
    database: Database, connection: Connection, path: Sequence[Revision], found: str, target: str, *, down: bool
) -> None:
    """Look for what would make the change fail half-way, before anything is changed."""
    findings = [*preflight.orphans(connection), *preflight.blocks(connection, path, down=down)]
    if findings:
        raise ChangeBlocked(database.url, found, target, findings)


def _save(database: Database, found: str, *, wanted: bool) -> Path | None:
    """Make a backup while nobody else writes."""
    saved = before_change(database, found) if wanted else None
    need_room_for_change(database)
    return saved


def _walk(
    database: Database,
    connection: Connection,
    steps: Sequence[tuple[Revision, str]],
    go: Callable[[str], None],
    progress: Callable[[Step], None],
) -> None:
    """Change the schema revision by revision, and tell of each before it starts."""
    if progress is _silent:
        for _, target in steps[-1:]:
            go(target)  # Alembic reads its scripts anew each time: all in one go takes a third of the time
        return
    moved, spent = 0, 0.0
    for number, (revision, target) in enumerate(steps, 1):
        tables = set(inspect(connection).get_table_names())
        counts = {table: _count(connection, table) for table in revision.moves if table in tables}
        rows, seconds = sum(counts.values()), None
        if rows >= MANY:
            seconds = rows * (
                spent / moved if moved else _pace(database, connection, max(counts, key=counts.__getitem__))
            )
        progress(Step(revision, number, len(steps), rows, seconds))
        start = time.monotonic()
        go(target)
        if rows >= MANY:
            moved, spent = moved + rows, spent + time.monotonic() - start


def _count(connection: Connection, table: str) -> int:
    found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608  a constant of ours
    return found


def _pace(database: Database, connection: Connection, table: str) -> float:
    """Seconds that it takes to copy a row, without any key, by a sample."""
    start = time.monotonic()
    sample = f"SELECT * FROM {table} LIMIT {MANY // 10}"  # noqa: S608  constants of ours
    connection.execute(text(f"CREATE TEMPORARY TABLE persistdb_sample AS {sample}"))
    pace = (time.monotonic() - start) / (MANY // 10)
    connection.execute(text(f"{database.backend.drop_temporary_table} persistdb_sample"))
    return pace


@contextlib.contextmanager
def alone(database: Database, wait: float = WAIT) -> Iterator[Connection]:
    """Give a connection on which this program, and no other, may change the schema; committed at the end."""
    try:
        with (
            _one_at_a_time,
            database.writer.connect() as connection,
            database.backend.exclusive(connection, wait),
        ):
            yield connection
    except StillLocked:
        raise Busy(database.url, f"another program has been changing the schema for {wait:g} s") from None
    except Orphans as orphans:
        rows = ", ".join(f"{table} row {row} without {parent}" for table, row, parent, _ in orphans.rows)
        raise Corrupt(database.url, f"rows without their parent, so nothing was changed: {rows}") from None
    except (SQLAlchemyError, database.driver_error, OSError) as error:
        raise database.failure(error) from error


def _known(revision: str) -> str:
    if revision == "head":
        return version.HEAD
    if revision not in version.REVISIONS:
        raise NotFound("schema revision", revision)
    return revision


def _found(database: Database, connection: Connection) -> str | None:
    """The revision that the database is at, once nobody else changes it."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise SchemaMissing(database.url, None, version.HEAD)
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is not None and found not in version.REVISIONS:
        raise SchemaTooNew(database.url, found, version.HEAD)
    return found
