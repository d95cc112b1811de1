"""psycopg's pipeline mode, in which statements are sent together."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any

from ..base import native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

log = logging.getLogger("persistdb")


@functools.cache
def _is_supported() -> bool:
    from psycopg import Pipeline

    return Pipeline.is_supported()


def begin(driver: Any) -> AbstractContextManager[object]:
    """Use it where libpq is PostgreSQL 14's or a later one."""
    return _pipeline(driver) if _is_supported() else contextlib.nullcontext()


@contextlib.contextmanager
def _pipeline(driver: Any) -> Iterator[None]:
    """End it so that psycopg says nothing of an error behind the first one, which is the one that is raised.

    It would warn in the log ("error ignored terminating"), and so on the standard error of a program without one.
    """
    failure: BaseException | None = None
    try:
        with driver.pipeline():
            try:
                yield
            except BaseException as error:  # noqa: BLE001  it is raised below
                failure = error
    except Exception as error:
        if failure is None:
            raise
        log.debug("an error behind another: %s", error)
    if failure is not None:
        raise failure


def lost_if_left_open(engine: Engine) -> None:
    """Take a connection for lost whose pipeline could not be ended, for nothing else can be done with it.

    It ends with "cannot exit pipeline mode while busy" where the server goes away, and psycopg does not know yet that
    the connection is broken. Whoever asks is outside of the pipeline.
    """
    dialect: Any = engine.dialect
    is_disconnect = dialect.is_disconnect

    def is_lost(error: BaseException, connection: Any, cursor: Any) -> bool:
        return bool(is_disconnect(error, connection, cursor)) or (
            isinstance(error, dialect.loaded_dbapi.Error) and connection is not None and _is_open(native(connection))
        )

    dialect.is_disconnect = is_lost


def _is_open(connection: Any) -> bool:
    return bool(connection.pgconn.pipeline_status)
