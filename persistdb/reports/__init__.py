"""Named reports: questions that operators ask again and again, each one SELECT over the views in a file of its own."""

from .catalog import Report, find, folder, locate, names, read
from .parameters import Parameter
from .run import run

__all__ = ["Parameter", "Report", "find", "folder", "locate", "names", "read", "run"]
