"""Damage that the driver cannot put into words.

SQLite quotes a damaged schema in its message. If those bytes are not UTF-8, the driver fails to decode the message, and
raises UnicodeDecodeError instead of its own error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import ExceptionContext


def error_of(module: Any) -> Exception:
    """Return the driver's error for such damage, as it would be with a message."""
    error: Exception = module.DatabaseError("malformed database schema: it holds text that is not UTF-8")
    error.sqlite_errorname = "SQLITE_CORRUPT"  # type: ignore[attr-defined]  # the driver sets it alike
    return error


def translate(engine: Engine, module: Any) -> None:
    """Give SQLAlchemy the driver's error in the place of UnicodeDecodeError."""
    from sqlalchemy import event
    from sqlalchemy.exc import DatabaseError

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> BaseException | None:
        if not isinstance(context.original_exception, UnicodeDecodeError):
            return None
        return DatabaseError(context.statement, context.parameters, error_of(module))
