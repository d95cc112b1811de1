"""Named reports, each one SELECT over the views in an SQL file, and other questions that operators ask."""

from ..places import reports_folder as folder
from .catalog import AT, Report, find, locate, names, read
from .ordering import ordered
from .pages import Page, stream
from .parameters import Parameter
from .run import check_time, run, whole
from .scope import hosts

__all__ = [
    "AT",
    "Page",
    "Parameter",
    "Report",
    "check_time",
    "find",
    "folder",
    "hosts",
    "locate",
    "names",
    "ordered",
    "read",
    "run",
    "stream",
    "whole",
]
