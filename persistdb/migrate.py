"""Changes of the schema from one version to another, with or without a checkout.

A change is one transaction on SQLite and PostgreSQL. On MariaDB it is one for each revision, and a change that was cut
off goes on where it stopped when it is started again.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from . import preflight, schema
from .backup import before_change, need_room_for_change
from .engines.alone import ALONE, Orphans, StillLocked
from .errors import Busy, ChangeBlocked, Corrupt, NotFound, SchemaMissing, SchemaTooNew, WouldLose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from .database import Database
    from .errors import Loss

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


@dataclass(frozen=True)
class Revision:
    """One version of the schema: what it is for, what going back from it loses, and what stands in its way.

    ``loses`` maps ``table.column`` to a SELECT that counts the rows of which the downgrade loses something; the others
    map a reason to a SELECT of the rows that make the change impossible.
    """

    id: str
    text: str
    loses: Mapping[str, str]
    blocks_upgrade: Mapping[str, str]
    blocks_downgrade: Mapping[str, str]
    moves: tuple[str, ...]
    """Tables whose rows it copies."""

    @property
    def title(self) -> str:
        """The first sentence of what it is for."""
        return " ".join(self.text.split("\n\n")[0].split())


@dataclass(frozen=True)
class Step:
    """A revision that is about to be made or undone, the ``number``-th of ``total``, and how many rows it copies.

    ``seconds`` is how long the copying takes if it goes as fast as before in this change; before the first, it is the
    least that it takes, by a sample of the rows. ``None`` for few rows.
    """

    revision: Revision
    number: int
    total: int
    rows: int
    seconds: float | None = None


@dataclass(frozen=True)
class Change:
    """What was done: the revisions before and after, and the backup that was made first, if any."""

    before: str | None
    after: str | None
    backup: Path | None


def _silent(_: Step) -> None:
    """Tell nobody."""


def script_location() -> Path:
    """The folder of the revisions: within the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def history() -> list[Revision]:
    """All revisions, oldest first."""
    found = []
    for script in ScriptDirectory.from_config(_config()).walk_revisions():
        module = script.module
        found.append(
            Revision(
                script.revision,
                (module.__doc__ or "").strip(),
                module.LOSES,
                getattr(module, "BLOCKS_UPGRADE", {}),
                getattr(module, "BLOCKS_DOWNGRADE", {}),
                getattr(module, "MOVES", ()),
            )
        )
    return found[::-1]


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

    ``host`` is given to sandboxes from before there were hosts, ``moment`` to rows from before there were times.
    ``wait`` is how many seconds to wait for others who use the tables.

    Raises :class:`~persistdb.errors.SchemaTooNew`, :class:`~persistdb.errors.SchemaMissing`,
    :class:`~persistdb.errors.ChangeBlocked`, :class:`~persistdb.errors.StorageFull`,
    :class:`~persistdb.errors.Busy`.
    """
    target = _known(revision)
    with alone(database, wait) as connection:
        found = _found(database, connection)
        path = [each for each in history() if (found is None or each.id > found) and each.id <= target]
        saved = None
        if found is not None and path:
            _refuse(database, connection, path, found, target, down=False)
            saved = _save(database, found, wanted=backup)
        config = _config(connection=connection, host=host, moment=moment or datetime.now(UTC))
        _walk(
            database,
            connection,
            [(each, each.id) for each in path],
            lambda target: command.upgrade(config, target),
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
        config = _config(connection=connection)
        steps = [(each, before.get(each.id, "base")) for each in path]
        _walk(database, connection, steps, lambda target: command.downgrade(config, target), progress)
    database.prepared = False
    return Change(found, target, saved)


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
    writer = database.engine.execution_options(persistdb_begin="write")
    try:
        with _one_at_a_time, writer.connect() as connection, ALONE[database.backend.name](connection, wait):
            yield connection
    except StillLocked:
        raise Busy(database.url, f"another program has been changing the schema for {wait:g} s") from None
    except Orphans as orphans:
        rows = ", ".join(f"{table} row {row} without {parent}" for table, row, parent, _ in orphans.rows)
        raise Corrupt(database.url, f"rows without their parent, so nothing was changed: {rows}") from None
    except (SQLAlchemyError, database.driver_error, OSError) as error:
        raise database.failure(error)[0] from error


def _known(revision: str) -> str:
    if revision == "head":
        return schema.HEAD
    if revision not in schema.REVISIONS:
        raise NotFound("schema revision", revision)
    return revision


def _found(database: Database, connection: Connection) -> str | None:
    """The revision that the database is at, once nobody else changes it."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise SchemaMissing(database.url, None, schema.HEAD)
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is not None and found not in schema.REVISIONS:
        raise SchemaTooNew(database.url, found, schema.HEAD)
    return found


@cache
def _location() -> str:
    # a "%" would be taken for the beginning of a variable
    return str(script_location()).replace("%", "%%")


def _config(**attributes: Any) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", _location())
    config.set_main_option("path_separator", "os")
    config.attributes.update(attributes)
    return config
