"""From a node's files into the store."""

from .importer import Importer, Observer

__all__ = ["Importer", "Observer"]
