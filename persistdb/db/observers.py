"""SQLAlchemy's events, and its echo, for statements that do not pass through it: who listens hears of all alike.

Tracing tools listen to ``before_cursor_execute``, ``after_cursor_execute`` and ``handle_error`` (SQLAlchemy,
"Core Events"), and keep what they began, a span for example, in the execution context that they are given.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection as SQLAlchemyConnection
from sqlalchemy.engine.base import ExceptionContextImpl
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

_LONGEST = 300  # characters of a statement's parameters that echo shows


class Execution(SimpleNamespace):
    """The execution of one statement, as listeners see it: what SQLAlchemy compiles is not there."""

    compiled = None
    invoked_statement = None
    executemany = False


def execute(
    engine: Engine,
    pooled: PoolProxiedConnection,
    cursor: Any,
    sql: str,
    values: Any,
    run: Callable[[Any, str, Any], None],
) -> None:
    """Run a statement, and tell who listens before and after it; listeners may change it."""
    connection = SQLAlchemyConnection(engine, connection=pooled)
    context: Any = Execution(statement=sql, parameters=values, root_connection=connection)
    for listener in engine.dispatch.before_cursor_execute:
        sql, values = listener(connection, cursor, sql, values, context, False)
    echo(engine, sql, values)
    try:
        run(cursor, sql, values)
    except BaseException as error:
        fail(engine, error, cursor, sql, values, connection, context)
        raise
    for listener in engine.dispatch.after_cursor_execute:
        listener(connection, cursor, sql, values, context, False)


def fail(
    engine: Engine,
    error: BaseException,
    cursor: Any,
    sql: str,
    values: Any,
    connection: SQLAlchemyConnection | None = None,
    context: Any = None,
) -> None:
    """Tell who listens of a statement's error; what they return in its place is for SQLAlchemy's own statements."""
    dialect: Any = engine.dialect
    listeners = list(dialect.dispatch.handle_error)
    if not listeners:
        return
    wrapped, lost = None, False
    if isinstance(error, dialect.loaded_dbapi.Error):
        driver = connection.connection.dbapi_connection if connection is not None else None
        lost = dialect.is_disconnect(error, driver, cursor)
        wrapped = DBAPIError.instance(
            sql, values, error, dialect.loaded_dbapi.Error, hide_parameters=engine.hide_parameters, dialect=dialect
        )
    for listener in listeners:
        listener(
            ExceptionContextImpl(
                error, wrapped, engine, dialect, connection, cursor, sql, values, context, lost, lost, False
            )
        )


def echo(engine: Engine, sql: str, values: Any = None) -> None:
    """Write a statement where SQLAlchemy's ``echo`` does."""
    if engine.logger.isEnabledFor(logging.INFO):
        engine.logger.info(sql)
        if values:
            shown = "parameters are hidden" if engine.hide_parameters else _short(repr(values))
            engine.logger.info("[fixed statement] %s", shown)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text)} characters)"
