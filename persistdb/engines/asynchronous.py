"""What the engines' drivers for asyncio share: SQLAlchemy runs the code for the others on them, in greenlets."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import greenlet  # noqa: F401  SQLAlchemy would miss it at the first call only
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.ext.asyncio import create_async_engine

from .base import Backend

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.pool import PoolProxiedConnection


class Asynchronous(Backend):
    """The part of a backend that differs for asyncio, to be inherited from before the engine's own class."""

    pool_class = AsyncAdaptedQueuePool
    is_in_process = False  # SQLite's connections have threads of their own

    def new_engine(self, url: URL, **options: Any) -> Engine:
        """Make an engine whose connections switch to the event loop where they wait."""
        own = url.set(drivername=self.drivername)
        return create_async_engine(own, **{**options, **self.engine_options}).sync_engine

    def take(self, engine: Engine, again: bool) -> PoolProxiedConnection | None:  # noqa: ARG002  the others' signature
        """Take none: what a task forgets cannot be replaced where it is collected."""
        return None

    def kept_cursor(self, pooled: PoolProxiedConnection, sql: str) -> Any:  # noqa: ARG002  the others' signature
        """Keep none: SQLAlchemy wraps each."""
        return None

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  the others' signature
        """Send statements one by one: what SQLAlchemy makes of the drivers' cursors reads each answer at once."""
        return nullcontext()
