"""The programs that a change of the schema lets use the database: what each revision declares, in the database.

Where DDL is transactional, the row of ``schema_support`` changes with the schema. On MariaDB it is raised before, so
that no old program writes what a change does not expect, and lowered after.
"""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..errors import Busy
from .names import BACKFILL, LEASES, SUPPORT, TABLES
from .version import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationInfo
    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from .revisions import Revision

log = logging.getLogger("persistdb")

FIRST = "0011"
"""The revision that makes the table."""


def declare(*, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
    """Write what holds after a step: who may use the database, what is to be filled. Alembic calls it in the step."""
    above = str(step.up_revision_id)
    revision = above if step.is_upgrade else next(iter(step.down_revision_ids), None)
    if revision is None or revision < FIRST:
        return
    module: Any = ctx.script.get_revision(revision).module  # type: ignore[union-attr]  # it is one that was run
    ctx.impl.execute(_setting(module.MIN_READER, module.MIN_WRITER))
    if not step.is_upgrade:
        ctx.impl.execute(f"DELETE FROM {BACKFILL} WHERE revision = '{above}'")
        return
    for name in getattr(module, "FILLS", {}):
        ctx.impl.execute(_to_fill(above, name.partition(".")[0]))


def _to_fill(revision: str, table: str) -> str:
    there = f"SELECT 1 FROM {BACKFILL} WHERE revision = '{revision}' AND table_name = '{table}'"
    return (
        f"INSERT INTO {BACKFILL} (revision, table_name, behind)"
        f" SELECT '{revision}', '{table}', -1 WHERE NOT EXISTS ({there})"  # keys are positive
    )


def _setting(min_reader: str, min_writer: str) -> str:
    return f"UPDATE {SUPPORT} SET min_reader = '{min_reader}', min_writer = '{min_writer}'"


def closing(
    database: Database, every: Sequence[Revision], path: Sequence[Revision], current: str | None, *, down: bool = False
) -> frozenset[str]:
    """Return the revisions of a path that programs which use the database now would not survive.

    They are the ones that no longer let the programs of before in. On MariaDB, which commits with each statement, they
    are all that rows written meanwhile would be lost to: copies of tables, and each step back.
    """
    if current is None:
        return frozenset()
    alone = database.backend.transactional_ddl
    before = {newer.id: older for older, newer in itertools.pairwise(every)}
    return frozenset(
        each.id
        for each in path
        if each.id > FIRST
        and ((_is_stricter(each, before[each.id]) and not down) or (not alone and (down or bool(each.moves))))
    )


def _is_stricter(revision: Revision, before: Revision) -> bool:
    return revision.min_reader > before.min_reader or revision.min_writer > before.min_writer


def finish(database: Database, connection: Connection, current: str, history: Callable[[], Sequence[Revision]]) -> None:
    """Say what holds at a revision where a change came to it, and was interrupted before it had said so."""
    target = _interrupted(database, connection, current)
    if target != current:
        return
    (revision,) = (each for each in history() if each.id == current)
    connection.execute(text(f"DELETE FROM {BACKFILL} WHERE revision > '{current}'"))
    for name in revision.backfill:
        connection.execute(text(_to_fill(current, name.partition(".")[0])))
    connection.execute(text(_setting(revision.min_reader, revision.min_writer)))


def refuse_interrupted(database: Database, connection: Connection, current: str) -> None:
    """Raise :class:`~persistdb.errors.Busy` where a downgrade was interrupted that an upgrade cannot undo."""
    target = _interrupted(database, connection, current)
    if target is not None and target < current:
        raise Busy(database.url, f"a downgrade to {target} was interrupted: start it again, and upgrade after it")


def _interrupted(database: Database, connection: Connection, current: str) -> str | None:
    """Return the revision to which an interrupted change leads; where DDL is transactional there is none."""
    if database.backend.transactional_ddl or current < FIRST:
        return None
    if not inspect(connection).has_table(SUPPORT):  # the downgrade to where it does not exist
        return None
    found = str(connection.execute(text(f"SELECT min_writer FROM {SUPPORT}")).scalar())
    return found.removeprefix(CLOSED) if found.startswith(CLOSED) else None


def close(database: Database, connection: Connection, target: str) -> None:
    """Keep programs from writing until the change is over, and wait for the transactions in which they do."""
    log.warning("%s: programs cannot write until the schema is changed; waiting for their transactions", database.url)
    before = None
    if not database.backend.transactional_ddl:
        before = connection.execute(text(f"SELECT min_writer FROM {SUPPORT}")).scalar_one()
        connection.execute(text(f"UPDATE {SUPPORT} SET min_writer = '{CLOSED}{target}'"))
        connection.commit()
    present = inspect(connection).get_table_names()
    # leases are renewed meanwhile
    waited_for = (table for table in (*TABLES, SUPPORT) if table in present and table not in LEASES)
    try:
        database.backend.wait_for_writers(connection, list(waited_for))
    except BaseException:
        if before is not None:  # nothing was changed: programs may go on
            with contextlib.suppress(SQLAlchemyError):
                connection.rollback()
                connection.execute(text(f"UPDATE {SUPPORT} SET min_writer = :before"), {"before": before})
                connection.commit()
        raise
