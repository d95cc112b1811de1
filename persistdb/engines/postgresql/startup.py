"""What SQLAlchemy asks a server when an engine's first connection opens, answered without it where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import native

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection


def spare_questions(engine: Engine) -> None:
    """Leave one statement of five: which schema is the session's."""
    dialect: Any = engine.dialect
    # There are no hooks for these, but that they are methods.
    dialect._get_server_version_info = _version  # noqa: SLF001
    # both are among the session's settings
    dialect.get_default_isolation_level = lambda _driver: "READ COMMITTED"
    dialect._set_backslash_escapes = lambda _connection: None  # noqa: SLF001
    dialect._backslash_escapes = False  # noqa: SLF001


def _version(connection: Connection) -> tuple[int, int]:
    """Return the version, which the server tells when a session starts: 150004 is 15.4."""
    number: int = native(connection.connection.dbapi_connection).info.server_version
    return number // 10000, number % 10000
