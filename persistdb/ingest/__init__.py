"""From a node's files into the store."""

from .importer import Importer
from .observer import Observer

__all__ = ["Importer", "Observer"]
