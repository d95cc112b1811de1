"""PostgreSQL: a server for a fleet."""

from .backend import PostgreSQL

__all__ = ["PostgreSQL"]
