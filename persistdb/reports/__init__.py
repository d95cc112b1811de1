"""Named reports, each one SELECT over the views in an SQL file, and other questions that operators ask."""

from ..places import reports_folder as folder
from .catalog import Report, find, locate, names, read
from .ordering import ordered
from .parameters import Parameter
from .run import run
from .scope import hosts

__all__ = ["Parameter", "Report", "find", "folder", "hosts", "locate", "names", "ordered", "read", "run"]
