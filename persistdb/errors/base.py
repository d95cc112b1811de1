"""The base of all errors, and the commands that they name."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(eq=False)
class PersistDBError(Exception):
    """The base of all that persistdb raises."""

    def __reduce__(self) -> tuple[object, ...]:
        # A dataclass keeps its values in fields, not in ``args``: without this, keyword values are lost in a pickle.
        return _rebuild, (type(self), dict(self.__dict__))

    def on_command_line(self) -> str:
        """Return the message with the command or option that helps, where ``str()`` names Python's call."""
        return str(self)


def _rebuild(cls: type[PersistDBError], fields: dict[str, object]) -> PersistDBError:
    error = cls.__new__(cls)
    error.__dict__.update(fields)
    return error


def command(url: str, words: str) -> str:
    """Write a command on a database; with its URL, unless that is shown without its password."""
    return f"persistdb {words}" if "***" in url else f"persistdb --db {shlex.quote(url)} {words}"
