"""What the engines that are servers share: a pool whose connections are pinged only in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Backend
from .idle import shrinking
from .liveness import checkout
from .taking import take

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.pool import PoolProxiedConnection

    from .deadlines import Timeouts


class Server(Backend):
    """An engine that is a server. A class names it behind its own syntax, which comes first."""

    def pooled_engine(self, url: URL, timeouts: Timeouts, pool_size: int, **options: Any) -> Engine:
        """Create an engine with a pool of so many connections, the one used last first."""
        return self.new_engine(
            url,
            poolclass=shrinking(self.pool_class, timeouts.idle),
            pool_use_lifo=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=timeouts.pool,
            **options,
        )

    def checkout(self, engine: Engine, deadline: float, again: bool) -> PoolProxiedConnection:
        """Ping it where that is needed."""
        return checkout(engine, deadline, again)

    def take(self, engine: Engine, again: bool) -> PoolProxiedConnection | None:
        """Take one that needs no ping."""
        return take(engine, again)
