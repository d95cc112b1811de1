"""Whether a database is what the program takes it for: schema, file, keys, and rules that SQL can't state."""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from ..engines import ViewsNotComparable
from ..errors import Finding, SchemaOutdated, SchemaTooNew
from . import drift, preflight, version
from .migrate import COMPARISON
from .tables import Base

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..engines import Backend

# What holds for all rows that persistdb writes, and no constraint of a single table can say.
_RULES = {
    "containers without a rootfs (the mount at position 0)": (
        "SELECT sandbox.host, sandbox.sid, container.cid FROM container"
        " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE NOT EXISTS"
        " (SELECT 1 FROM mount WHERE mount.container_id = container.id AND mount.position = 0)"
    ),
    "sandboxes that were changed before they were made": (
        "SELECT host, sid, created_at, updated_at FROM sandbox WHERE updated_at < created_at"
    ),
    "containers that were changed before they were made": (
        "SELECT sandbox.host, sandbox.sid, container.cid, container.created_at, container.updated_at FROM container"
        " JOIN sandbox ON sandbox.id = container.sandbox_id WHERE container.updated_at < container.created_at"
    ),
}

for _table, _what in (("mount", "mounts"), ("device_map", "device maps"), ("process", "processes")):
    _RULES[f"places missing in the list of {_what}"] = (
        "SELECT sandbox.host, sandbox.sid, container.cid, places.n AS listed, places.last AS last_place"
        f" FROM (SELECT container_id, count(*) AS n, max(position) AS last FROM {_table} GROUP BY container_id"
        " HAVING max(position) <> count(*) - 1) places JOIN container ON container.id = places.container_id"
        " JOIN sandbox ON sandbox.id = container.sandbox_id"
    )


def check(database: Database) -> list[Finding]:
    """Look for anything that is wrong; nothing is changed, and an empty list is good news.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`: what is wrong with rows of another schema can't be told.
    """
    found = version.current(database)
    if found is None:
        version.refuse_foreign(database)
    if found != version.HEAD:
        kind = SchemaOutdated if found is None or found in version.REVISIONS else SchemaTooNew
        raise kind(database.url, found, version.HEAD)
    try:
        with database.engine.connect() as connection:
            findings = [Finding(f"the file is damaged: {fault}") for fault in database.backend.damage(connection)]
            findings += _schema(connection)
        # a transaction of their own: a server may be asked to let it write, which must be its first statement
        with database.engine.connect() as connection:
            findings += _views(database.backend, connection)
        with database.engine.connect() as connection:
            findings += preflight.orphans(connection)
            for what, statement in _RULES.items():
                findings += preflight.find_rows(connection, what, statement)
    except SQLAlchemyError as error:
        raise database.failure(error) from error
    return findings


def _views(backend: Backend, connection: Connection) -> list[Finding]:
    """Return a finding for each view that is missing or was changed."""
    try:
        found = drift.differences(backend, connection)
    except ViewsNotComparable as error:
        return [Finding(f"the views could not be compared with their definitions: {error.remedy}")]
    return [Finding(f"{difference}; persistdb db upgrade creates it again") for difference in found]


def _schema(connection: Connection) -> list[Finding]:
    """Where the tables differ from the mapped classes."""
    context = MigrationContext.configure(connection, opts=dict(COMPARISON))
    return [
        Finding(f"the schema differs from this program's: {difference!r}")
        for difference in compare_metadata(context, Base.metadata)
    ]
