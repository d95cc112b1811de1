"""What SQLAlchemy asks a server when an engine's first connection opens, answered without it where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import native
from .session import pooler_fault

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection


def spare_questions(engine: Engine, *, pooled: bool) -> None:
    """Leave one statement of five, which tells of a pooler that nobody spoke of, too."""
    dialect: Any = engine.dialect

    def schema(connection: Connection) -> str | None:
        name, process = connection.exec_driver_sql("SELECT current_schema(), pg_backend_pid()").one()
        fault = "" if pooled else pooler_fault(_info(connection), process)
        if fault:
            raise dialect.loaded_dbapi.NotSupportedError(fault)
        found: str | None = name
        return found

    # There are no hooks for these, but that they are methods.
    dialect._get_server_version_info = _version  # noqa: SLF001
    dialect._get_default_schema_name = schema  # noqa: SLF001
    # both are among the session's settings
    dialect.get_default_isolation_level = lambda _driver: "READ COMMITTED"
    dialect._set_backslash_escapes = lambda _connection: None  # noqa: SLF001
    dialect._backslash_escapes = False  # noqa: SLF001


def _info(connection: Connection) -> Any:
    return native(connection.connection.dbapi_connection).info


def _version(connection: Connection) -> tuple[int, int]:
    """Return the version, which the server tells when a session starts: 150004 is 15.4."""
    number: int = _info(connection).server_version
    return number // 10000, number % 10000
