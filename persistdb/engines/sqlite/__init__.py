"""SQLite: the default, one file on the node."""

from .backend import SQLite
from .library import driver

__all__ = ["SQLite", "driver"]
