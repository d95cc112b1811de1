"""Alembic's entry to the history: from ``alembic`` in a checkout, or from :mod:`persistdb.schema.migrate`.

The latter passes a connection, its backend, and what a revision may ask of its context (``op.get_context().opts``):
``host``, for rows that were stored before sandboxes had hosts, and ``moment``, the timestamp of the whole change.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from logging.config import fileConfig
from typing import TYPE_CHECKING, Any, Literal

from alembic import context
from alembic.util import CommandError

from persistdb.db.database import Database
from persistdb.engines import resolve
from persistdb.engines.types import OnMariaDB, UTCDateTime
from persistdb.schema import drift, migrate, support
from persistdb.schema.metadata import METADATA
from persistdb.schema.names import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.autogenerate.api import AutogenContext
    from alembic.operations.ops import MigrationScript
    from sqlalchemy.engine import Connection

    from persistdb.engines import Backend

config = context.config
given = context.get_x_argument(as_dictionary=True)


def _number(_context: object, revisions: Any, directives: list[MigrationScript]) -> None:
    """Give a new revision the next number, unless the command line gave it an ID."""
    for script in directives:
        if getattr(config.cmd_opts, "rev_id", None) is None:
            newest = max((revision for revision in _flat(revisions)), default="0000")
            script.rev_id = f"{int(newest) + 1:04}"


def _flat(revisions: Any) -> Iterable[str]:
    return [revisions] if isinstance(revisions, str) else (revisions or [])


def _render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Write a type of the program's own as the frozen one that it stands for: a revision imports nothing of today's."""
    if kind == "type" and isinstance(item, UTCDateTime):
        context.imports.add("from persistdb.schema import ops")
        return "ops.MOMENT"
    if kind == "type" and isinstance(item, OnMariaDB):
        context.imports.add("from sqlalchemy.dialects import mysql")
        return f"mysql.{item.own()!r}"
    return False  # Alembic's own way


def _options(backend: Backend) -> dict[str, Any]:
    return {
        "target_metadata": METADATA,
        "version_table": VERSION,
        **drift.COMPARISON,
        "process_revision_directives": _number,
        "render_item": _render,
        # Alembic takes SQLite for an engine without it, because of its driver's usual mode; ours begins with BEGIN
        "transactional_ddl": backend.transactional_ddl,
        # where DDL commits, the version must not lag behind more than one revision
        "transaction_per_migration": not backend.transactional_ddl,
        # with the version, in its transaction
        "on_version_apply": support.declare,
        "host": config.attributes.get("host", given.get("host", "")),
        "moment": config.attributes.get("moment") or datetime.now(UTC),
    }


def _run(connection: Connection, backend: Backend) -> None:
    context.configure(connection=connection, **_options(backend))
    with context.begin_transaction():
        context.run_migrations()


def _url() -> str:
    url = given.get("db") or os.environ.get("PERSISTDB_URL")
    if not url:
        message = "which database? Give its URL in PERSISTDB_URL, or before the command: alembic -x db=URL …"
        raise CommandError(message)
    return url


def _write_sql() -> None:
    """Write the SQL to the output instead of running it (``--sql``)."""
    backend, url = resolve(_url())
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **_options(backend))
    for statement in backend.before_script:
        context.get_context().impl.static_output(f"{statement};")
    with context.begin_transaction():
        context.run_migrations()


connection = config.attributes.get("connection")
if connection is not None:
    _run(connection, config.attributes["backend"])
else:
    if config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    if context.is_offline_mode():
        _write_sql()
    else:
        with Database(_url()) as database, migrate.exclusive_connection(database) as connection:
            _run(connection, database.backend)
