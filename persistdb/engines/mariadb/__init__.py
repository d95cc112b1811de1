"""MariaDB: a server for a fleet."""

from .backend import MariaDB

__all__ = ["MariaDB"]
