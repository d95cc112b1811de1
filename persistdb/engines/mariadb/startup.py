"""What SQLAlchemy asks a server when an engine's first connection opens, answered without it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..base import native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

# SERVER_STATUS_IN_TRANS, which the server sends with each answer (MariaDB's documentation, "OK_Packet")
_IN_TRANSACTION = 1
# ER_LOCK_DEADLOCK
_CLASH = 1213


def in_transaction(driver: Any) -> bool:
    """Return whether a connection of the driver's own is in a transaction, by the server's last answer."""
    return bool(driver.server_status & _IN_TRANSACTION)


@contextlib.contextmanager
def rolled_back_anyway() -> Iterator[None]:
    """Take no offence at a ROLLBACK of what is rolled back: a cluster's node tells it of a clash with another node."""
    try:
        yield
    except Exception as error:  # the driver's own, of whichever it is
        if not error.args or error.args[0] != _CLASH:
            raise


def spare_questions(engine: Engine, sql_mode: str) -> None:
    """Leave none of five statements, where the URL names the database."""
    dialect: Any = engine.dialect
    parse, ask = dialect._parse_server_version, dialect._get_default_schema_name  # noqa: SLF001
    # There are no hooks for these, but that they are methods.
    dialect._get_server_version_info = lambda connection: parse(  # noqa: SLF001
        native(connection.connection.dbapi_connection).get_server_info()
    )
    dialect._get_default_schema_name = lambda connection: engine.url.database or ask(connection)  # noqa: SLF001
    # both are among the session's settings
    dialect.get_default_isolation_level = lambda _driver: "READ COMMITTED"
    dialect._detect_sql_mode = lambda _connection: setattr(dialect, "_sql_mode", sql_mode)  # noqa: SLF001
    # the driver would send a ROLLBACK, and wait for its answer, where there is nothing to roll back
    roll_back = dialect.do_rollback

    def roll_back_if_needed(pooled: Any) -> None:
        if in_transaction(native(pooled.dbapi_connection)):
            with rolled_back_anyway():
                roll_back(pooled)

    dialect.do_rollback = roll_back_if_needed
    # how the server folds the names of tables: ours are in lower case
    dialect._detect_casing = lambda _connection: 0  # noqa: SLF001
