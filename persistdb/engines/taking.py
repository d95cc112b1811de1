"""Connections to servers for units of work, without SQLAlchemy's proxy where they need no ping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from .liveness import DOUBT, USED
from .pool import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection


def take(engine: Engine, again: bool) -> PoolProxiedConnection | None:
    """Take a connection that needs no ping, for a unit of work of which nobody is to hear; ``None`` if there is none.

    ``again``: the unit of work is run again if the connection turns out to be lost.
    """
    pool: Any = engine.pool
    place = pool.take(opens=False) if again else None
    if place is None:
        return None
    used = place.info.get(USED)
    if used is not None and time.monotonic() - used < DOUBT and used > pool.lost_at[0]:
        return cast("PoolProxiedConnection", place)
    place.close()
    return None


def give_back(pooled: PoolProxiedConnection, in_transaction: Callable[[Any], bool]) -> None:
    """Return a connection that :func:`take` took, or another one; a transaction that is open is rolled back."""
    if isinstance(pooled, Place) and pooled.is_valid:
        try:
            if in_transaction(pooled.dbapi_connection):
                pooled.reset()
        except BaseException as error:
            pooled.invalidate(error)
            if not isinstance(error, Exception):
                pooled.close()
                raise
        pooled.info[USED] = time.monotonic()
    pooled.close()
