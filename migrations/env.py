"""Alembic's way into the history: from ``alembic`` in a checkout, or :mod:`persistdb.schema.migrate` with a connection.

What a revision may ask of its context (``op.get_context().opts``): ``host``, the host of rows from before there were
hosts, and ``moment``, the one moment that is now for the whole change.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from logging.config import fileConfig
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError

from persistdb.db.database import Database
from persistdb.schema import migrate
from persistdb.schema.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.operations.ops import MigrationScript
    from sqlalchemy.engine import Connection

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


def _options(dialect: str) -> dict[str, Any]:
    return {
        "target_metadata": Base.metadata,
        **migrate.COMPARISON,
        "process_revision_directives": _number,
        # Alembic takes SQLite for an engine without transactional DDL, for its driver's sake; ours begins with BEGIN
        "transactional_ddl": True if dialect == "sqlite" else None,
        # MariaDB commits with each DDL statement: the version must not lag behind more than one revision
        "transaction_per_migration": dialect in {"mysql", "mariadb"},
        "host": config.attributes.get("host", given.get("host", "")),
        "moment": config.attributes.get("moment") or datetime.now(UTC),
    }


def _run(connection: Connection) -> None:
    context.configure(connection=connection, **_options(connection.dialect.name))
    with context.begin_transaction():
        context.run_migrations()


def _url() -> str:
    url = given.get("db") or os.environ.get("PERSISTDB_URL")
    if not url:
        message = "which database? Give its URL in PERSISTDB_URL, or before the command: alembic -x db=URL …"
        raise CommandError(message)
    return url


def _write_sql() -> None:
    """Write the SQL down instead of running it (``--sql``)."""
    url = sa.make_url(_url())
    dialect = url.get_backend_name()
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **_options(dialect))
    if dialect == "sqlite":
        # with foreign keys on, dropping a table to make it anew deletes its children; it can't be set in a transaction
        context.get_context().impl.static_output("PRAGMA foreign_keys = OFF;")
    with context.begin_transaction():
        context.run_migrations()


connection = config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    if config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    if context.is_offline_mode():
        _write_sql()
    else:
        with Database(_url()) as database, migrate.alone(database) as connection:
            _run(connection)
