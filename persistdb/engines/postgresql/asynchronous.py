"""PostgreSQL for asyncio, through psycopg's own connections for it."""

from __future__ import annotations

from ..asynchronous import Asynchronous
from .backend import PostgreSQL


class AsyncPostgreSQL(Asynchronous, PostgreSQL):
    """A server for a fleet, for tasks of asyncio."""

    drivername = "postgresql+psycopg_async"
