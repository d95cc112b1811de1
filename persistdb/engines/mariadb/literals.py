"""Long texts as the literals that the server needs, and no longer.

The drivers send parameters as literals, and escape seven characters in each, quotation marks included, of which JSON is
full: PyMySQL character by character, and the server takes them out again in the same way. Within single quotes only
these and backslashes need it (mariadb.com/kb/en/string-literals). For rows as JSON that is half of what a program does
for a bulk save, and a fourth of its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine

LONG = 1024
"""The characters from which a text is sent so."""


class LongText:
    """A parameter, of a type for which the drivers can be told what its literal is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def literal(value: LongText, _mapping: object = None) -> str:
    """Return it as a literal of SQL.

    A quote is doubled, which ends no literal in the mode NO_BACKSLASH_ESCAPES, either: no session of ours has it.
    """
    return f"'{value.text.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}'"


def take(engine: Engine, conversions: Mapping[Any, Any]) -> None:
    """Let an engine's connections take long texts, beside what a driver converts."""
    known = {**conversions, LongText: literal}

    @event.listens_for(engine, "do_connect")
    def _teach(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        parameters["conv"] = known


def marked(values: Any) -> Any:
    """Return parameters with the long texts among them marked as such."""
    # without a call for each value: a change of state has nine
    if type(values) is dict or isinstance(values, Mapping):
        return {
            name: LongText(value) if type(value) is str and len(value) >= LONG else value
            for name, value in values.items()
        }
    return [LongText(value) if type(value) is str and len(value) >= LONG else value for value in values]
