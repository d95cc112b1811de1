"""Named reports, each one SELECT over the views in an SQL file, and other questions that operators ask.

Each name is imported when it is first used: the command line's lists use modules of this package, and none of these.
"""

from typing import TYPE_CHECKING

from ..places import reports_folder as folder

if TYPE_CHECKING:
    from .catalog import AT, Report, find, locate, names, read
    from .ordering import ordered
    from .pages import Page, stream
    from .parameters import Parameter
    from .runner import check_time, run, whole
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

_HOMES = {
    **dict.fromkeys(("AT", "Report", "find", "locate", "names", "read"), "catalog"),
    **dict.fromkeys(("check_time", "run", "whole"), "runner"),
    **dict.fromkeys(("Page", "stream"), "pages"),
    "Parameter": "parameters",
    "hosts": "scope",
    "ordered": "ordering",
}

if not TYPE_CHECKING:  # a checker would take any name for one of these

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
